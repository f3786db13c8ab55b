"""What pages of code hold, kept as long as the process lives: the next stack's code is mostly the same.

A page is known by its address and all its bytes, and only what these alone tell is kept of it.
"""

from __future__ import annotations

from typing import Dict, NamedTuple, Tuple

from hogwalk.machine.x86.blocks import Block
from hogwalk.machine.x86.padding import Behind

MOST_PAGES, MOST_BLOCKS = 2_000, 20_000  # 25 MB at most; then all is forgotten, and learned again


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
        self._blocks = 0

    def page(self, address: int, code: bytes) -> Page:
        """The page of these bytes at an address, as far as it is known."""
        page = self._pages.get((address, code))
        if page is None:
            if len(self._pages) >= MOST_PAGES or self._blocks >= MOST_BLOCKS:
                self.forget()
            page = self._pages[address, code] = Page(address + len(code), {}, {}, {})
        return page

    def keep(self, page: Page, block: Block) -> None:
        """Takes note of a block of a page."""
        page.blocks[block.start] = block
        self._blocks += 1

    def forget(self) -> None:
        """Forgets everything."""
        self._pages.clear()
        self._blocks = 0


KNOWN = KnownPages()
