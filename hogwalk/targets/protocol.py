"""The one contract between hogwalk and whatever holds the crashed machine.

A target answers questions; it never changes what it is asked about.  The debugger (through pykd), a recording, a
dump file and a pasted log are all targets; everything above this line is the same for each of them.

A question that a target cannot answer is answered with None (or an empty tuple), never with an invented value.
Memory that cannot be read raises `Unreadable`.  Only `command` may refuse altogether, with `NoDebugger`.
"""

from __future__ import annotations

from typing import Callable, Iterator, List, Optional, Protocol, Sequence, Tuple, TypeVar

from hogwalk.errors import Unreadable
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

Range = Tuple[int, int]  # (address, bytes)
Announce = Callable[[str], None]  # hears in a few words what takes its time
Answer = TypeVar("Answer")
Done = TypeVar("Done")
Work = Callable[[Announce], Done]
CUT_SHORT = "the dump is cut short"  # how a note begins that explains whatever is missing
OTHER_MACHINE = "the debugger reads this kernel as another machine's"  # so does this one


class Target(Protocol):
    """A crashed machine that can be asked."""

    def about(self) -> About:
        """What kind of target this is; `live` where its memory changes and every read goes over a wire."""

    def command(self, text: str) -> str:
        """The debugger's answer to a command, lines ended by a bare newline.

        Raises CommandFailed when the debugger refuses it, NoDebugger when there is no debugger.
        """

    def read(self, address: int, count: int) -> bytes:
        """Exactly `count` bytes of virtual memory from `address`; raises Unreadable unless all can be read."""

    def read_many(self, ranges: Sequence[Range]) -> Tuple[Optional[bytes], ...]:
        """For each (address, bytes) what `read` gives, None where it would raise; in as few reads as can be."""

    def modules(self) -> Tuple[Module, ...]:
        """The loaded modules, lowest start first.

        Their `symbols` may read "deferred" until a symbol of the module has been asked for.
        """

    def symbols(self, addresses: Sequence[int]) -> Tuple[Optional[Symbol], ...]:
        """For each address its nearest symbol, or None where it lies in no module."""

    def layouts(self, addresses: Sequence[int]) -> Tuple[Optional[FrameLayout], ...]:
        """For each code address what the symbols' FPO or frame data say of the stack there, or None."""

    def taken(self, addresses: Sequence[int]) -> Tuple[Optional[int], ...]:
        """For each address of a 32-bit function what it takes off its caller's stack, in bytes.

        Or of the cell of an import: what the function in it takes.  None where the decorated name that its module's
        symbols give does not prove it.  Asked only where no code tells.
        """

    def versions(self, modules: Sequence[str]) -> Tuple[Optional[Version], ...]:
        """For each module name what its version resource says, or None where it cannot be read."""

    def thread(self) -> Optional[int]:
        """Address of the current thread: a _KTHREAD in a kernel target, the TEB in a user-mode one."""

    def field(self, type_name: str, field: str) -> Optional[int]:
        """Offset in bytes of a field of an nt structure (`_KTHREAD`, `StackLimit`) as the symbols' types give it."""

    def debugger_block(self) -> Optional[bytes]:
        """The kernel's debugger data block (KDBG, _KDDEBUGGER_DATA64), or None."""

    def threads(self) -> Iterator[ThreadStack]:
        """Every thread's stack the source tells of, each thread once; none where it tells of none."""

    def registers(self) -> Tuple[Registers, ...]:
        """The registers the source itself holds of the current thread, those that matter most first.

        What the user chose in the debugger, then an exception's or the crash's, then the thread's own.  None of them
        need belong to the stack that is looked at; void ones (no instruction, no stack pointer) are left out.
        """

    def process(self) -> Optional[Process]:
        """The process that the source itself names as the thread's owner (a log's `!thread`), else None."""

    def evaluate(self, expression: str) -> Optional[int]:
        """The value of a debugger expression (`@$pcr`, `poi(@esp)`, `nt!Name`); None without a debugger or a value."""

    def commands(self) -> Sequence[str]:
        """Every debugger command that ran so far, in order."""

    def beside(self, ask: Callable[[], Answer], work: Work[Done], announce: Announce) -> Tuple[Answer, Done]:
        """What `ask` and `work` give, `work` being given what to announce by.

        Where `ask` waits for a debugger `work` goes on meanwhile, in another thread: so neither may change what the
        other one looks at.
        """

    def shown_starts(self) -> Sequence[Triple]:
        """Triples whose `kf=` the source holds the answer of already (a log), in its order; else none."""

    def printed_walk(self) -> Optional[PrintedWalk]:
        """The debugger's stack table that the source shows where that is the best there is (a log), else None."""

    @property
    def notes(self) -> Sequence[str]:
        """What the target's source lacks or what was found but not used, one line each, gravest first.

        A debugger's own remarks stand among them as it printed them; a report makes one note of these.
        """

    def stack_hint(self, thread: Optional[int] = None) -> Optional[Region]:
        """The stack range that the target's own source states (a log's `!thread`, a dump's stack block), or None.

        That of `thread` where one is named and the source knows others than the current one.
        """


def read_each(target: Target, ranges: Sequence[Range]) -> Tuple[Optional[bytes], ...]:
    """`Target.read_many` by one `read` after the other, for targets whose reads cost nothing."""
    found: List[Optional[bytes]] = []
    for address, count in ranges:
        try:
            found.append(target.read(address, count))
        except Unreadable:
            found.append(None)
    return tuple(found)


def joined(ranges: Sequence[Range]) -> List[List[Range]]:
    """The distinct ranges, lowest first, in groups that touch or overlap: each group can be read as one."""
    groups: List[List[Range]] = []
    end = -1
    for one in sorted(set(ranges)):
        if one[0] > end:
            groups.append([])
            end = -1
        groups[-1].append(one)
        end = max(end, one[0] + one[1])
    return groups
