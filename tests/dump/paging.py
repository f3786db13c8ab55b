"""Physical memory for a set of virtual pages: page tables of any shape, built from their description."""

from __future__ import annotations

import struct
from typing import Dict, List, Mapping, Tuple

PAGE = 0x1000
TWO = ((22, 10), (12, 10)), "<I"
PAE = ((30, 2), (21, 9), (12, 9)), "<Q"
FOUR = ((39, 9), (30, 9), (21, 9), (12, 9)), "<Q"
FIVE = ((48, 9), *FOUR[0]), "<Q"
Shape = Tuple[Tuple[Tuple[int, int], ...], str]
_PRESENT, _TOP_OF_PAE, _LARGE = 0x63, 1, 0xE3
_FIRST_FRAME = 0x100


class Physical:
    """Frames by number, and the root table's physical address."""

    def __init__(self, shape: Shape, first: int = _FIRST_FRAME) -> None:
        self.levels, self.entry = shape
        self.frames: Dict[int, bytearray] = {}
        self._next = first
        self.root = self.take(bytes(PAGE)) << 12

    def take(self, data: bytes, align: int = 1) -> int:
        """Puts one page into the next free frame and returns its number."""
        self._next = (self._next + align - 1) // align * align
        self.frames[self._next] = bytearray(data)
        self._next += 1
        return self._next - 1

    def _slot(self, table: int, address: int, level: int) -> int:
        shift, bits = self.levels[level]
        return (address >> shift & ((1 << bits) - 1)) * struct.calcsize(self.entry)

    def _table(self, address: int, depth: int) -> int:
        """Frame of the table at `depth` for an address, made where there is none."""
        table = self.root >> 12
        for level in range(depth):
            slot = self._slot(table, address, level)
            entry = struct.unpack_from(self.entry, self.frames[table], slot)[0]
            if not entry:
                flags = _TOP_OF_PAE if self.levels == PAE[0] and level == 0 else _PRESENT
                entry = self.take(bytes(PAGE)) << 12 | flags
                struct.pack_into(self.entry, self.frames[table], slot, entry)
            table = entry >> 12
        return table

    def map(self, address: int, frame: int, flags: int = _PRESENT) -> None:
        """Maps a virtual page to a frame."""
        depth = len(self.levels) - 1
        table = self._table(address, depth)
        struct.pack_into(self.entry, self.frames[table], self._slot(table, address, depth), frame << 12 | flags)

    def map_large(self, address: int, pages: List[bytes]) -> None:
        """Maps a large page: its first pages' contents lie in one aligned stretch of frames."""
        depth = len(self.levels) - 2
        span = 1 << self.levels[depth][0] - 12
        first = self.take(pages[0], span)
        for page in pages[1:]:
            self.take(page)
        table = self._table(address, depth)
        struct.pack_into(self.entry, self.frames[table], self._slot(table, address, depth), first << 12 | _LARGE)

    def runs(self) -> List[Tuple[int, int]]:
        """(first frame, count) of each contiguous stretch, ascending."""
        found: List[List[int]] = []
        for frame in sorted(self.frames):
            if found and sum(found[-1]) == frame:
                found[-1][1] += 1
            else:
                found.append([frame, 1])
        return [(first, count) for first, count in found]

    def data(self) -> bytes:
        """All frames' bytes, ascending."""
        return b"".join(bytes(self.frames[frame]) for frame in sorted(self.frames))


def mapped(pages: Mapping[int, bytes], shape: Shape) -> Physical:
    """Every virtual page in a frame of its own."""
    memory = Physical(shape)
    for address in sorted(pages):
        memory.map(address, memory.take(pages[address]))
    return memory
