"""Public symbols (S_PUB32), found by address through the publics stream's own sorted address map."""

from __future__ import annotations

import struct
from array import array
from typing import Iterator, NamedTuple, Optional

from hogwalk.errors import Unreadable
from hogwalk.symbols.pdb import Pdb
from hogwalk.symbols.source import STRING_CAP, decode

_S_PUB32 = 0x110E
_TIES = 64  # public names at one address looked at


class Named(NamedTuple):
    """A name at a place in the image; `size` is 0 where the record has none."""

    rva: int
    size: int
    name: str


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

    def _record(self, index: int) -> Optional[Named]:
        """The public behind entry `index` of the map; None where it is damaged or outside every section."""
        assert self._records is not None
        try:
            length, kind, _, offset, section = struct.unpack("<HHIIH", self._records.read(self._map[index], 14))
            if kind != _S_PUB32 or length < 12:
                return None
            rva = self._pdb.rva(section, offset)
            raw = self._records.read(self._map[index] + 14, min(length - 12, STRING_CAP))
        except Unreadable:
            return None
        return None if rva is None else Named(rva, 0, decode(raw.split(b"\0", 1)[0]))

    def nearest(self, rva: int) -> Optional[Named]:
        """The public at the highest address at or below `rva`, of several there the map's first; None without any."""
        low, high = 0, len(self._map)
        while low < high:
            middle = (low + high) // 2
            record = self._record(middle)
            if record is not None and record.rva > rva:
                high = middle
            else:
                low = middle + 1
        found: Optional[Named] = None
        for index in range(low - 1, max(low - 1 - _TIES, -1), -1):
            record = self._record(index)
            if record is None:
                continue
            if found is not None and record.rva != found.rva:
                break
            found = record
        return found

    def __iter__(self) -> Iterator[Named]:
        for index in range(len(self._map)):
            record = self._record(index)
            if record is not None:
                yield record
