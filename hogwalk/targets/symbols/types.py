"""Field offsets of structures, from a PDB's type records (LF_STRUCTURE, LF_FIELDLIST)."""

from __future__ import annotations

import struct
from array import array
from typing import Dict, Optional, Tuple

from hogwalk.errors import Unreadable
from hogwalk.targets.symbols.pdb import Pdb

_STRUCTURE, _CLASS, _FIELDLIST = 0x1505, 0x1504, 0x1203
_FORWARD = 0x80  # a declaration only
_MEMBER, _STATIC, _BASE, _NESTED, _ENUMERATE = 0x150D, 0x150E, 0x1400, 0x1510, 0x1502
_METHODS, _ONE_METHOD, _TABLE, _INDEX = 0x150F, 0x1511, 0x1409, 0x1404
_INTRODUCING = (4, 6)  # method properties that carry a vtable offset
_LISTS = 64  # continuations of one field list followed
_NUMERIC = {0x8000: 1, 0x8001: 2, 0x8002: 2, 0x8003: 4, 0x8004: 4, 0x8009: 8, 0x800A: 8}


class Types:
    """The structures of a PDB; the type stream is read at the first question."""

    def __init__(self, pdb: Pdb) -> None:
        self._pdb = pdb
        self._raw: Optional[bytes] = None
        self._begin = self._first = 0
        self._offsets = array("I")
        self._fields: Dict[str, Dict[str, int]] = {}

    def field(self, type_name: str, field: str) -> Optional[int]:
        """Offset in bytes of a field of a structure, or None where the PDB does not define it."""
        if type_name not in self._fields:
            try:
                self._fields[type_name] = self._structure(type_name)
            except (Unreadable, struct.error, IndexError):
                self._fields[type_name] = {}
        return self._fields[type_name].get(field)

    def _load(self) -> bytes:
        if self._raw is None:
            stream = self._pdb.types()
            self._raw = stream.whole() if stream is not None else b""
            if self._raw:
                _, self._first, self._begin, _ = struct.unpack_from("<4I", self._raw)
        return self._raw

    def _structure(self, name: str) -> Dict[str, int]:
        """The fields of the first real definition of that name; found by its name, proven by its record."""
        raw, wanted = self._load(), name.encode("utf-8") + b"\0"
        at = raw.find(wanted)
        while at >= 0:
            for head in (at - 22, at - 24, at - 26):  # the size before the name takes 2, 4 or 6 bytes
                fields = self._definition(raw, head, at)
                if fields is not None:
                    return self._members(fields)
            at = raw.find(wanted, at + 1)
        return {}

    def _definition(self, raw: bytes, head: int, name_at: int) -> Optional[int]:
        """The field list's type index when a structure record whose name lies at `name_at` starts at `head`."""
        if head < self._first:
            return None
        length, kind, _, flags, fields = struct.unpack_from("<4HI", raw, head)
        if kind not in (_STRUCTURE, _CLASS) or flags & _FORWARD or length < name_at - head:
            return None
        return int(fields) if _numeric(raw, head + 20)[1] == name_at else None

    def _record(self, index: int) -> bytes:
        """The record of a type index, from its kind on; b"" when there is none."""
        raw = self._load()
        if not self._offsets:
            at = self._first
            while at + 4 <= len(raw):
                self._offsets.append(at)
                at += 2 + struct.unpack_from("<H", raw, at)[0]
        number = index - self._begin
        if not 0 <= number < len(self._offsets):
            return b""
        at = self._offsets[number]
        return raw[at + 2 : at + 2 + struct.unpack_from("<H", raw, at)[0]]

    def _members(self, index: int) -> Dict[str, int]:
        found: Dict[str, int] = {}
        for _ in range(_LISTS):
            record = self._record(index)
            if len(record) < 2 or struct.unpack_from("<H", record)[0] != _FIELDLIST:
                break
            more = _field_list(record, found)
            if more is None:
                break
            index = more
        return found


def _numeric(raw: bytes, at: int) -> Tuple[int, int]:
    """A CodeView number and the offset after it."""
    value: int = struct.unpack_from("<H", raw, at)[0]
    if value < 0x8000:
        return value, at + 2
    width = _NUMERIC.get(value)
    if width is None:
        raise struct.error("a number of unknown width")
    return int.from_bytes(raw[at + 2 : at + 2 + width], "little"), at + 2 + width


def _field_list(record: bytes, found: Dict[str, int]) -> Optional[int]:
    """Adds the members of one list to `found`; the type index of its continuation, or None."""
    at = 2
    while at + 8 <= len(record):
        if record[at] >= 0xF0:  # padding says how many bytes to skip
            at += max(record[at] & 0x0F, 1)
            continue
        kind, attributes, type_index = struct.unpack_from("<HHI", record, at)
        if kind == _INDEX:
            return int(type_index)
        if kind == _MEMBER:
            value, name_at = _numeric(record, at + 8)
            end = record.index(b"\0", name_at) if b"\0" in record[name_at:] else len(record)
            found.setdefault(record[name_at:end].decode("latin-1"), value)
            at = end + 1
        else:
            at = _skip(record, at, kind, attributes)
            if at < 0:
                return None
    return None


def _skip(record: bytes, at: int, kind: int, attributes: int) -> int:
    """The offset after a member that is no data member; -1 where its kind is unknown."""
    if kind == _TABLE:
        return at + 8
    if kind == _BASE:
        return _numeric(record, at + 8)[1]
    if kind == _ENUMERATE:
        name_at = _numeric(record, at + 4)[1]
    elif kind in (_STATIC, _NESTED, _METHODS):
        name_at = at + 8
    elif kind == _ONE_METHOD:
        name_at = at + (12 if (attributes >> 2 & 7) in _INTRODUCING else 8)
    else:
        return -1
    end = record.find(b"\0", name_at)
    return end + 1 if end >= 0 else -1
