"""The target that knows nothing: every answer is "not known", nothing can be read.

It shows what each question is answered with where there is no answer; tests extend it.
"""

from __future__ import annotations

from typing import Callable, Iterator, Optional, Sequence, Tuple

from hogwalk.errors import NoDebugger, Unreadable
from hogwalk.model import (
    About,
    FrameLayout,
    Module,
    PrintedWalk,
    Process,
    Region,
    Registers,
    Symbol,
    ThreadStack,
    Triple,
    Version,
)
from hogwalk.targets.protocol import Announce, Answer, Done, Range, Work, read_each


class NullTarget:
    """A kernel dump of an x86 machine without memory, modules, symbols, threads or a debugger."""

    notes: Sequence[str] = ()

    def about(self) -> About:
        """An x86 kernel dump without a bug check."""
        return About("kernel dump", "x86", 4, 0x1000, None, "")

    def command(self, text: str) -> str:
        """Raises NoDebugger."""
        raise NoDebugger(f"no debugger to run `{text}`")

    def read(self, address: int, count: int) -> bytes:
        """Raises Unreadable."""
        raise Unreadable(address, count)

    def read_many(self, ranges: Sequence[Range]) -> Tuple[Optional[bytes], ...]:
        """Each range by `read`."""
        return read_each(self, ranges)

    def modules(self) -> Tuple[Module, ...]:
        """None."""
        return ()

    def symbols(self, addresses: Sequence[int]) -> Tuple[Optional[Symbol], ...]:
        """None for each."""
        return tuple(None for _ in addresses)

    def layouts(self, addresses: Sequence[int]) -> Tuple[Optional[FrameLayout], ...]:
        """None for each."""
        return tuple(None for _ in addresses)

    def taken(self, addresses: Sequence[int]) -> Tuple[Optional[int], ...]:
        """None for each."""
        return tuple(None for _ in addresses)

    def versions(self, modules: Sequence[str]) -> Tuple[Optional[Version], ...]:
        """None for each."""
        return tuple(None for _ in modules)

    def thread(self) -> Optional[int]:
        """None."""
        return None

    def field(self, type_name: str, field: str) -> Optional[int]:
        """None."""
        return None

    def debugger_block(self) -> Optional[bytes]:
        """None."""
        return None

    def threads(self) -> Iterator[ThreadStack]:
        """None."""
        return iter(())

    def registers(self) -> Tuple[Registers, ...]:
        """None."""
        return ()

    def process(self) -> Optional[Process]:
        """None."""
        return None

    def evaluate(self, expression: str) -> Optional[int]:
        """None."""
        return None

    def commands(self) -> Sequence[str]:
        """None."""
        return ()

    def printed_walk(self) -> Optional[PrintedWalk]:
        """None."""
        return None

    def beside(self, ask: Callable[[], Answer], work: Work[Done], announce: Announce) -> Tuple[Answer, Done]:
        """One after the other."""
        return ask(), work(announce)

    def shown_starts(self) -> Sequence[Triple]:
        """None."""
        return ()

    def stack_hint(self, thread: Optional[int] = None) -> Optional[Region]:
        """None."""
        return None
