"""Judges whether the call behind a return address leads into the function that runs in the newer frame."""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum
from typing import Dict, Iterable, Optional, Sequence

from hogwalk.model import Symbol
from hogwalk.walk.facts.sites import CallSites

FARTHEST = 0x10000  # no driver function seen reaches 64 KB; farther than that a target says nothing


class Link(Enum):
    """The verdict on one call: its target is the running function, is another one, or cannot be known."""

    MATCH = "match"
    MISMATCH = "mismatch"
    UNKNOWN = "unknown"


class LinkJudge:
    """Judges links by function starts: the symbols' where a module has a PDB, known call targets elsewhere."""

    def __init__(self, sites: CallSites, symbols: Dict[int, Optional[Symbol]], code_words: Iterable[int]) -> None:
        self._sites = sites
        self._symbols = symbols
        targets = {sites.at(word).target for word in code_words}
        self._starts: Sequence[int] = sorted(target for target in targets if target is not None)

    def judge(self, return_address: int, running: int) -> Link:
        """Whether the call before `return_address` targets the function that holds `running`."""
        target = self._sites.at(return_address).target
        if target is None:
            return Link.UNKNOWN
        start = self.function_start(running)
        if start is not None and start == target:
            return Link.MATCH
        same_module = self._sites.modules.at(target) == self._sites.modules.at(running)
        if not same_module or target > running:
            return Link.MISMATCH
        if start is not None and start > target:
            return Link.MISMATCH
        return Link.MATCH if running - target < FARTHEST else Link.UNKNOWN

    def function_start(self, address: int) -> Optional[int]:
        """The start of the function that holds an address, or None when nothing tells.

        A PDB's symbol is a function's start; an export is only a bound, since functions that are not exported may lie
        behind it; so without a PDB the nearer of the export and the nearest known call target counts.
        """
        symbol = self._symbols.get(address)
        module = self._sites.modules.at(address)
        named = address - symbol.displacement if symbol is not None and symbol.name else None
        if module is not None and module.symbols == "pdb":
            return named
        index = bisect_right(self._starts, address) - 1
        called = self._starts[index] if index >= 0 and module is not None else None
        if called is not None and module is not None and called < module.start:
            called = None
        known = [start for start in (named, called) if start is not None and address - start < FARTHEST]
        return max(known) if known else None
