"""Where things lie in Windows' structures, for 4- and 8-byte pointers.

Sources: the Windows SDK's and WDK's published headers (winnt.h, wdbgexts.h, minidumpapiset.h) and what the debugger
shows for the structures of public symbols.
"""

from __future__ import annotations

from typing import NamedTuple

I386, AMD64 = 0x14C, 0x8664
MACHINES = {I386: "x86", AMD64: "x64"}
FOREIGN = {0xAA64: "ARM64", 0x1C4: "ARM"}  # named, not walked
PAGE = 0x1000


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


WIDE = Layout(8, 0x30, 0x40, 0x48, 0x58, 0x80, 8, 8, 0xF8, 0x98, 0xA0, 0x4D0)
NARROW = Layout(4, 0x18, 0x20, 0x24, 0x2C, 0x44, 4, 4, 0xB8, 0xC4, 0xB4, 0x2CC)


class Kdbg:
    """Offsets in the debugger data block (_KDDEBUGGER_DATA64, wdbgexts.h); its pointers take 8 bytes always."""

    TAG = 0x10
    SIZE = 0x14
    KERNEL_BASE = 0x18
    MODULE_LIST = 0x48
    PROCESS_LIST = 0x50
    PROCESSOR_BLOCK = 0x218
    UNLOADED, UNLOADED_COUNT = 0x220, 0x228
    INITIAL_STACK = 0x29E
    THREAD_PROCESS = 0x2A0
    PROCESS_BYTES = 0x2A8
    PRCB_THREAD = 0x2B4
    THREAD_BYTES = 0x2C0
    BYTES = 0x340


def layout(machine: int) -> Layout:
    """The layout of an IMAGE_FILE_MACHINE value."""
    return WIDE if machine == AMD64 else NARROW
