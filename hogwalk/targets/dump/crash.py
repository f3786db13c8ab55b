"""What every kind of dump gives: memory, modules, the crashing thread, registers."""

from __future__ import annotations

from typing import Callable, Iterator, List, NamedTuple, Optional, Protocol, Sequence, Tuple

from hogwalk.model import About, Registers, ThreadStack
from hogwalk.targets.images.image import Image
from hogwalk.targets.images.source import ByteSource

FieldOf = Callable[[str, str], Optional[int]]
AddressOf = Callable[[str], Optional[int]]


class Names(NamedTuple):
    """What the kernel's symbols can tell: a field's offset in a structure, a variable's address."""

    field: FieldOf
    address: AddressOf


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

    def registers(self, names: Names) -> Iterator[Registers]:
        """The crashing thread's registers, those of an exception first, unset ones left out."""

    def stack(self) -> Optional[Tuple[int, int]]:
        """The crashing thread's stack bytes [limit, base) as far as the file itself records a range."""

    def stack_of(self, thread: int) -> Optional[Tuple[int, int]]:
        """The same of another thread, by its _KTHREAD or TEB address."""

    def threads(self, names: Names) -> Iterator[ThreadStack]:
        """Every thread's stack."""
