"""Judges whether the call behind a return address leads into the function that runs in the newer frame."""

from __future__ import annotations

from enum import Enum
from functools import cached_property
from typing import Dict, Iterable, Optional

from hogwalk.model import Symbol
from hogwalk.walk.facts.sites import CallSites
from hogwalk.walk.facts.starts import Starts


class Link(Enum):
    """The verdict on one call: its target is the running function, is another one, or cannot be known."""

    MATCH = "match"
    MISMATCH = "mismatch"
    UNKNOWN = "unknown"


class LinkJudge:
    """Judges links for kf's chains by the same function starts as the reconstruction does."""

    def __init__(self, sites: CallSites, symbols: Dict[int, Optional[Symbol]], code_words: Iterable[int]) -> None:
        self._sites = sites
        self._symbols, self._words = symbols, tuple(code_words)

    @cached_property
    def starts(self) -> Starts:
        """Where functions start: looked at by the first who asks, for x64 needs none of it."""
        return Starts(self._sites, self._symbols, self._words)

    def judge(self, return_address: int, running: int) -> Link:
        """Whether the call before `return_address` targets the function that holds `running`."""
        target = self._sites.at(return_address).target
        if target is None:
            return Link.UNKNOWN
        runs = self.starts.runs(target, running)
        if runs is None:
            return Link.UNKNOWN
        return Link.MATCH if runs else Link.MISMATCH

    def function_start(self, address: int) -> Optional[int]:
        """The start of the function that holds an address, or None when nothing tells."""
        named = self.starts.named(address)
        return self.starts.nearest(address) if named is None else named
