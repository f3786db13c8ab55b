"""The call site behind a return address: which call ends there and which function it calls."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Dict, Optional

from hogwalk.machine.x86.callees import MOST_STEPS, Blocks
from hogwalk.machine.x86.calls import Call, CallKind, calls_before
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.walk.facts.modules import ModuleMap

LONGEST_CALL = 8
LEAST_STEPS, ALL_STEPS = 500, 1_500_000  # blocks gone through for one question, for all questions about a stack


class SiteKind(Enum):
    """What lies right before a return address."""

    CALL = "call"
    PLAIN = "no call before it"
    UNREAD = "code unreadable"
    OUTSIDE = "in no module's code"


@dataclass(frozen=True)
class Site:
    """What is known about one return address.

    `call` is the instruction that ends there; `target` the function it calls, thunks followed, None when only run
    time could tell.
    """

    return_address: int
    kind: SiteKind
    call: Optional[Call] = None
    target: Optional[int] = None


class CallSites:
    """Call sites by return address, each decoded once; `blocks` are the code they lie in."""

    def __init__(self, modules: ModuleMap, reader: CodeReader, most: int = 1) -> None:
        """`most` return addresses will be asked for: the more, the less work each of them may make."""
        self.modules = modules
        self.reader = reader
        self.blocks = Blocks(reader, modules.is_code, max(LEAST_STEPS, min(MOST_STEPS, ALL_STEPS // max(1, most))))
        self._sites: Dict[int, Site] = {}

    def at(self, return_address: int) -> Site:
        """The site behind a return address."""
        site = self._sites.get(return_address)
        if site is None:
            site = self._sites[return_address] = self._look(return_address)
        return site

    def _look(self, return_address: int) -> Site:
        if not self.modules.is_code(return_address):
            return Site(return_address, SiteKind.OUTSIDE)
        code = self.reader.readable_before(return_address, LONGEST_CALL)
        if len(code) < 2:
            return Site(return_address, SiteKind.UNREAD)
        for call in calls_before(code, return_address):
            if call.target is not None:
                if self.modules.is_code(call.target):
                    return Site(return_address, SiteKind.CALL, call, self.blocks.through_thunks(call.target))
            elif call.pointer is not None:
                return Site(return_address, SiteKind.CALL, call, self._through(call.pointer))
            elif call.kind is not CallKind.SYSTEM:
                return Site(return_address, SiteKind.CALL, call)
        return Site(return_address, SiteKind.PLAIN)

    def _through(self, pointer: int) -> Optional[int]:
        function = self.blocks.code_word(pointer)
        return None if function is None else self.blocks.through_thunks(function)
