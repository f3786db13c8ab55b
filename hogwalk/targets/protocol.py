"""The one contract between hogwalk and whatever holds the crashed machine.

A target answers questions; it never changes what it is asked about.  The debugger (through pykd), a recording, a
dump file and a pasted log are all targets; everything above this line is the same for each of them.

A question that a target cannot answer is answered with None (or an empty tuple), never with an invented value.
Memory that cannot be read raises `Unreadable`.  Only `command` may refuse altogether, with `NoDebugger`.
"""

from __future__ import annotations

from typing import Optional, Protocol, Sequence, Tuple

from hogwalk.model import About, FrameLayout, Module, Region, Symbol, Triple, Version


class Target(Protocol):
    """A crashed machine that can be asked."""

    def about(self) -> About:
        """What kind of target this is."""

    def command(self, text: str) -> str:
        """The debugger's answer to a command, lines ended by a bare newline.

        Raises CommandFailed when the debugger refuses it, NoDebugger when there is no debugger.
        """

    def read(self, address: int, count: int) -> bytes:
        """Exactly `count` bytes of virtual memory from `address`; raises Unreadable unless all can be read."""

    def modules(self) -> Tuple[Module, ...]:
        """The loaded modules, lowest start first.

        Their `symbols` may read "deferred" until a symbol of the module has been asked for.
        """

    def symbols(self, addresses: Sequence[int]) -> Tuple[Optional[Symbol], ...]:
        """For each address its nearest symbol, or None where it lies in no module."""

    def layouts(self, addresses: Sequence[int]) -> Tuple[Optional[FrameLayout], ...]:
        """For each code address what the symbols' FPO or frame data say of the stack there, or None."""

    def versions(self, modules: Sequence[str]) -> Tuple[Optional[Version], ...]:
        """For each module name what its version resource says, or None where it cannot be read."""

    def thread(self) -> Optional[int]:
        """Address of the current thread: a _KTHREAD in a kernel target, the TEB in a user-mode one."""

    def field(self, type_name: str, field: str) -> Optional[int]:
        """Offset in bytes of a field of an nt structure (`_KTHREAD`, `StackLimit`) as the symbols' types give it."""

    def debugger_block(self) -> Optional[bytes]:
        """The kernel's debugger data block (KDBG, _KDDEBUGGER_DATA64), or None."""

    def context(self) -> Optional[Tuple[int, int, int]]:
        """The debugger's current (instruction, stack, frame) pointer registers, or None."""

    def commands(self) -> Sequence[str]:
        """Every debugger command that ran so far, in order."""

    def shown_starts(self) -> Sequence[Triple]:
        """Triples whose `kf=` the source holds the answer of already (a log), in its order; else none."""

    @property
    def notes(self) -> Sequence[str]:
        """What the target's source lacks or what was found but not used, one line each, gravest first."""

    def stack_hint(self) -> Optional[Region]:
        """The stack range that the target's own source states (a log's `!thread`, a dump's stack block), or None."""
