"""hogwalk's own walk: the best path over all candidate return slots, fused from every clue at hand."""

from hogwalk.walk.rebuild.walk import Rebuilt, begun, rebuild

__all__ = ["Rebuilt", "begun", "rebuild"]
