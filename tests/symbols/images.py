"""Tiny PE images written byte by byte; RVAs are file offsets, so one image serves as file and as memory."""

from __future__ import annotations

import struct
from typing import Mapping, Sequence, Tuple

_TEXT, _DATA = 0x1000, 0x2000
GUID = bytes(range(1, 17))


def image(
    wide: bool,
    exports: Mapping[int, str],
    size: int = 0x4000,
    timestamp: int = 0x45A1C2F0,
    pdb: Tuple[str, int] = ("", 0),
) -> bytes:
    """An image of `size` bytes: code at 1000h, tables at 2000h; `exports` are names by RVA, `pdb` is (name, age)."""
    table = _exports(exports)
    record = _debug(_DATA + len(table), *pdb) if pdb[0] else b""
    directories = [(0, 0)] * 16
    directories[0] = (_DATA, len(table))
    if record:
        directories[6] = (_DATA + len(table), 28)
    data = bytearray(_headers(wide, size, timestamp, directories).ljust(size, b"\0"))
    data[_TEXT:_DATA] = b"\x90" * (_DATA - _TEXT)
    data[_DATA : _DATA + len(table) + len(record)] = table + record
    return bytes(data)


def _headers(wide: bool, size: int, timestamp: int, directories: Sequence[Tuple[int, int]]) -> bytes:
    optional_bytes = (112 if wide else 96) + 128
    machine = 0x8664 if wide else 0x14C
    file = struct.pack("<4sHHIIIHH", b"PE\0\0", machine, 2, timestamp, 0, 0, optional_bytes, 0x2102)
    optional = bytearray(112 if wide else 96)
    struct.pack_into("<H", optional, 0, 0x20B if wide else 0x10B)
    struct.pack_into("<II", optional, 32, 0x1000, 0x1000)
    struct.pack_into("<II", optional, 56, size, 0x1000)
    struct.pack_into("<I", optional, len(optional) - 4, 16)
    head = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x80) + bytes(0x40) + file + bytes(optional)
    head += b"".join(struct.pack("<II", *pair) for pair in directories)
    for name, place, end, flags in ((b".text", _TEXT, _DATA, 0x60000020), (b".data", _DATA, size, 0x40000040)):
        head += name.ljust(8, b"\0") + struct.pack("<IIII12xI", end - place, place, end - place, place, flags)
    return head


def _exports(exports: Mapping[int, str]) -> bytes:
    """An export directory with ordinals from 1, names in alphabetical order as the loader wants them."""
    places = sorted(exports)
    names = sorted(exports.values())
    functions_at = _DATA + 40
    names_at = functions_at + 4 * len(places)
    ordinals_at = names_at + 4 * len(names)
    text_at = ordinals_at + 2 * len(names)
    text, name_rvas = b"tiny.sys\0", []
    for name in names:
        name_rvas.append(text_at + len(text))
        text += name.encode("ascii") + b"\0"
    order = [places.index(next(rva for rva in places if exports[rva] == name)) for name in names]
    head = struct.pack("<IIIIIIIIII", 0, 0, 0, text_at, 1, len(places), len(names), functions_at, names_at, ordinals_at)
    table = head + struct.pack(f"<{len(places)}I", *places) + struct.pack(f"<{len(names)}I", *name_rvas)
    table += struct.pack(f"<{len(names)}H", *order) + text
    return table + bytes(-len(table) % 4)


def _debug(at: int, name: str, age: int) -> bytes:
    """A debug directory with one RSDS record behind it."""
    record = b"RSDS" + GUID + struct.pack("<I", age) + name.encode("ascii") + b"\0"
    return struct.pack("<IIHHIIII", 0, 0, 0, 0, 2, len(record), at + 28, at + 28) + record
