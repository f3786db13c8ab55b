"""What every kind of dump gives: memory, modules, the crashing thread, registers."""

from __future__ import annotations

from typing import Callable, Iterator, List, NamedTuple, Optional, Protocol, Sequence, Tuple

from hogwalk.model import About
from hogwalk.targets.images.image import Image
from hogwalk.targets.images.source import ByteSource

FieldOf = Callable[[str, str], Optional[int]]
AddressOf = Callable[[str], Optional[int]]
Context = Tuple[int, int, int]


class Names(NamedTuple):
    """What the kernel's symbols can tell: a field's offset in a structure, a variable's address."""

    field: FieldOf
    address: AddressOf


class ThreadStack(NamedTuple):
    """One thread's stack.

    `thread` is its _KTHREAD (kernel) or TEB (user) address, `identifier` its thread id, `process` its program's
    file name ("" when unknown); the stack is [limit, base), None where the dump does not say; `pointer` is the stack
    pointer it was left with, None when it was running or the dump does not say.
    """

    thread: int
    identifier: Optional[int]
    process: str
    limit: Optional[int]
    base: Optional[int]
    pointer: Optional[int]


class Crash(Protocol):
    """A parsed dump."""

    memory: ByteSource
    notes: List[str]

    def about(self) -> About:
        """What kind of target this is."""

    def images(self) -> Sequence[Image]:
        """The loaded modules, named."""

    def thread(self, names: Names) -> Optional[int]:
        """The crashing thread's _KTHREAD or TEB address."""

    def debugger_block(self) -> Optional[bytes]:
        """The kernel's debugger data block."""

    def context(self, names: Names) -> Optional[Context]:
        """The crashing thread's (instruction, stack, frame) pointers."""

    def stack(self) -> Optional[Tuple[int, int]]:
        """The crashing thread's stack bytes [limit, base) as far as the file itself records a range."""

    def threads(self, names: Names) -> Iterator[ThreadStack]:
        """Every thread's stack."""
