"""Function and variable records (S_GPROC32, S_LPROC32, S_THUNK32, S_LDATA32) of the module an address comes from."""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import Dict, List, NamedTuple, Optional, Tuple

from hogwalk.errors import Unreadable
from hogwalk.targets.images.pe import Named
from hogwalk.targets.images.source import STRING_CAP, decode
from hogwalk.targets.symbols.pdb import Pdb

_PROCEDURES = (0x110F, 0x1110, 0x1146, 0x1147)
_S_THUNK32 = 0x1102
_DATA = (0x110C, 0x110D)
_CONTRIBUTIONS = {0xF12EBA2D: 28, 0xF13151E4: 32}  # version of the table: bytes of an entry
_MODULE_CAP = 65536
_RECORD_CAP = 1 << 20
_PIECES_BACK = 8  # pieces without records (import stubs, padding) passed over


_Sorted = Tuple[List[Named], List[int]]  # records, their starts


class _Contribution(NamedTuple):
    section: int
    offset: int
    size: int
    module: int


class Functions:
    """The functions and variables of a PDB, parsed module by module as addresses in them are asked."""

    def __init__(self, pdb: Pdb) -> None:
        self._pdb = pdb
        self._cache: Dict[int, Tuple[_Sorted, _Sorted]] = {}
        self._streams: List[Tuple[int, int]] = []
        self._pieces: List[_Contribution] = []
        try:
            self._load()
        except (Unreadable, struct.error):
            self._pieces = []
        self._keys = [(piece.section, piece.offset) for piece in self._pieces]

    def _load(self) -> None:
        dbi = self._pdb.header()
        if dbi is None:
            return
        modules, contributions = self._pdb.substreams[:2]
        self._streams = _module_streams(dbi.read(64, modules))
        table = dbi.read(64 + modules, contributions)
        if len(table) < 4:
            return
        width = _CONTRIBUTIONS.get(struct.unpack_from("<I", table)[0])
        if width is None:
            return
        for at in range(4, len(table) - width + 1, width):
            section, offset, size, _, module = struct.unpack_from("<HxxiiIH", table, at)
            self._pieces.append(_Contribution(section, offset, size, module))
        self._pieces.sort()

    def nearest(self, rva: int) -> Optional[Named]:
        """The last record that starts at or below `rva` in the piece linked there or in one shortly before, or None."""
        place = self._pdb.place(rva)
        if place is None:
            return None
        index = bisect_right(self._keys, place) - 1
        if index < 0:
            return None
        start = rva - place[1]
        for piece in reversed(self._pieces[max(index - _PIECES_BACK, 0) : index + 1]):
            if piece.section != place[0]:
                break
            inside = place[1] < piece.offset + piece.size  # a variable ends with its piece, a function reaches on
            records, starts = self._module(piece.module)[0 if inside else 1]
            at = bisect_right(starts, rva) - 1
            if at >= 0 and records[at].rva >= start + piece.offset:
                return records[at]
        return None

    def _module(self, number: int) -> Tuple[_Sorted, _Sorted]:
        """A module's records, and of these only the functions."""
        if number not in self._cache:
            records = sorted(self._parse(*self._streams[number])) if number < len(self._streams) else []
            self._cache[number] = _by_start(records), _by_start([named for named in records if named.size])
        return self._cache[number]

    def _parse(self, stream_number: int, size: int) -> List[Named]:
        try:
            stream = self._pdb.stream(stream_number)
            raw = b"" if stream is None else stream.read(0, min(size, stream.size))
        except Unreadable:
            return []
        found: List[Named] = []
        at = 4
        for _ in range(_RECORD_CAP):
            if at + 4 > len(raw):
                break
            length, kind = struct.unpack_from("<HH", raw, at)
            record = raw[at + 4 : at + 2 + length]
            at += 2 + max(length, 2)
            named = self._function(kind, record)
            if named is not None:
                found.append(named)
        return found

    def _function(self, kind: int, record: bytes) -> Optional[Named]:
        if kind in _PROCEDURES and len(record) > 35:
            size, (offset, section), name = struct.unpack_from("<I", record, 12)[0], _at(record, 28), record[35:]
        elif kind == _S_THUNK32 and len(record) > 21:
            (offset, section), size, name = _at(record, 12), struct.unpack_from("<H", record, 18)[0], record[21:]
        elif kind in _DATA and len(record) > 10:
            (offset, section), size, name = _at(record, 4), 0, record[10:]
        else:
            return None
        rva = self._pdb.rva(section, offset)
        return None if rva is None else Named(rva, size, decode(name[:STRING_CAP].split(b"\0", 1)[0]))


def _by_start(records: List[Named]) -> _Sorted:
    return records, [record.rva for record in records]


def _at(record: bytes, offset: int) -> Tuple[int, int]:
    """The (offset, section) pair at `offset` of a record."""
    place, section = struct.unpack_from("<IH", record, offset)
    return place, section


def _module_streams(raw: bytes) -> List[Tuple[int, int]]:
    """For each linked module its (stream number, bytes of symbol records)."""
    streams: List[Tuple[int, int]] = []
    at = 0
    while at + 64 <= len(raw) and len(streams) < _MODULE_CAP:
        number, size = struct.unpack_from("<HI", raw, at + 34)
        streams.append((number, size))
        name_end = raw.find(b"\0", at + 64)
        object_end = raw.find(b"\0", name_end + 1)
        if name_end < 0 or object_end < 0:
            break
        at = (object_end + 4) & ~3
    return streams
