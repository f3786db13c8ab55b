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
    that is not 0: at most so much is in use.  `older_size` and `older_used` are the bytes of the segments (x64) in
    which the thread ran before it was given this one.  Where the stack's own floor is not known (not
    `bounded`) it is that of the bytes in the dump, and how large the stack is and how much is left cannot be said.
    """

    floor: int
    base: int
    lowest: Optional[int]
    saved: bool
    older_size: int = 0
    older_used: int = 0
    bounded: bool = True

    @property
    def size(self) -> Optional[int]:
        """Bytes from the floor to Base, and those of the thread's older segments; None where the floor is not known."""
        return self.base - self.floor + self.older_size if self.bounded else None

    @property
    def used(self) -> Optional[int]:
        """Bytes in use, in all segments."""
        return None if self.lowest is None else self.base - self.lowest + self.older_used

    @property
    def left(self) -> Optional[int]:
        """Bytes in reserve."""
        return None if self.lowest is None or not self.bounded else self.lowest - self.floor


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
