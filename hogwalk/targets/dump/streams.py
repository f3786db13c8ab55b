"""The streams of a user minidump (MDMP): system, threads, modules, memory, exception (minidumpapiset.h).

Why not a library: `minidump` (0.0.24) reads whole streams by the counts the file claims and keeps every structure as
objects; `udmp-parser` needs a wheel for each Python and platform.
"""

from __future__ import annotations

import struct
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from hogwalk.errors import BadInput, Unreadable
from hogwalk.model import Raised
from hogwalk.targets.dump.blocks import Block
from hogwalk.targets.dump.layout import AMD64, I386, WIDE, exception
from hogwalk.targets.dump.loaded import MODULE_CAP, file_name
from hogwalk.targets.images.image import Image
from hogwalk.targets.images.pe import CodeView, Identity, guid_text
from hogwalk.targets.images.source import READ_CAP, MappedFile, decode

_THREADS, _MODULES, _MEMORY, _EXCEPTION, _SYSTEM, _MEMORY64 = 3, 4, 5, 6, 7, 9
_DIRECTORY_CAP = 256
THREAD_CAP = 65536
_RANGE_CAP = 1 << 20
_FOREIGN = {5: "ARM", 6: "IA-64", 12: "ARM64"}  # PROCESSOR_ARCHITECTURE_*
_ARCHITECTURES = {0: I386, 9: AMD64}
_NAME_CAP = 1024


class UserThread(NamedTuple):
    """One thread: its id, TEB, the saved stack range [start, end) and where its CONTEXT lies in the file."""

    identifier: int
    teb: int
    start: int
    end: int
    stack_at: int
    context_at: int
    context_bytes: int


class Recorded(NamedTuple):
    """The exception that a dump records, and where in the file its CONTEXT lies (0 bytes: it has none of its own)."""

    raised: Raised
    context_at: int
    context_bytes: int


def recorded(record: bytes, identifier: int, mask: int, context_at: int = 0, context_bytes: int = 0) -> Recorded:
    """The exception of an EXCEPTION_RECORD64 (MINIDUMP_EXCEPTION has the same layout) in a thread of this id."""
    raised = exception(record, WIDE)
    access = None if raised.access is None else raised.access & mask
    return Recorded(Raised(raised.code, access, identifier), context_at, context_bytes)


class Streams:
    """A minidump's directory; raises BadInput where it is damaged or of a foreign machine."""

    def __init__(self, file: MappedFile) -> None:
        self.file = file
        self.notes: List[str] = []
        self._places: Dict[int, Tuple[int, int]] = {}
        try:
            count, at = struct.unpack("<II", file.read(8, 8))
            for index in range(min(count, _DIRECTORY_CAP)):
                kind, size, place = struct.unpack("<III", file.read(at + 12 * index, 12))
                self._places.setdefault(kind, (place, size))
            architecture = file.u16(self._place(_SYSTEM)[0])
        except Unreadable:
            raise BadInput(f"{file.name} ends inside its directory of streams", "copy the dump again") from None
        if architecture not in _ARCHITECTURES:
            named = _FOREIGN.get(architecture)
            what = f"an {named} machine" if named else f"a processor of type {architecture}"
            raise BadInput(f"{file.name} is from {what}", "hogwalk reads x86 and x64 minidumps")
        self.machine = _ARCHITECTURES[architecture]
        # 32-bit addresses are written sign-extended, by some writers not.
        self._mask = 0xFFFFFFFF if self.machine == I386 else 0xFFFFFFFFFFFFFFFF

    def _place(self, kind: int) -> Tuple[int, int]:
        """File offset and bytes of a stream; raises Unreadable when the dump has none."""
        if kind not in self._places:
            raise Unreadable(0, 1)
        return self._places[kind]

    def _rows(self, kind: int, width: int, cap: int, what: str) -> Iterator[int]:
        """File offsets of the rows behind a 32-bit count (some writers align the first to 8 bytes)."""
        if kind not in self._places:
            return
        at, size = self._places[kind]
        try:
            count = self.file.u32(at)
        except Unreadable:
            self.notes.append(f"the dump's {what} list cannot be read")
            return
        first = at + (8 if size == 8 + count * width else 4)
        room = max(0, min(count, cap, (self.file.size - first) // width))
        if room < count:
            self.notes.append(f"the dump's {what} list holds {room} of the {count} rows it claims")
        yield from range(first, first + room * width, width)

    def threads(self) -> List[UserThread]:
        """The threads in list order."""
        found = []
        for at in self._rows(_THREADS, 48, THREAD_CAP, "thread"):
            row = self.file.read(at, 48)
            identifier, teb, start, size, place, context_bytes, context_at = struct.unpack("<I12xQQIIII", row)
            start &= self._mask
            teb &= self._mask
            found.append(UserThread(identifier, teb, start, start + size, place, context_at, context_bytes))
        return found

    def modules(self) -> List[Image]:
        """The modules in list order, unnamed."""
        found = []
        for at in self._rows(_MODULES, 108, MODULE_CAP, "module"):
            start, size, _, stamp, name_at = struct.unpack("<QIIII", self.file.read(at, 24))
            cv_size, cv_at = struct.unpack("<II", self.file.read(at + 76, 8))
            start &= self._mask
            if start and size and start + size <= self._mask + 1:
                name = self._text(name_at)
                found.append(Image(name, name, start, size, stamp, self._codeview(cv_at, cv_size)))
        return found

    def _text(self, at: int) -> str:
        """The last part of the MINIDUMP_STRING at a file offset, "" where it cannot be read."""
        try:
            raw = self.file.read(at + 4, min(self.file.u32(at), _NAME_CAP) & ~1)
        except Unreadable:
            return ""
        return file_name(raw.decode("utf-16-le", "replace"))

    def _codeview(self, at: int, size: int) -> Optional[CodeView]:
        raw = self.file.upto(at, min(size, _NAME_CAP)) if size > 24 else b""
        if raw[:4] != b"RSDS" or len(raw) <= 24:
            return None
        name = file_name(decode(raw[24:].split(b"\0", 1)[0]))
        return CodeView(name, Identity(guid_text(raw[4:20]), int.from_bytes(raw[20:24], "little")))

    def blocks(self, threads: Sequence[UserThread]) -> Iterator[Block]:
        """Every stretch of memory in the dump: the threads' stacks, MemoryList, Memory64List."""
        for thread in threads:
            if thread.stack_at:  # else it lies in the memory list: offset 0 is the file's own header
                yield thread.start, thread.stack_at, thread.end - thread.start
        for at in self._rows(_MEMORY, 16, _RANGE_CAP, "memory"):
            start, size, place = struct.unpack("<QII", self.file.read(at, 16))
            yield start & self._mask, place, size
        yield from self._blocks64()

    def _blocks64(self) -> Iterator[Block]:
        if _MEMORY64 not in self._places:
            return
        at = self._places[_MEMORY64][0]
        try:
            count, place = struct.unpack("<QQ", self.file.read(at, 16))
        except Unreadable:
            self.notes.append("the dump's memory list cannot be read")
            return
        room = max(0, min(count, _RANGE_CAP, (self.file.size - at - 16) // 16, READ_CAP // 16))
        for start, size in struct.iter_unpack("<QQ", self.file.read(at + 16, 16 * room)):
            yield start & self._mask, place, size
            place += size
            if place >= self.file.size:
                break

    def exception(self) -> Optional[Recorded]:
        """That of the exception stream, or None."""
        if _EXCEPTION not in self._places:
            return None
        at = self._places[_EXCEPTION][0]
        try:
            size, context = struct.unpack("<II", self.file.read(at + 160, 8))
            return recorded(self.file.read(at + 8, 152), self.file.u32(at), self._mask, context, size)
        except Unreadable:
            self.notes.append("the dump's exception cannot be read")
            return None
