"""PDB files written record by record: publics, function records, structures."""

from __future__ import annotations

import struct
from types import MappingProxyType
from typing import Mapping, Sequence, Tuple

from fixtures.build.msf import Msf, write
from tests.symbols.images import GUID

_SECTIONS = ((0x1000, 0x1000), (0x2000, 0x2000))
_T_UINT8 = 0x77
Function = Tuple[int, int, str]  # RVA, bytes, name


def pdb(
    publics: Sequence[Tuple[int, str]] = (),
    functions: Sequence[Function] = (),
    structures: Mapping[str, Mapping[str, int]] = MappingProxyType({}),
    age: int = 1,
    guid: bytes = GUID,
    debug: Mapping[int, bytes] = MappingProxyType({}),
    names: bytes = b"",
) -> bytes:
    """A PDB of an image made by tests.symbols.images: names by RVA, structures as field offsets by name.

    `debug` are further debug streams by slot (FPO, OMAP, ...), `names` the text of the /names stream.
    """
    records, index = _publics(publics)
    module = struct.pack("<I", 4)
    for function in functions:
        module += _procedure(len(module), *function)
    sections = b"".join(b"section\0" + struct.pack("<II24x", size, place) for place, size in _SECTIONS)
    slots = {5: 8, **{slot: 10 + number for number, slot in enumerate(debug)}}
    streams = [b"", _info(age, guid), _types(structures), _dbi(age, len(module), slots), b"", index, records, module]
    streams += [sections, struct.pack("<III", 0xEFFEEFFE, 1, len(names)) + names, *debug.values()]
    return write(Msf(4096, streams))


def _info(age: int, guid: bytes) -> bytes:
    """The identity, and the map of named streams: /names is stream 9."""
    text = b"/names\0"
    table = struct.pack("<5I2I", 1, 1, 1, 1, 0, 0, 9)
    head = struct.pack("<III", 20000404, 0, age) + guid
    return head + struct.pack("<I", len(text)) + text + table + struct.pack("<II", 0, 20140508)


def _place(rva: int) -> Tuple[int, int]:
    """(offset, 1-based section) of an RVA."""
    section = 1 if rva < _SECTIONS[1][0] else 2
    return rva - _SECTIONS[section - 1][0], section


def _record(kind: int, body: bytes) -> bytes:
    body += bytes(-(len(body) + 4) % 4)
    return struct.pack("<HH", len(body) + 2, kind) + body


def _publics(publics: Sequence[Tuple[int, str]]) -> Tuple[bytes, bytes]:
    """The symbol record stream and the publics' index stream (an empty hash, then the address map)."""
    records, offsets = b"", []
    for rva, name in sorted(publics):
        offsets.append(len(records))
        records += _record(0x110E, struct.pack("<IIH", 2, *_place(rva)) + name.encode("utf-8", "surrogatepass") + b"\0")
    buckets = struct.pack("<IIII", 0xFFFFFFFF, 0xEFFE0000 + 19990810, 0, 0)  # an empty hash of names
    index = struct.pack("<II20x", len(buckets), 4 * len(offsets)) + buckets
    index += struct.pack(f"<{len(offsets)}I", *offsets)
    return records, index


def _procedure(at: int, rva: int, size: int, name: str) -> bytes:
    """A function's record at `at` of its stream and the end record that it names; a variable's when it has no size."""
    offset, section = _place(rva)
    text = name.encode("utf-8", "surrogatepass") + b"\0"
    if not size:
        return _record(0x110C, struct.pack("<IIH", 3, offset, section) + text)
    end = at + (4 + 35 + len(text) + 3) // 4 * 4
    body = struct.pack("<7IIHB", 0, end, 0, size, 0, size, 0, offset, section, 0)
    return _record(0x1110, body + text) + _record(6, b"")


def _dbi(age: int, module_bytes: int, slots: Mapping[int, int]) -> bytes:
    """One linked module that holds all of the code, its stream 7; publics 5, records 6; debug streams by slot."""
    contribution = struct.pack("<HxxiiIHxxII", 1, 0, 0xF00, 0x60000020, 0, 0, 0)
    module = bytes(4) + contribution + struct.pack("<HHIIIHxxIII", 0, 7, module_bytes, 0, 0, 0, 0, 0, 0)
    module += b"tiny.obj\0tiny.obj\0"
    module += bytes(-len(module) % 4)
    data = struct.pack("<HxxiiIHxxII", 2, 0, 0x1000, 0xC0000040, 0, 0, 0)
    contributions = struct.pack("<I", 0xF12EBA2D) + contribution + data
    files = struct.pack("<HHHHI", 1, 1, 0, 1, 0) + b"tiny.c\0\0"
    debug = struct.pack("<11H", *[slots.get(slot, 0xFFFF) for slot in range(11)])
    head = struct.pack("<iII6H", -1, 19990903, age, 0xFFFF, 0, 5, 0, 6, 0)
    head += struct.pack("<5iI2iHHI", len(module), len(contributions), 4, len(files), 0, 0, len(debug), 0, 0, 0x8664, 0)
    return head + module + contributions + struct.pack("<HH", 0, 0) + files + debug


def _types(structures: Mapping[str, Mapping[str, int]]) -> bytes:
    """A type stream: for each structure a forward reference, its field list, its definition."""
    body, index = b"", 0x1000
    for name, fields in structures.items():
        text = name.encode("utf-8", "surrogatepass") + b"\0"
        body += _record(0x1505, struct.pack("<HHIIIH", 0, 0x80, 0, 0, 0, 0) + text)
        body += _record(0x1203, b"".join(_member(field, offset) for field, offset in fields.items()))
        body += _record(0x1505, struct.pack("<HHIIIHH", len(fields), 0, index + 1, 0, 0, 0x8002, 0xF00D) + text)
        index += 3
    head = struct.pack("<5IHHII", 20040203, 56, 0x1000, index, len(body), 0xFFFF, 0xFFFF, 4, 0x3FFFF)
    return head.ljust(56, b"\0") + body


def _member(name: str, offset: int) -> bytes:
    number = struct.pack("<H", offset) if offset < 0x8000 else struct.pack("<HI", 0x8004, offset)
    body = struct.pack("<HHI", 0x150D, 3, _T_UINT8) + number + name.encode("utf-8", "surrogatepass") + b"\0"
    padding = -len(body) % 4
    return body + bytes(0xF0 + left for left in range(padding, 0, -1))
