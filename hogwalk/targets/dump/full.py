"""Full user dumps of the older kind (USERDU64, as `.dump /f` and userdump.exe once wrote them): their records.

Laid out as the debugger's own header says, bytes: signature 8, major and minor version 4 each, IMAGE_FILE_MACHINE 4,
counts of threads, modules and memory regions 4 each, and 8 each the offsets of the contexts, the modules, the memory,
the regions (MEMORY_BASIC_INFORMATION64), the DEBUG_EVENT64 and the thread states.  The regions' bytes follow one
another.
"""

from __future__ import annotations

import struct
from typing import Iterator, List, Optional, Sequence

from hogwalk.errors import BadInput, Unreadable
from hogwalk.targets.dump.blocks import Block
from hogwalk.targets.dump.layout import AMD64, FOREIGN, I386, layout
from hogwalk.targets.dump.loaded import MODULE_CAP, file_name
from hogwalk.targets.dump.streams import THREAD_CAP, Recorded, UserThread, recorded
from hogwalk.targets.images.image import Image
from hogwalk.targets.images.source import STRING_CAP, MappedFile, decode

FULL_MAGIC = b"USERDU64"
_HEADER = struct.Struct("<8sIIIIII6Q")
_REGION, _STATE = 0x30, 0x50  # bytes of a MEMORY_BASIC_INFORMATION64 and of a thread's state
_REGION_CAP = 1 << 20
_EXCEPTION_EVENT = 1  # DEBUG_EVENT64.dwDebugEventCode


class FullRecords:
    """The records of one such dump; raises BadInput where it is damaged or of a foreign machine."""

    def __init__(self, file: MappedFile) -> None:
        self.file = file
        self.notes: List[str] = []
        try:
            fields = _HEADER.unpack(file.read(0, _HEADER.size))
        except Unreadable:
            raise BadInput(f"{file.name} ends inside its header", "copy the dump again") from None
        self.machine = fields[3]
        if self.machine not in (I386, AMD64):
            what = FOREIGN.get(self.machine, f"machine {self.machine:x}")
            raise BadInput(f"{file.name} is from {what}", "hogwalk reads x86 and x64 dumps")
        self._threads, self._modules, self._regions = fields[4:7]
        self._contexts_at, self._modules_at, self._data_at, self._regions_at, self._event_at, self._states_at = fields[
            7:
        ]

    def _rows(self, at: int, width: int, claimed: int, cap: int, what: str) -> Iterator[int]:
        room = max(0, min(claimed, cap, (self.file.size - at) // width))
        if room < claimed:
            self.notes.append(f"the dump's {what} list holds {room} of the {claimed} rows it claims")
        yield from range(at, at + room * width, width)

    def threads(self) -> List[UserThread]:
        """The threads in list order; where their stacks lie only the TEBs say."""
        width = layout(self.machine).context_bytes
        found = []
        for number, at in enumerate(self._rows(self._states_at, _STATE, self._threads, THREAD_CAP, "thread")):
            identifier, teb = struct.unpack("<I12xQ", self.file.read(at, 24))
            found.append(UserThread(identifier, teb, 0, 0, 0, self._contexts_at + width * number, width))
        return found

    def modules(self) -> List[Image]:
        """The modules in list order, unnamed."""
        found: List[Image] = []
        at = self._modules_at
        for _ in range(min(self._modules, MODULE_CAP)):
            try:
                start, size, length = struct.unpack("<QII", self.file.read(at, 16))
                raw = self.file.read(at + 16, min(length, STRING_CAP))
            except Unreadable:
                self.notes.append(f"the dump's module list breaks off after {len(found)} modules")
                break
            at += 16 + length
            name = file_name(decode(raw.split(b"\0", 1)[0]))
            if start and size:
                found.append(Image(name, name, start, size, 0, None))
        return found

    def blocks(self, threads: Sequence[UserThread]) -> Iterator[Block]:
        """Every region's memory."""
        del threads
        place = self._data_at
        for at in self._rows(self._regions_at, _REGION, self._regions, _REGION_CAP, "memory"):
            start, size = struct.unpack("<Q16xQ", self.file.read(at, 32))
            yield start, place, size
            place += size
            if place >= self.file.size:
                break

    def exception(self) -> Optional[Recorded]:
        """That of the debug event; the thread's own context is that of the exception."""
        try:
            event, _, thread = struct.unpack("<III", self.file.read(self._event_at, 12))
            record = self.file.read(self._event_at + 16, 152)
        except Unreadable:
            self.notes.append("the dump's debug event cannot be read")
            return None
        mask = (1 << 8 * layout(self.machine).pointer) - 1
        return recorded(record, thread, mask) if event == _EXCEPTION_EVENT else None
