"""One PDB 7.0 file: identity, sections, and the streams that hold publics, functions, types and frame data.

Formats: the LLVM project's PDB documentation and Microsoft's published microsoft-pdb headers.
"""

from __future__ import annotations

import struct
from typing import List, NamedTuple, Optional, Tuple

from hogwalk.errors import BadInput, Unreadable
from hogwalk.targets.images.pe import Identity, guid_text
from hogwalk.targets.images.source import MappedFile
from hogwalk.targets.symbols.msf import Msf, Stream
from hogwalk.targets.symbols.omap import Omap

_INFO, _TPI, _DBI = 1, 2, 3
_NONE = 0xFFFF
FPO, OMAP_TO_SOURCE, OMAP_FROM_SOURCE, SECTIONS, NEW_FPO, ORIGINAL_SECTIONS = 0, 3, 4, 5, 9, 10
_SECTION_CAP = 65535


class Section(NamedTuple):
    """One section's place in the image."""

    start: int
    size: int


class Pdb:
    """A symbol file; raises BadInput where it is no PDB 7.0 or its headers are damaged."""

    def __init__(self, path: str) -> None:
        self.file = MappedFile(path)
        try:
            self._msf = Msf(self.file)
            self._read_headers()
        except (Unreadable, struct.error):
            raise BadInput(f"{self.file.name} is cut short or damaged", "copy the symbol file again") from None

    def _read_headers(self) -> None:
        info = self._msf.stream(_INFO)
        if info is None:
            raise BadInput(f"{self.file.name} has no identity stream", "copy the symbol file again")
        self._age = info.u32(8)
        self.guid = guid_text(info.read(12, 16))
        self._dbi = self._msf.stream(_DBI)
        self._debug: Tuple[int, ...] = ()
        self.substreams: Tuple[int, ...] = (0,) * 7
        if self._dbi is not None:
            self._read_dbi(self._dbi)
        self.sections = self._sections()

    def _read_dbi(self, dbi: Stream) -> None:
        head = dbi.read(0, 64)
        self._age = struct.unpack_from("<I", head, 8)[0]
        self._publics, self._records = struct.unpack_from("<H", head, 16)[0], struct.unpack_from("<H", head, 20)[0]
        modules, contributions, section_map, files, servers = struct.unpack_from("<5i", head, 24)
        debug, extra = struct.unpack_from("<ii", head, 48)
        sizes = (modules, contributions, section_map, files, servers, extra, debug)
        if min(sizes) < 0 or sum(sizes) > dbi.size:
            raise BadInput(f"{self.file.name} has a damaged symbol header", "copy the symbol file again")
        self.substreams = sizes
        raw = dbi.read(64 + sum(sizes[:6]), debug // 2 * 2)
        self._debug = struct.unpack(f"<{len(raw) // 2}H", raw)

    def identities(self) -> Tuple[Identity, ...]:
        """The identity by the symbol header's age and by the file's own age (linkers differ in which they raise)."""
        info = self._msf.stream(_INFO)
        ages = {self._age, info.u32(8) if info is not None else self._age}
        return tuple(Identity(self.guid, age) for age in sorted(ages))

    def debug_stream(self, index: int) -> Optional[Stream]:
        """One of the optional debug streams (FPO, NEW_FPO, ...), or None; raises Unreadable."""
        if index >= len(self._debug) or self._debug[index] == _NONE:
            return None
        return self._msf.stream(self._debug[index])

    def _sections(self) -> List[Section]:
        """The sections that symbol records count in: the original ones where the image was rearranged (OMAP)."""
        stream = self.debug_stream(ORIGINAL_SECTIONS) or self.debug_stream(SECTIONS)
        if stream is None:
            return []
        found = []
        for at in range(0, min(stream.size // 40, _SECTION_CAP) * 40, 40):
            size, start = struct.unpack("<II", stream.read(at + 8, 8))
            found.append(Section(start, size))
        return found

    def rva(self, section: int, offset: int) -> Optional[int]:
        """Bytes from the start of the (original) image of a 1-based section and an offset in it."""
        if not 1 <= section <= len(self.sections):
            return None
        return self.sections[section - 1].start + offset

    def place(self, rva: int) -> Optional[Tuple[int, int]]:
        """The 1-based section and the offset in it of a place in the (original) image."""
        for number, section in enumerate(self.sections, 1):
            if section.start <= rva < section.start + max(section.size, 1):
                return number, rva - section.start
        return None

    def omap(self, index: int) -> Optional[Omap]:
        """The map to (OMAP_TO_SOURCE) or from (OMAP_FROM_SOURCE) the original image; None when never rearranged."""
        stream = self.debug_stream(index)
        return Omap(stream.whole()) if stream is not None else None

    def publics(self) -> Tuple[Optional[Stream], Optional[Stream]]:
        """The publics' index stream and the stream of symbol records."""
        if self._dbi is None or self._publics == _NONE or self._records == _NONE:
            return None, None
        return self._msf.stream(self._publics), self._msf.stream(self._records)

    def stream(self, number: int) -> Optional[Stream]:
        """Any stream by number; raises Unreadable."""
        return self._msf.stream(number) if number != _NONE else None

    def named(self, name: str) -> Optional[int]:
        """The number of a named stream such as "/names", or None; raises Unreadable."""
        info = self._msf.stream(_INFO)
        if info is None:
            return None
        text_bytes = info.u32(28)
        text = info.read(32, text_bytes)
        at = 32 + text_bytes
        entries = info.u32(at)
        present_words = info.u32(at + 8)
        deleted_words = info.u32(at + 12 + 4 * present_words)
        at += 16 + 4 * (present_words + deleted_words)
        for key, value in struct.iter_unpack("<II", info.read(at, 8 * entries)):
            if text[key:].split(b"\0", 1)[0] == name.encode("ascii"):
                return int(value)
        return None

    def types(self) -> Optional[Stream]:
        """The type records' stream."""
        return self._msf.stream(_TPI)

    def header(self) -> Optional[Stream]:
        """The DBI stream, in which the module list and the section contributions lie."""
        return self._dbi
