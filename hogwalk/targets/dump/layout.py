"""Where things lie in Windows' structures, for 4- and 8-byte pointers.

Sources: the Windows SDK's and WDK's published headers (winnt.h, wdbgexts.h, minidumpapiset.h) and what the debugger
shows for the structures of public symbols.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from hogwalk.machine.windows import (
    ACCESSES,
    CONTEXT64_RBP,
    CONTEXT64_RIP,
    CONTEXT64_RSP,
    CONTEXT_EBP,
    CONTEXT_EIP,
    CONTEXT_ESP,
    LOADER_BASE,
    PAGE,
    RECORD64_INFORMATION,
    RECORD_INFORMATION,
)
from hogwalk.model import Raised

__all__ = ["MACHINES", "NARROW", "PAGE", "WIDE", "Layout", "exception", "layout"]

I386, AMD64 = 0x14C, 0x8664
MACHINES = {I386: "x86", AMD64: "x64"}
FOREIGN = {0xAA64: "ARM64", 0x1C0: "ARM", 0x1C4: "ARM", 0x200: "IA-64"}  # named, not walked


class Layout(NamedTuple):
    """Offsets in bytes for one pointer size."""

    pointer: int
    loader_base: int
    loader_size: int
    loader_full_name: int
    loader_name: int
    loader_timestamp: int
    string_buffer: int  # in a UNICODE_STRING
    prcb_thread: int  # _KPRCB.CurrentThread, the same in every version
    context_ip: int
    context_sp: int
    context_bp: int
    context_bytes: int
    record_count: int  # _EXCEPTION_RECORD.NumberParameters
    record_information: int

    @property
    def record_bytes(self) -> int:
        """Bytes of an _EXCEPTION_RECORD up to its second parameter's end."""
        return self.record_information + 2 * self.pointer


WIDE = Layout(
    8, LOADER_BASE[8], 0x40, 0x48, 0x58, 0x80, 8, 8, CONTEXT64_RIP, CONTEXT64_RSP, CONTEXT64_RBP, 0x4D0,
    0x18, RECORD64_INFORMATION,
)  # fmt: skip
NARROW = Layout(
    4, LOADER_BASE[4], 0x20, 0x24, 0x2C, 0x44, 4, 4, CONTEXT_EIP, CONTEXT_ESP, CONTEXT_EBP, 0x2CC,
    0x10, RECORD_INFORMATION,
)  # fmt: skip


def layout(machine: int) -> Layout:
    """The layout of an IMAGE_FILE_MACHINE value."""
    return WIDE if machine == AMD64 else NARROW


def exception(record: bytes, where: Layout) -> Raised:
    """The exception of an EXCEPTION_RECORD32 (NARROW) or 64 (WIDE), of which `record_bytes` are enough."""
    code, count = (struct.unpack_from("<I", record, at)[0] for at in (0, where.record_count))
    if code not in ACCESSES or count < 2:
        return Raised(code)
    second = where.record_information + where.pointer  # the first is the kind of access
    return Raised(code, int.from_bytes(record[second : second + where.pointer], "little"))
