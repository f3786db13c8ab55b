"""The first page of a kernel crash dump: DUMP_HEADER32 ("PAGEDUMP") and DUMP_HEADER64 ("PAGEDU64")."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Optional, Tuple

from hogwalk.errors import BadInput, Unreadable
from hogwalk.model import BugCheck
from hogwalk.targets.dump.layout import AMD64, FOREIGN, I386, Layout, layout
from hogwalk.targets.images.source import MappedFile

FULL, SUMMARY, HEADER_ONLY, TRIAGE, BITMAP_FULL, BITMAP_KERNEL, AUTOMATIC = 1, 2, 3, 4, 5, 6, 7
PROCESSOR_CAP = 2048
_FILL = 0x45474150  # "PAGE": what Windows leaves in fields it did not write


@dataclass(frozen=True)
class Header:
    """What a kernel dump says of itself; addresses are virtual, `directory` is physical, `size` counts bytes.

    `pae` is None where an x86 header leaves it open; `runs_at`, `context_at` and `record_at` are offsets in the file:
    of the runs of pages, the CONTEXT, the EXCEPTION_RECORD.
    """

    machine: int
    size: int
    kind: int
    directory: int
    module_list: int
    process_list: int
    processors: int
    bugcheck: BugCheck
    debugger_block: int
    pae: Optional[bool]
    runs_at: int
    context_at: int
    record_at: int

    @property
    def layout(self) -> Layout:
        """The pointer size and what hangs on it."""
        return layout(self.machine)


def read_header(file: MappedFile) -> Header:
    """The header of a kernel dump; raises BadInput where it is cut short, of a foreign machine or kind."""
    try:
        magic = file.read(0, 8)
        header = _wide(file) if magic == b"PAGEDU64" else _narrow(file)
    except Unreadable:
        raise BadInput(f"{file.name} ends inside its header ({file.size} bytes)", "copy the dump again") from None
    wanted = AMD64 if magic == b"PAGEDU64" else I386
    if header.machine != wanted:
        named = FOREIGN.get(header.machine)
        what = f"an {named} machine" if named else f"a machine of type {header.machine:x}h"
        raise BadInput(f"{file.name} is from {what}", "hogwalk reads x86 and x64 crash dumps")
    if header.kind not in (FULL, SUMMARY, TRIAGE, BITMAP_FULL, BITMAP_KERNEL, AUTOMATIC):
        raise BadInput(
            f"{file.name} is a dump of unknown kind {header.kind:x}h",
            "open it with the debugger: run `!py hogwalk` there",
        )
    return header


def _narrow(file: MappedFile) -> Header:
    directory, _, modules, processes, machine, processors, code, *arguments = struct.unpack(
        "<11I", file.read(0x10, 0x2C)
    )
    pae = {0: False, 1: True}.get(file.u8(0x5C))
    kind = file.u32(0xF88)
    return Header(
        machine, 0x1000, FULL if kind == _FILL else kind, directory, modules, processes,
        min(processors, PROCESSOR_CAP), BugCheck(code, tuple(arguments)), file.u32(0x60), pae, 0x64, 0x320, 0x7D0,
    )  # fmt: skip


def _wide(file: MappedFile) -> Header:
    directory, _, modules, processes = struct.unpack("<4Q", file.read(0x10, 0x20))
    machine, processors, code = struct.unpack("<III", file.read(0x30, 12))
    arguments: Tuple[int, ...] = struct.unpack("<4Q", file.read(0x40, 0x20))
    kind = file.u32(0xF98)
    file.read(0, 0x2000)
    return Header(
        machine, 0x2000, FULL if kind == _FILL else kind, directory, modules, processes,
        min(processors, PROCESSOR_CAP), BugCheck(code, arguments), file.u64(0x80), None, 0x88, 0x348, 0xF00,
    )  # fmt: skip
