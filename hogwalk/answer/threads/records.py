"""What is found out about each thread of a dump."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from hogwalk.answer.report.document import ProductUse
from hogwalk.model import ThreadStack

SCHEMA = "hogwalk-threads/1"


@dataclass(frozen=True)
class Depth:
    """How deep a stack is.

    `floor` is the lowest address it may grow to (Limit; in user mode the end of what is reserved), `lowest` the lowest
    address in use, None when nothing tells; `saved` whether that is a saved stack pointer, or only the lowest word
    that is not 0: at most so much is in use.
    """

    floor: int
    base: int
    lowest: Optional[int]
    saved: bool

    @property
    def size(self) -> int:
        """Bytes from the floor to Base."""
        return self.base - self.floor

    @property
    def used(self) -> Optional[int]:
        """Bytes in use."""
        return None if self.lowest is None else self.base - self.lowest

    @property
    def left(self) -> Optional[int]:
        """Bytes in reserve."""
        return None if self.lowest is None else self.lowest - self.floor


@dataclass(frozen=True)
class ThreadUse:
    """A thread, how deep its stack is (None where the dump does not say), and who holds it.

    `products` start with the hog; `walked` is True where the frames were walked, False where return addresses were
    only counted.
    """

    stack: ThreadStack
    depth: Optional[Depth]
    products: Tuple[ProductUse, ...]
    walked: bool
    trouble: str = ""
