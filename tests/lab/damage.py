"""What a style takes out of the dump: code of modules, a page of the stack."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Dict, FrozenSet, Tuple

from tests.lab.emulate import Run
from tests.lab.styles import Style
from tests.lab.world import World


@dataclass(frozen=True)
class Damage:
    """Modules whose code is gone, with the page offsets that are left of each, and unreadable pages of the stack."""

    missing_code: Dict[str, FrozenSet[int]]
    unreadable_pages: Tuple[int, ...]


def plan_damage(style: Style, world: World, run: Run, rng: Random) -> Damage:
    """Draw the damage of a style: none for most."""
    missing: Dict[str, FrozenSet[int]] = {}
    if style.has("gone"):
        thirds = [module.plan.name for module in world.built if module.plan.third_party]
        for name in rng.sample(thirds, 2):
            missing[name] = frozenset({0} if rng.random() < 0.5 else ())
    pages: Tuple[int, ...] = ()
    if style.has("page"):
        segment = world.segments[0]
        pages = (rng.randrange(segment.limit, segment.base, 0x1000),)
    return Damage(missing, pages)
