"""What pages of code hold, kept as long as the process lives: the next stack's code is mostly the same.

A page is known by its address and all its bytes, and only what these alone tell is kept of it.
"""

from __future__ import annotations

from typing import Dict, NamedTuple, Tuple, TypeVar

from hogwalk.machine.x86.blocks import Block
from hogwalk.machine.x86.padding import Behind

Fact = TypeVar("Fact")

MOST_PAGES, MOST_FACTS = 2_000, 40_000  # 30 MB at most; where a page more is wanted then all is forgotten


class Page(NamedTuple):
    """What was found out of one page.

    `blocks` by their start, each whole within it; `returns` by a function's start what `first_return` gives; `behind`
    what lies behind a call.
    """

    end: int
    blocks: Dict[int, Block]
    returns: Dict[int, Tuple[int, int]]
    behind: Dict[int, Behind]


class KnownPages:
    """Pages by address and bytes."""

    def __init__(self) -> None:
        self._pages: Dict[Tuple[int, bytes], Page] = {}
        self._facts = 0

    def page(self, address: int, code: bytes) -> Page:
        """The page of these bytes at an address, as far as it is known."""
        page = self._pages.get((address, code))
        if page is None:
            if len(self._pages) >= MOST_PAGES or self._facts >= MOST_FACTS:
                self.forget()
            page = self._pages[address, code] = Page(address + len(code), {}, {}, {})
        return page

    def keep(self, facts: Dict[int, Fact], at: int, fact: Fact) -> None:
        """Takes note of one of a page's facts, as long as there is room."""
        if self._facts < MOST_FACTS:
            facts[at] = fact
            self._facts += 1

    def forget(self) -> None:
        """Forgets everything."""
        self._pages.clear()
        self._facts = 0


KNOWN = KnownPages()
