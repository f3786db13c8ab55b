"""hogwalk's own walk: the best path over all candidate return slots, fused from every clue at hand."""

from hogwalk.walk.rebuild.walk import Rebuilt, rebuild

__all__ = ["Rebuilt", "rebuild"]
