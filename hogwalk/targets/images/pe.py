"""A PE image, mapped in target memory or lying in a file: sections, CodeView identity, exports, COFF place.

Layout: the PE/COFF specification.  Everything is asked by RVA, so a mapped image and a file read the same.
"""

from __future__ import annotations

import struct
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from hogwalk.errors import BadInput, Unreadable
from hogwalk.machine.windows import PAGE
from hogwalk.targets.images.source import STRING_CAP, ByteSource, MappedFile, decode

EXPORT, RESOURCE, DEBUG = 0, 2, 6
_SECTION_CAP = 96
_EXPORT_CAP = 65536
_NAMES_CAP = 1 << 23  # letters of all exported names together
_DEBUG_CAP = 32
_CODEVIEW, _REPRODUCIBLE = 2, 16
_WRITABLE = 0x80000000


class Named(NamedTuple):
    """A name at a place in the image; `size` is 0 where the record has none."""

    rva: int
    size: int
    name: str


class Identity(NamedTuple):
    """What ties a PDB to an image: the GUID as 32 hex digits in the store's order, and the age."""

    guid: str
    age: int

    def folder(self) -> str:
        """The folder's name in a symbol store."""
        return f"{self.guid}{self.age:X}"


def guid_text(raw: bytes) -> str:
    """A 16-byte GUID as the 32 upper-case hex digits a symbol store uses."""
    a, b, c = struct.unpack_from("<IHH", raw)
    return f"{a:08X}{b:04X}{c:04X}{raw[8:16].hex().upper()}"


class PeSection(NamedTuple):
    """One section: where it lies in the image and in the file, bytes."""

    start: int
    size: int
    file_start: int
    file_size: int
    writable: bool

    @property
    def end(self) -> int:
        """Where its last page ends: what the section does not fill of that is zeros."""
        return -(-(self.start + max(self.size, self.file_size)) // PAGE) * PAGE


class CodeView(NamedTuple):
    """The PDB an image was linked with."""

    name: str
    identity: Identity


class Pe:
    """The headers of one image; raises Unreadable where they are absent or make no sense.

    `image` is read by RVA, `headers` (the same unless given) by the offsets that the headers themselves use.
    """

    def __init__(self, image: ByteSource, headers: Optional[ByteSource] = None) -> None:
        self.image = image
        self._headers = image = headers or image
        head = image.u32(0x3C)
        if image.u16(0) != 0x5A4D or head > 0x10000 or image.u32(head) != 0x4550:
            raise Unreadable(head, 4)
        self.machine, count, self.timestamp, self.symbols_at, self.symbol_count, optional, _ = struct.unpack(
            "<HHIIIHH", image.read(head + 4, 20)
        )
        start = head + 24
        self.wide = image.u16(start) == 0x20B
        self.preferred = image.u64(start + 24) if self.wide else image.u32(start + 28)
        self.size = image.u32(start + 56)
        self.checksum = image.u32(start + 64)
        self._directories = start + (112 if self.wide else 96)
        self._directory_count = min(image.u32(self._directories - 4), 16)
        self.sections: List[PeSection] = []
        for at in range(start + optional, start + optional + 40 * min(count, _SECTION_CAP), 40):
            size, place, raw_size, raw_start = struct.unpack("<4I", image.read(at + 8, 16))
            writable = bool(image.u32(at + 36) & _WRITABLE)
            self.sections.append(PeSection(place, size, raw_start, raw_size, writable))

    def read_only(self, rva: int, count: int) -> bool:
        """Whether [rva, rva+count) lies in one section that nothing writes to, or before all of them."""
        for section in self.sections:
            if section.start <= rva < section.end:
                return not section.writable and rva + count <= section.end
        return rva + count <= min((section.start for section in self.sections), default=0)

    def directory(self, index: int) -> Tuple[int, int]:
        """RVA and bytes of a data directory, (0, 0) when absent; raises Unreadable."""
        if index >= self._directory_count:
            return 0, 0
        at = self._directories + 8 * index
        return self._headers.u32(at), self._headers.u32(at + 4)

    def codeview(self) -> Optional[CodeView]:
        """The RSDS record, or None where the image has none or it cannot be read."""
        try:
            for kind, length, place in self._debug():
                if kind == _CODEVIEW and length > 24 and place:
                    return _rsds(self.image, place)
        except Unreadable:
            pass
        return None

    def linked(self) -> Optional[int]:
        """The linker's time stamp, seconds since 1970; None where a hash may stand in its place (link /Brepro)."""
        try:
            hashed = any(kind == _REPRODUCIBLE for kind, _, _ in self._debug())
        except Unreadable:
            return None
        return None if hashed else self.timestamp or None

    def _debug(self) -> Iterator[Tuple[int, int, int]]:
        # Type, bytes and RVA of each entry of the debug directory.
        at, size = self.directory(DEBUG)
        for entry in range(at, at + min(size // 28, _DEBUG_CAP) * 28, 28):
            yield struct.unpack("<III", self.image.read(entry + 12, 12))

    def exports(self) -> List[Named]:
        """The exports, lowest first; [] where the table cannot be read; forwarders are left out.

        A nameless entry is called `OrdinalN`, as the debugger does, also the empty ones at RVA 0.
        """
        try:
            return sorted(self._exports())
        except Unreadable:
            return []

    def _exports(self) -> List[Named]:
        at, size = self.directory(EXPORT)
        if not at:
            return []
        first, functions, names, function_at, name_at, ordinal_at = struct.unpack("<6I", self.image.read(at + 16, 24))
        functions, names = min(functions, _EXPORT_CAP), min(names, _EXPORT_CAP)
        places = struct.unpack(f"<{functions}I", self.image.read(function_at, 4 * functions))
        texts = struct.unpack(f"<{names}I", self.image.read(name_at, 4 * names))
        ordinals = struct.unpack(f"<{names}H", self.image.read(ordinal_at, 2 * names))
        block = self.image.upto(at, size) if size <= 1 << 24 else b""
        called: Dict[int, List[str]] = {}
        budget = _NAMES_CAP
        for text, ordinal in zip(texts, ordinals):
            name = self._name(block, at, text)
            budget -= len(name)
            if budget < 0:
                break
            called.setdefault(ordinal, []).append(name)
        return [
            Named(place, 0, name)
            for index, place in enumerate(places)
            if not at <= place < at + size
            for name in called.get(index, [f"Ordinal{first + index}"])
        ]

    def _name(self, block: bytes, block_at: int, at: int) -> str:
        """An export's name, from the directory's own bytes where it lies in them."""
        end = block.find(b"\0", at - block_at) if block_at <= at < block_at + len(block) else -1
        if end >= 0:
            return decode(block[at - block_at : min(end, at - block_at + STRING_CAP)])
        return self.image.text(at)


def _rsds(image: ByteSource, place: int) -> Optional[CodeView]:
    raw = image.read(place, 24)
    if raw[:4] != b"RSDS":
        return None
    age: int = struct.unpack_from("<I", raw, 20)[0]
    name = image.text(place + 24).replace("\\", "/").rsplit("/", 1)[-1]
    return CodeView(name, Identity(guid_text(raw[4:20]), age))


class FileImage(ByteSource):
    """An image file read by RVA through its section table; `file` is the same by file offset, `pe` its headers.

    Raises BadInput when the file is no PE image.
    """

    def __init__(self, path: str) -> None:
        self.file = MappedFile(path)
        try:
            self.pe = Pe(self, self.file)
        except Unreadable:
            raise BadInput(f"{self.file.name} is not a PE image", "pass the driver or program file itself") from None
        self._sections = sorted(self.pe.sections)

    def read(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes from an RVA, zeros where the file ends before the section does; raises Unreadable."""
        for section in self._sections:
            skip = offset - section.start
            if skip >= 0 and offset + count <= section.end:
                kept = max(0, min(count, section.file_size - skip))
                return self.file.read(section.file_start + skip, kept).ljust(count, b"\0") if kept else bytes(count)
        first = self._sections[0].start if self._sections else 0
        if offset + count > max(first, 0x1000):
            raise Unreadable(offset, count)
        return self.file.read(offset, count)
