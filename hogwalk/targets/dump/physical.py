"""Where each physical page lies in a kernel dump's file: by runs of pages, or by a bitmap with one bit per page."""

from __future__ import annotations

from bisect import bisect_right
from typing import List, Optional, Protocol

from hogwalk.errors import BadInput, Unreadable
from hogwalk.targets.dump.header import BITMAP_FULL, FULL, SUMMARY, Header
from hogwalk.targets.dump.layout import PAGE
from hogwalk.targets.images.source import MappedFile

_CHUNK = 1024  # bytes of bitmap counted at a time
_COUNTED = bytes(bin(value).count("1") for value in range(256))
_RUNS_32 = 86  # what 700 bytes of header hold
_RUNS_64 = 43


class Runs:
    """Physical pages in runs, as a full dump's header lists them."""

    def __init__(self, file: MappedFile, header: Header) -> None:
        wide = header.layout.pointer == 8
        count = file.u32(header.runs_at)
        if not 0 < count <= (_RUNS_64 if wide else _RUNS_32):
            raise BadInput(f"{file.name} lists {count} runs of memory pages", "copy the dump again")
        table = header.runs_at + (16 if wide else 8)
        self._starts: List[int] = []
        self._ends: List[int] = []
        self._pages: List[int] = []
        page = 0
        for index in range(count):
            at = table + index * 2 * header.layout.pointer
            first = file.pointer(at, header.layout.pointer)
            pages = file.pointer(at + header.layout.pointer, header.layout.pointer)
            if self._ends and first < self._ends[-1]:
                raise BadInput(f"{file.name} lists overlapping runs of memory pages", "copy the dump again")
            self._starts.append(first)
            self._ends.append(first + pages)
            self._pages.append(page)
            page += pages
        self._data = header.size
        self.ends_at: Optional[int] = header.size + page * PAGE

    def offset(self, frame: int) -> Optional[int]:
        """File offset of a physical page by its frame number, or None where the dump does not hold it."""
        index = bisect_right(self._starts, frame) - 1
        if index < 0 or frame >= self._ends[index]:
            return None
        return self._data + (self._pages[index] + frame - self._starts[index]) * PAGE


class Bitmap:
    """Physical pages by a bitmap; set bits are ranked chunk by chunk, as far as the question needs."""

    def __init__(self, file: MappedFile, header: Header) -> None:
        self._file = file
        at = header.size
        if file.read(at, 8) not in (b"SDMPDUMP", b"FDMPDUMP"):
            raise BadInput(f"{file.name} has no page bitmap behind its header", "copy the dump again")
        self.ends_at: Optional[int] = None
        if header.kind == SUMMARY:
            self._data, self._frames = file.u32(at + 12), file.u32(at + 16)
            self._bits = at + (0x28 if header.layout.pointer == 8 else 0x20)
        else:
            self._data, self._frames = file.u64(at + 0x20), file.u64(at + 0x30)
            self._bits = at + 0x38
            self.ends_at = self._data + file.u64(at + 0x28) * PAGE
        if self._bits + (self._frames + 7) // 8 > file.size or not self._bits <= self._data <= file.size:
            raise BadInput(f"{file.name} has a page bitmap that reaches past its end", "the dump is cut: copy it again")
        self._ranks = [0]

    def _chunk(self, index: int) -> bytes:
        start = index * _CHUNK
        return self._file.read(self._bits + start, min(_CHUNK, (self._frames + 7) // 8 - start))

    def offset(self, frame: int) -> Optional[int]:
        """File offset of a physical page by its frame number, or None where the dump does not hold it."""
        if not 0 <= frame < self._frames:
            return None
        index, place = divmod(frame >> 3, _CHUNK)
        while len(self._ranks) <= index:
            self._ranks.append(self._ranks[-1] + _bits_set(self._chunk(len(self._ranks) - 1)))
        chunk = self._chunk(index)
        if not (chunk[place] >> (frame & 7)) & 1:
            return None
        before = _bits_set(chunk[:place]) + _COUNTED[chunk[place] & ((1 << (frame & 7)) - 1)]
        return self._data + (self._ranks[index] + before) * PAGE


def _bits_set(raw: bytes) -> int:
    return bin(int.from_bytes(raw, "little")).count("1")


class Physical(Protocol):
    """An index of physical pages; `ends_at` is where the last of them ends in the file, None where nothing says."""

    ends_at: Optional[int]

    def offset(self, frame: int) -> Optional[int]:
        """File offset of a physical page by its frame number, or None where the dump does not hold it."""


def physical(file: MappedFile, header: Header) -> Physical:
    """The page index of a full, summary or bitmap dump; raises BadInput where it is damaged."""
    try:
        if header.kind == FULL:
            return Runs(file, header)
        if header.kind == SUMMARY or header.kind >= BITMAP_FULL:
            return Bitmap(file, header)
    except Unreadable:
        raise BadInput(f"{file.name} ends inside its page index", "the dump is cut: copy it again") from None
    raise BadInput(f"{file.name} holds no physical memory", "pass a full, kernel or small dump")
