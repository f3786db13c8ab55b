"""Where things lie in Windows' structures, for 4- and 8-byte pointers.

Sources: the Windows SDK's and WDK's published headers (winnt.h, wdbgexts.h, minidumpapiset.h) and what the debugger
shows for the structures of public symbols.
"""

from __future__ import annotations

from typing import NamedTuple

from hogwalk.machine.windows import (
    CONTEXT64_RBP,
    CONTEXT64_RIP,
    CONTEXT64_RSP,
    CONTEXT_EBP,
    CONTEXT_EIP,
    CONTEXT_ESP,
    LOADER_BASE,
    PAGE,
)

__all__ = ["MACHINES", "NARROW", "PAGE", "WIDE", "Layout", "layout"]

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


WIDE = Layout(8, LOADER_BASE[8], 0x40, 0x48, 0x58, 0x80, 8, 8, CONTEXT64_RIP, CONTEXT64_RSP, CONTEXT64_RBP, 0x4D0)
NARROW = Layout(4, LOADER_BASE[4], 0x20, 0x24, 0x2C, 0x44, 4, 4, CONTEXT_EIP, CONTEXT_ESP, CONTEXT_EBP, 0x2CC)


def layout(machine: int) -> Layout:
    """The layout of an IMAGE_FILE_MACHINE value."""
    return WIDE if machine == AMD64 else NARROW
