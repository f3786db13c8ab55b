"""Function symbols of an image file's COFF symbol table, as mingw's linker leaves them."""

from __future__ import annotations

import struct
from typing import List

from hogwalk.errors import Unreadable
from hogwalk.targets.images.pe import FileImage, Named
from hogwalk.targets.images.source import STRING_CAP, decode

_ROW = 18
_CAP = 1 << 20
_FUNCTION_TYPE = 0x20
_EXTERNAL, _STATIC = 2, 3


def coff_symbols(image: FileImage) -> List[Named]:
    """The functions of the symbol table, lowest first; [] where there is none or it cannot be read."""
    pe = image.pe
    count = min(pe.symbol_count, _CAP)
    if not pe.symbols_at or not count:
        return []
    try:
        rows = image.file.read(pe.symbols_at, _ROW * count)
        strings_at = pe.symbols_at + _ROW * pe.symbol_count
        strings = image.file.read(strings_at, image.file.u32(strings_at))
    except Unreadable:
        return []
    found: List[Named] = []
    at = 0
    while at + _ROW <= len(rows):
        value, section, kind, storage, extra = struct.unpack_from("<IhHBB", rows, at + 8)
        if kind == _FUNCTION_TYPE and storage in (_EXTERNAL, _STATIC) and 1 <= section <= len(pe.sections):
            found.append(Named(pe.sections[section - 1].start + value, 0, _name(rows[at : at + 8], strings)))
        at += _ROW * (1 + extra)
    return sorted(found)


def _name(raw: bytes, strings: bytes) -> str:
    """A short name, or the string table's text at the offset in its place."""
    if raw[:4] != b"\0\0\0\0":
        return decode(raw.rstrip(b"\0"))
    offset = struct.unpack_from("<I", raw, 4)[0]
    end = strings.find(b"\0", offset)
    return decode(strings[offset : min(end, offset + STRING_CAP)]) if end >= 0 else ""
