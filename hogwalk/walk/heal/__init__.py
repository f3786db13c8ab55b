"""Heals the debugger's own `kf=`: FPO overrides that lead it along hogwalk's walk, and their removal."""

from hogwalk.walk.heal.heal import Healed, heal

__all__ = ["Healed", "heal"]
