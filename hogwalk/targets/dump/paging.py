"""Virtual memory of a kernel dump through its page tables: x86 (2 levels), PAE (3), x64 (4; 5 with LA57), large pages.

A page that was leaving memory (transition) still has its frame, and is read like a present one.
"""

from __future__ import annotations

from typing import Dict, Optional, Tuple

from hogwalk.errors import Unreadable
from hogwalk.targets.dump.layout import PAGE
from hogwalk.targets.dump.physical import Physical
from hogwalk.targets.images.source import READ_CAP, ByteSource

_PRESENT, _LARGE, _PROTOTYPE, _TRANSITION = 1, 0x80, 0x400, 0x800
_FRAME_MASK = 0x000FFFFFFFFFF000
_CACHE = 65536  # translations kept

# For each mode, per level from the top: (shift of the index, bits of it); then bytes of an entry.
Levels = Tuple[Tuple[Tuple[int, int], ...], int]
TWO: Levels = (((22, 10), (12, 10)), 4)
PAE: Levels = (((30, 2), (21, 9), (12, 9)), 8)
FOUR: Levels = (((39, 9), (30, 9), (21, 9), (12, 9)), 8)
FIVE: Levels = (((48, 9), *FOUR[0]), 8)


class PagedMemory(ByteSource):
    """Virtual memory, page by page; addresses are unsigned and as wide as the machine's pointers."""

    def __init__(self, file: ByteSource, pages: Physical, directory: int, levels: Levels) -> None:
        self._file = file
        self._pages = pages
        self._levels, self._entry = levels
        # The top table of PAE is 32 bytes that may start anywhere in a page; the others fill one.
        self._directory = directory & (0xFFFFFFE0 if levels is PAE else _FRAME_MASK)
        self._wide = levels in (FOUR, FIVE)
        self._sign = levels[0][0][0] + 8  # the highest bit of an address that the tables translate
        self._limit = 1 << (64 if self._wide else 32)
        self._known: Dict[int, Optional[int]] = {}

    def read(self, address: int, count: int) -> bytes:
        """Exactly `count` bytes of virtual memory; raises Unreadable unless all are in the dump."""
        if address < 0 or count < 0 or count > READ_CAP or address + count > self._limit:
            raise Unreadable(address, count)
        pieces = []
        at, left = address, count
        while left > 0:
            skip = at & (PAGE - 1)
            step = min(left, PAGE - skip)
            offset = self._page(at >> 12)
            if offset is None:
                raise Unreadable(address, count)
            pieces.append(self._file.read(offset + skip, step))
            at += step
            left -= step
        return b"".join(pieces)

    def _page(self, page: int) -> Optional[int]:
        """File offset of a virtual page, or None."""
        if page not in self._known:
            if len(self._known) >= _CACHE:
                self._known.clear()
            self._known[page] = self._translate(page << 12)
        return self._known[page]

    def _translate(self, address: int) -> Optional[int]:
        if self._wide and address >> self._sign not in (0, (1 << 64 - self._sign) - 1):
            return None
        table = self._directory
        for level, (shift, bits) in enumerate(self._levels):
            place = table + ((address >> shift) & ((1 << bits) - 1)) * self._entry
            offset = self._pages.offset(place >> 12)
            if offset is None:
                return None
            try:
                entry = self._file.pointer(offset + (place & 0xFFF), self._entry)
            except Unreadable:
                return None
            last = level == len(self._levels) - 1
            if not entry & _PRESENT and not (last and entry & _TRANSITION and not entry & _PROTOTYPE):
                return None
            if entry & _LARGE and (shift in (21, 22) or (shift == 30 and self._wide)):
                return self._large(entry, address, shift)
            table = entry & _FRAME_MASK
        return self._pages.offset(table >> 12)

    def _large(self, entry: int, address: int, shift: int) -> Optional[int]:
        """File offset of the 4 KB page at `address` inside a large page."""
        inside = (1 << shift) - 1
        base = entry & _FRAME_MASK & ~inside
        if shift == 22:  # x86 4 MB pages keep physical bits 32..39 in bits 13..20 (PSE-36)
            base |= ((entry >> 13) & 0xFF) << 32
        return self._pages.offset((base | (address & inside)) >> 12)
