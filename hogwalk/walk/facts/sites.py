"""The call site behind a return address: which call ends there and which function it calls."""

from __future__ import annotations

from enum import Enum
from typing import Callable, Dict, NamedTuple, Optional, Sequence

from hogwalk.machine.words import X86
from hogwalk.machine.x86 import calls as calls32
from hogwalk.machine.x86.callees import MOST_STEPS, Blocks, Told, untold
from hogwalk.machine.x86.calls import Call, CallKind
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.walk.facts.modules import ModuleMap

LONGEST_CALL = 9
BEHIND_IMAGE = 0x2000  # bytes after an image's end: its retpoline page, through which x64 kernels call
LEAST_STEPS, ALL_STEPS = 500, 1_500_000  # blocks gone through for one question, for all questions about a stack


class SiteKind(Enum):
    """What lies right before a return address."""

    CALL = "call"
    PLAIN = "no call before it"
    UNREAD = "code unreadable"
    OUTSIDE = "in no module's code"


class Site(NamedTuple):
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

    def __init__(
        self, modules: ModuleMap, reader: CodeReader, most: int = 1, excerpt: bool = False, told: Told = untold
    ) -> None:
        """`most` return addresses will be asked for: the more, the less work each of them may make.

        An `excerpt` (a log) shows little of the code that its debugger can read.  `told` is as Blocks has it.
        """
        self._excerpt = excerpt
        self.modules = modules
        self.reader = reader
        self._calls_before = _calls_before(reader)
        self.blocks = Blocks(
            reader, modules.is_code, max(LEAST_STEPS, min(MOST_STEPS, ALL_STEPS // max(1, most))), told
        )
        self._sites: Dict[int, Site] = {}

    def at(self, return_address: int) -> Site:
        """The site behind a return address."""
        site = self._sites.get(return_address)
        if site is None:
            site = self._sites[return_address] = self._look(return_address)
        return site

    def bare(self, address: int) -> bool:
        """Whether nothing tells how the code at an address keeps its frame: it cannot be read and has no symbols."""
        module = self.modules.at(address)
        if self._excerpt:
            return False
        return self.at(address).kind is SiteKind.UNREAD and (module is None or module.symbols != "pdb")

    def _look(self, return_address: int) -> Site:
        foreign = not self.modules.is_code(return_address)
        if foreign and (self.reader.words is X86 or self.modules.at(return_address) is not None):
            return Site(return_address, SiteKind.OUTSIDE)
        code = self.reader.readable_before(return_address, LONGEST_CALL)
        if foreign and len(code) < LONGEST_CALL:
            return Site(return_address, SiteKind.OUTSIDE)
        if len(code) < 2:
            return Site(return_address, SiteKind.UNREAD)
        for call in self._calls_before(code, return_address):
            if call.target is not None:
                if self.modules.is_code(call.target):
                    return Site(return_address, SiteKind.CALL, call, self._followed(call.target))
                if self._behind_image(return_address, call.target):
                    return Site(return_address, SiteKind.CALL, call)
            elif call.pointer is not None:
                return Site(return_address, SiteKind.CALL, call, self.through(call.pointer))
            elif call.kind is not CallKind.SYSTEM:
                return Site(return_address, SiteKind.CALL, call)
        if self.reader.words is X86 and calls32.may_end(code):
            return Site(return_address, SiteKind.UNREAD)
        return Site(return_address, SiteKind.OUTSIDE if foreign else SiteKind.PLAIN)

    def _behind_image(self, return_address: int, target: int) -> bool:
        """Whether a call goes to the page that the kernel puts behind an image, so that its callee is not known."""
        module = self.modules.at(return_address)
        return self.reader.words is not X86 and module is not None and 0 <= target - module.end < BEHIND_IMAGE

    def _followed(self, target: int) -> int:
        if self.reader.words is X86:
            return self.blocks.through_thunks(target)
        from hogwalk.machine.x64 import thunks as thunks64  # here, for a 32-bit stack needs none of x64

        return thunks64.through_thunks(self.reader, self.modules.is_code, target)

    def through(self, pointer: int) -> Optional[int]:
        """The function that a call through a word runs, thunks followed; None where it does not lead into code."""
        function = self.blocks.code_word(pointer)
        return None if function is None else self._followed(function)


def _calls_before(reader: CodeReader) -> Callable[[bytes, int], Sequence[Call]]:
    if reader.words is X86:
        return calls32.calls_before
    from hogwalk.machine.x64 import calls as calls64

    return calls64.calls_before
