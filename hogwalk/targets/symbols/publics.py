"""Public symbols (S_PUB32), found by address through the publics stream's own sorted address map."""

from __future__ import annotations

import struct
from array import array
from typing import Iterator, Optional, Tuple

from hogwalk.errors import Unreadable
from hogwalk.targets.images.pe import Named
from hogwalk.targets.images.source import STRING_CAP, decode
from hogwalk.targets.symbols.pdb import Pdb

_S_PUB32 = 0x110E
_HEAD = struct.Struct("<HHIIH")
_FIXED = 12  # bytes that the length counts before the name
_TIES = 64  # public names at one address looked at


class Publics:
    """The publics of a PDB; nothing but the address map is read before the first question."""

    def __init__(self, pdb: Pdb) -> None:
        self._pdb = pdb
        self._map = array("I")
        try:
            index, self._records = pdb.publics()
            if index is not None and self._records is not None:
                hash_bytes, map_bytes = struct.unpack("<II", index.read(0, 8))
                raw = index.read(28 + hash_bytes, map_bytes // 4 * 4)
                self._map = array("I", struct.unpack(f"<{len(raw) // 4}I", raw))
                self._records.whole()
        except Unreadable:
            self._map = array("I")

    def __len__(self) -> int:
        return len(self._map)

    def _place(self, index: int) -> Tuple[int, int]:
        """RVA and record length of entry `index` of the map, (-1, 0) where it is damaged or in no section."""
        assert self._records is not None
        try:
            length, kind, _, offset, section = _HEAD.unpack(self._records.read(self._map[index], _HEAD.size))
        except Unreadable:
            return -1, 0
        rva = self._pdb.rva(section, offset) if kind == _S_PUB32 and length >= _FIXED else None
        return (-1, 0) if rva is None else (rva, length)

    def _record(self, index: int) -> Optional[Named]:
        """The public behind entry `index` of the map; None where it is damaged or outside every section."""
        rva, length = self._place(index)
        if rva < 0 or self._records is None:
            return None
        raw = self._records.upto(self._map[index] + _HEAD.size, min(length - _FIXED, STRING_CAP))
        return Named(rva, 0, decode(raw.split(b"\0", 1)[0]))

    def nearest(self, rva: int) -> Optional[Named]:
        """The public at the highest address at or below `rva`, of several there the map's first; None without any."""
        low, high = 0, len(self._map)
        while low < high:
            middle = (low + high) // 2
            if self._place(middle)[0] > rva:
                high = middle
            else:
                low = middle + 1
        first, found = -1, -1
        for index in range(low - 1, max(low - 1 - _TIES, -1), -1):
            place = self._place(index)[0]
            if place < 0:
                continue
            if first >= 0 and place != found:
                break
            first, found = index, place
        return self._record(first) if first >= 0 else None

    def __iter__(self) -> Iterator[Named]:
        for index in range(len(self._map)):
            record = self._record(index)
            if record is not None:
                yield record
