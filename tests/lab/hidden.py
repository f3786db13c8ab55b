"""A case's target of which the code of some modules cannot be read, as after paging or in a small dump."""

from __future__ import annotations

from random import Random
from typing import Any, List, Mapping, Tuple, cast

from hogwalk.errors import Unreadable
from hogwalk.targets.protocol import Target
from tests.lab.styles import FIRST_PARTY


class Hidden:
    """A target without the pages of some address ranges [start, end)."""

    def __init__(self, target: Target, ranges: List[Tuple[int, int]]) -> None:
        self._target = target
        self._ranges = ranges

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def read(self, address: int, count: int) -> bytes:
        """As the target's own; raises Unreadable where a hidden byte is asked for."""
        if any(address < end and start < address + count for start, end in self._ranges):
            raise Unreadable(address, count)
        return self._target.read(address, count)


def hide(target: Target, truth: Mapping[str, Any], count: int, seed: int) -> Target:
    """The target without the images of `count` modules, drawn among the third parties first."""
    modules = list(truth["modules"])
    Random(1000 * seed + count).shuffle(modules)
    modules.sort(key=lambda module: module["name"] in FIRST_PARTY)
    return cast(Target, Hidden(target, [(module["base"], module["end"]) for module in modules[:count]]))
