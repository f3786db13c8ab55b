"""The mapped form of a 32-bit PE file: sections at their addresses, exports, and bound imports."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Tuple


@dataclass
class Image:
    """A module in memory: base, mapped bytes (size a multiple of a page), and the exported addresses by name."""

    name: str
    file: str
    base: int
    data: bytearray
    timestamp: int
    checksum: int
    code: Tuple[int, int]
    exports: Dict[str, int]

    @property
    def end(self) -> int:
        """First address behind the module."""
        return self.base + len(self.data)

    def word(self, address: int) -> int:
        """The dword at an address inside the module."""
        return int(struct.unpack_from("<I", self.data, address - self.base)[0])


def load(name: str, path: Path) -> Image:
    """Map the PE file as the loader would; the file name in memory is the path's."""
    raw = path.read_bytes()
    pe = struct.unpack_from("<I", raw, 0x3C)[0]
    sections, optional = struct.unpack_from("<H12xH", raw, pe + 6)
    base = struct.unpack_from("<I", raw, pe + 0x34)[0]
    size, headers, checksum = struct.unpack_from("<III", raw, pe + 0x50)
    data = bytearray((size + 0xFFF) & ~0xFFF)
    data[:headers] = raw[:headers]
    struct.pack_into("<II", data, pe + 0xC, 0, 0)  # no COFF symbol table in a stripped or mapped module
    code = (base, base)
    for i in range(sections):
        at = pe + 0x18 + optional + 40 * i
        virtual, rva, length, offset = struct.unpack_from("<IIII", raw, at + 8)
        data[rva : rva + min(virtual, length)] = raw[offset : offset + min(virtual, length)]
        if raw[at : at + 5] == b".text":
            code = (base + rva, base + rva + virtual)
    stamp = struct.unpack_from("<I", raw, pe + 8)[0]
    return Image(name, path.name, base, data, stamp, checksum, code, _exports(data, base, pe))


def bind(image: Image, others: Dict[str, Image]) -> None:
    """Fill the import address table from the other modules' exports (by file name); raises KeyError if one lacks."""
    pe = struct.unpack_from("<I", image.data, 0x3C)[0]
    at = struct.unpack_from("<I", image.data, pe + 0x80)[0]
    while at:
        names, _, _, library, table = struct.unpack_from("<5I", image.data, at)
        if not table:
            return
        exports = others[_text(image.data, library)].exports
        for i, hint in enumerate(_words(image.data, names)):
            struct.pack_into("<I", image.data, table + 4 * i, exports[_text(image.data, hint + 2)])
        at += 20


def _exports(data: bytearray, base: int, pe: int) -> Dict[str, int]:
    at = struct.unpack_from("<I", data, pe + 0x78)[0]
    if not at:
        return {}
    count, functions, names, ordinals = struct.unpack_from("<4I", data, at + 0x18)
    result: Dict[str, int] = {}
    for i in range(count):
        name = _text(data, struct.unpack_from("<I", data, names + 4 * i)[0])
        ordinal = struct.unpack_from("<H", data, ordinals + 2 * i)[0]
        result[name] = base + struct.unpack_from("<I", data, functions + 4 * ordinal)[0]
    return result


def _words(data: bytearray, at: int) -> List[int]:
    """The dwords from at up to a zero."""
    words: List[int] = []
    while True:
        word = struct.unpack_from("<I", data, at)[0]
        if not word:
            return words
        words.append(word)
        at += 4


def _text(data: bytearray, at: int) -> str:
    return bytes(data[at : data.index(0, at)]).decode("ascii")
