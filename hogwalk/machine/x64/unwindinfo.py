"""RUNTIME_FUNCTION and UNWIND_INFO (x64), read from an image's .pdata and .xdata.

Source: Microsoft's "x64 exception handling" (struct UNWIND_INFO, UNWIND_CODE); version 2 adds the epilogue codes that
LLVM calls "Win x64 unwind v2".
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

PUSH_NONVOL, ALLOC_LARGE, ALLOC_SMALL, SET_FPREG, SAVE_NONVOL, SAVE_NONVOL_FAR, EPILOG, SPARE = range(8)
SAVE_XMM128, SAVE_XMM128_FAR, PUSH_MACHFRAME = 8, 9, 10
CHAINED = 4  # UNW_FLAG_CHAININFO
ENTRY = struct.Struct("<III")
MOST_LINKS = 32  # chained entries: more in a row is a loop
MOST_ENTRIES = 1 << 20
VERSIONS = (1, 2)
READ_BYTES = 4 + 2 * 256 + ENTRY.size
BytesAt = Callable[[int, int], Optional[bytes]]


class Entry(NamedTuple):
    """One RUNTIME_FUNCTION; all three are addresses here."""

    begin: int
    end: int
    unwind: int


class Code(NamedTuple):
    """One unwind code: `offset` of the end of its instruction in the function, operation, info, and its number.

    `value` is in bytes: what is allocated, or the place of a saved register above the frame's base.
    """

    offset: int
    operation: int
    info: int
    value: int


class UnwindInfo(NamedTuple):
    """What one UNWIND_INFO says; `register` is 0 without a frame register, `frame_offset` in bytes."""

    version: int
    prologue: int
    register: int
    frame_offset: int
    codes: Tuple[Code, ...]
    parent: Optional[Entry]


def parse_unwind(raw: bytes, base: int) -> Optional[UnwindInfo]:
    """The unwind information in some bytes (READ_BYTES are always enough); None for what is not of VERSIONS or cut.

    `base` is the image's start.
    """
    if len(raw) < 4:
        return None
    version, flags, count = raw[0] & 7, raw[0] >> 3, raw[2]
    end = 4 + 2 * (count + (count & 1))
    if version not in VERSIONS or len(raw) < end:
        return None
    codes = _codes(raw[4 : 4 + 2 * count], version)
    parent = None
    if flags & CHAINED:
        if len(raw) < end + ENTRY.size:
            return None
        begin, stop, unwind = ENTRY.unpack_from(raw, end)
        parent = Entry(base + begin, base + stop, base + unwind)
    if codes is None:
        return None
    return UnwindInfo(version, raw[1], raw[3] & 15, (raw[3] >> 4) * 16, codes, parent)


def _codes(raw: bytes, version: int) -> Optional[Tuple[Code, ...]]:
    found: List[Code] = []
    at, end = 0, len(raw)
    while at + 2 <= end:
        offset, what = raw[at], raw[at + 1]
        operation, info, after = what & 15, what >> 4, at + 2 * SLOTS[what]
        if after == at or after > end:
            return None
        padding = version != 1 and not (offset or what)  # the second half of an odd epilogue code
        if operation == PUSH_NONVOL and not padding:
            found.append(Code(offset, operation, info, 0))
        elif operation not in UNNEEDED and not padding:
            value = 8 * info + 8 if operation == ALLOC_SMALL else _value(operation, info, raw[at + 2 : after])
            found.append(Code(offset, operation, info, value))
        at = after
    return tuple(found)


def _slots(operation: int, info: int) -> int:
    """How many 2-byte slots a code takes, 0 for one that does not exist."""
    if operation == ALLOC_LARGE:
        return {0: 2, 1: 3}.get(info, 0)
    if operation in (PUSH_NONVOL, ALLOC_SMALL, SET_FPREG, EPILOG, PUSH_MACHFRAME):
        return 1
    if operation in (SAVE_NONVOL, SAVE_XMM128):
        return 2
    return 3 if operation in (SAVE_NONVOL_FAR, SAVE_XMM128_FAR) else 0


UNNEEDED = (EPILOG, SAVE_XMM128, SAVE_XMM128_FAR)
SLOTS = tuple(_slots(what & 15, what >> 4) for what in range(256))  # by a code's second byte


def _value(operation: int, info: int, operand: bytes) -> int:
    number = int.from_bytes(operand, "little")
    if operation == ALLOC_LARGE:
        return number if info else 8 * number
    if operation == SAVE_NONVOL:
        return 8 * number
    return number


class FunctionTable:
    """The functions of one image by address: its .pdata, decoded once."""

    def __init__(self, base: int, pdata: bytes, bytes_at: BytesAt) -> None:
        usable = len(pdata) // ENTRY.size * ENTRY.size
        rows = sorted(row for row in ENTRY.iter_unpack(pdata[:usable]) if row[1] > row[0])
        self._base = base
        self._rows = rows
        self._begins = [row[0] for row in rows]
        self._bytes_at = bytes_at
        self._infos: Dict[int, Optional[UnwindInfo]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def entry(self, address: int) -> Optional[Entry]:
        """The entry that holds an address: of overlapping ones the one that begins last; None for a leaf."""
        rva = address - self._base
        index = bisect_right(self._begins, rva) - 1
        if index < 0 or rva >= self._rows[index][1]:
            return None
        begin, end, unwind = self._rows[index]
        if unwind & 1:  # an entry that stands for another one
            raw = self._bytes_at(self._base + (unwind & ~1), ENTRY.size)
            if raw is None:
                return None
            unwind = ENTRY.unpack(raw)[2]
        return Entry(self._base + begin, self._base + end, self._base + unwind)

    def info(self, entry: Entry) -> Optional[UnwindInfo]:
        """The unwind information of an entry; None where it cannot be read or is of an unknown version."""
        if entry.unwind not in self._infos:
            self._infos[entry.unwind] = self._read(entry.unwind)
        return self._infos[entry.unwind]

    def _read(self, at: int) -> Optional[UnwindInfo]:
        head = self._bytes_at(at, 4)
        if head is None:
            return None
        count = head[2]
        size = 4 + 2 * (count + (count & 1)) + (ENTRY.size if head[0] >> 3 & CHAINED else 0)
        raw = self._bytes_at(at, size)
        return None if raw is None else parse_unwind(raw, self._base)

    def primary(self, entry: Entry) -> Entry:
        """The entry that a chained one belongs to in the end; it begins where callers call."""
        for _ in range(MOST_LINKS):
            info = self.info(entry)
            if info is None or info.parent is None:
                break
            entry = info.parent
        return entry
