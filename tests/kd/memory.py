"""The memory of a full kernel dump through its own page tables, as a stopped machine shows it to a debugger."""

from __future__ import annotations

from typing import Dict, Optional, Set, Tuple

PAGE = 0x1000
SELF_MAP = 0x300  # the directory's entry for itself: page tables at C0000000
Level = Tuple[int, int, bool]  # lowest bit of the address that indexes the table, how many bits, may the page be large


class Paged:
    """Virtual and physical memory of one dump; addresses are cut to the width of a pointer.

    `frames` maps page frame numbers to places in `data`.  What differs from the dump is held beside it: `overlay` bytes
    at an address, `added` pages that it lacks, `refused` pages that cannot be read, by their page table entry neither,
    `dark` physical pages (of page tables) that cannot be read and so hide all they lead to, `resident` ranges whose
    missing pages read as zeros (a live machine's pool is in memory; a dump's is not).
    """

    def __init__(
        self, data: bytes, frames: Dict[int, int], directory: int, levels: Tuple[Level, ...], entry: int, pointer: int
    ) -> None:
        self._data = data
        self._frames = frames
        self._levels = levels
        self._entry = entry
        self.directory = directory
        self.mask = (1 << 8 * pointer) - 1
        self.overlay: Dict[int, bytes] = {}
        self.added: Dict[int, bytes] = {}
        self.refused: Set[int] = set()
        self.dark: Set[int] = set()
        self.resident: Tuple[Tuple[int, int], ...] = ()

    def some(self, address: int, count: int) -> bytes:
        """As many of `count` bytes as can be read from an address on."""
        address &= self.mask
        found = b""
        while len(found) < count:
            page = self.page(address + len(found))
            if page is None:
                break
            start = (address + len(found)) % PAGE
            found += page[start : start + count - len(found)]
        return found

    def read(self, address: int, count: int) -> bytes:
        """Exactly `count` bytes; raises ValueError where they are not in memory."""
        found = self.some(address, count)
        if len(found) < count:
            raise ValueError(f"the dump does not hold {address:x}")
        return found

    def number(self, address: int, count: int) -> int:
        """A little-endian number."""
        return int.from_bytes(self.read(address, count), "little")

    def page(self, address: int) -> Optional[bytes]:
        """The page that holds an address, or None."""
        base = address & self.mask & -PAGE
        if base in self.refused:
            return None
        raw = self.added.get(base) or self._stored(base)
        if raw is None:
            return None
        whole = bytearray(raw)
        for at, value in self.overlay.items():
            if base <= at < base + PAGE:
                whole[at - base : at - base + len(value)] = value
        return bytes(whole)

    def _stored(self, base: int) -> Optional[bytes]:
        physical, entry = self.walk(base)
        if entry // PAGE in self.dark:
            return None
        at = None if physical is None else self._frames.get(physical // PAGE)
        if at is not None:
            return self._data[at : at + PAGE]
        return bytes(PAGE) if any(start <= base < end for start, end in self.resident) else None

    def pages(self) -> Dict[int, bytes]:
        """Every present page of classic x86 page tables, by address; the tables' own mapping is left out."""
        found: Dict[int, bytes] = {}
        for top in (top for top in range(1 << 10) if top != SELF_MAP):
            first = top << 22
            table = self._frames[self.directory // PAGE] + self.directory % PAGE + 4 * top
            if self._data[table] & 1:
                pages = ((page, self._stored(page)) for page in range(first, first + (1 << 22), PAGE))
                found.update((page, content) for page, content in pages if content is not None)
        return found

    def walk(self, base: int) -> Tuple[Optional[int], int]:
        """The physical address of a page, None where it is not present, and that of the entry that says so."""
        table, slot = self.directory, 0
        for shift, bits, large in self._levels:
            slot = table + (base >> shift & (1 << bits) - 1) * self._entry
            at = self._frames.get(slot // PAGE)
            if at is None or slot // PAGE in self.dark:
                return None, slot
            at += slot % PAGE
            value = int.from_bytes(self._data[at : at + self._entry], "little")
            if not value & 1:
                return None, slot
            table = value & (0xFFFFFFFFFF000 if self._entry == 8 else 0xFFFFF000)
            if large and value & 0x80:
                inside = (1 << shift) - 1
                return table & ~inside | base & inside & -PAGE, slot
        return table, slot

    def physical(self, address: int, count: int) -> bytes:
        """As many of `count` bytes as physical memory has; the entries of refused pages read as not present."""
        found = bytearray()
        while len(found) < count:
            frame = (address + len(found)) // PAGE
            at = self._frames.get(frame)
            if at is None or frame in self.dark:
                break
            start = (address + len(found)) % PAGE
            found += self._data[at + start : at + min(PAGE, start + count - len(found))]
        for page in self.refused:
            present, entry = self.walk(page)
            if present is not None and address <= entry < address + len(found):
                found[entry - address : entry - address + self._entry] = bytes(self._entry)
        return bytes(found[:count])
