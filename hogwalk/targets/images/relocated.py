"""A module's bytes from its image file, relocated to where the module was loaded: what a small dump leaves out."""

from __future__ import annotations

import struct
from typing import Dict, List, Optional, Tuple

from hogwalk.errors import Unreadable
from hogwalk.targets.images.pe import FileImage
from hogwalk.targets.images.source import ByteSource

RELOCATIONS = 5
_PAGE = 0x1000
_WIDTHS = {3: 4, 10: 8}  # HIGHLOW, DIR64
_ENTRY_CAP = 1 << 20


class Relocated(ByteSource):
    """Read-only sections of an image file at a load address, by RVA; writable ones are unreadable (they changed)."""

    def __init__(self, file: FileImage, start: int) -> None:
        self._file = file
        self._delta = start - file.pe.preferred
        self._fixups: Optional[Dict[int, List[Tuple[int, int]]]] = None

    def read(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes from an RVA; raises Unreadable unless in one read-only section or the headers."""
        if not self._file.pe.read_only(offset, count):
            raise Unreadable(offset, count)
        raw = bytearray(self._file.read(offset, count))
        if self._delta:
            for page in range(offset - offset % _PAGE - _PAGE, offset + count, _PAGE):
                self._fix(raw, offset, page)
        return bytes(raw)

    def _fix(self, raw: bytearray, offset: int, page: int) -> None:
        """Applies one page's relocations to the bytes read from `offset` on."""
        if self._fixups is None:
            self._fixups = self._load()
        for at, width in self._fixups.get(page, ()):
            place = at - offset
            if place <= -width or place >= len(raw):
                continue
            try:
                value = int.from_bytes(self._file.read(at, width), "little") + self._delta
            except Unreadable:
                continue
            fixed = (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")
            low, high = max(place, 0), min(place + width, len(raw))
            raw[low:high] = fixed[low - place : high - place]

    def _load(self) -> Dict[int, List[Tuple[int, int]]]:
        """For each page (its RVA) the places to fix and their bytes; what cannot be read is left out."""
        found: Dict[int, List[Tuple[int, int]]] = {}
        try:
            at, size = self._file.pe.directory(RELOCATIONS)
            end = at + size
            budget = _ENTRY_CAP
            while at + 8 <= end and budget > 0:
                page, length = struct.unpack("<II", self._file.read(at, 8))
                count = max((min(length, end - at) - 8) // 2, 0)
                for (entry,) in struct.iter_unpack("<H", self._file.read(at + 8, 2 * min(count, budget))):
                    width = _WIDTHS.get(entry >> 12)
                    if width is not None:
                        found.setdefault(page, []).append((page + (entry & 0xFFF), width))
                budget -= count + 1
                at += max(length, 8)
        except Unreadable:
            return found
        return found
