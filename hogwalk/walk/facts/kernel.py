"""What the kernel's own structures say: the debugger data block, the processor's KPCR, the thread's KTHREAD, a TSS.

Everything here is plain reading of memory, so it is the same for a debugger, a dump file and a recording.
Sources: wdbgexts.h (KDDEBUGGER_DATA64), ntddk.h (NT_TIB), public symbols' types (_KTHREAD, _KPCR, _KTSS).
"""

from __future__ import annotations

import struct
from typing import Optional, Tuple

from hogwalk.errors import Unreadable
from hogwalk.machine.words import X86
from hogwalk.model import Registers
from hogwalk.targets.protocol import Target

# KDDEBUGGER_DATA64 (wdbgexts.h); every pointer in it is 64 bits wide, sign-extended on x86.
KDBG_PROCESSOR_BLOCK = 0x218  # KiProcessorBlock: address of the array of KPRCB pointers
KDBG_INITIAL_STACK = 0x29E  # USHORT OffsetKThreadInitialStack
KDBG_CURRENT_THREAD = 0x2B4  # USHORT OffsetPrcbCurrentThread

X86_PRCB_IN_PCR = 0x120  # _KPCR.PrcbData
X86_PCR_GDT = 0x3C  # _KPCR.GDT
MAIN_TSS = 0x28  # the selector every x86 Windows thread runs on; the double fault's task gate leaves its state there
TSS_EIP, TSS_ESP, TSS_EBP = 0x20, 0x38, 0x3C  # _KTSS
MAX_PROCESSORS = 32  # x86 Windows' own bound (KAFFINITY is 32 bits wide)


def word(target: Target, address: int) -> Optional[int]:
    """The machine's word at an address, or None when it cannot be read."""
    words = target.about().words
    try:
        (value,) = words.unpack(target.read(address & words.mask, words.word))
    except Unreadable:
        return None
    return value


def tib(target: Target) -> Tuple[int, int]:
    """The offsets of StackLimit and StackBase in an _NT_TIB, which begins with a pointer and these two."""
    size = target.about().words.word
    return 2 * size, size


def data_block_ushort(block: bytes, offset: int) -> Optional[int]:
    """A USHORT of the debugger data block, or None when the block is too short or silent (0)."""
    if len(block) < offset + 2:
        return None
    value: int = struct.unpack_from("<H", block, offset)[0]
    return value or None


def processor_control_region(target: Target, thread: Optional[int]) -> Optional[int]:
    """Address of the x86 _KPCR of the processor that runs `thread` (of the first one when no thread is known)."""
    block = target.debugger_block() if target.about().words is X86 else None
    if block is None or len(block) < KDBG_PROCESSOR_BLOCK + 8:
        return None
    array = struct.unpack_from("<I", block, KDBG_PROCESSOR_BLOCK)[0]
    current = data_block_ushort(block, KDBG_CURRENT_THREAD) or X86.word
    for number in range(MAX_PROCESSORS):
        prcb = word(target, array + X86.word * number) if array else None
        if not prcb:
            return None
        if thread is None or word(target, prcb + current) == thread:
            return prcb - X86_PRCB_IN_PCR
    return None


def faulting_registers(target: Target, thread: Optional[int]) -> Optional[Registers]:
    """What TSS 28 holds: the registers at the double fault, as `.tss 28` would show them; None when unreadable."""
    pcr = processor_control_region(target, thread)
    gdt = word(target, pcr + X86_PCR_GDT) if pcr is not None else None
    if not gdt:
        return None
    try:
        descriptor = target.read(gdt + MAIN_TSS, 8)
        base = struct.unpack_from("<H", descriptor, 2)[0] | descriptor[4] << 16 | descriptor[7] << 24
        tss = target.read(base, TSS_EBP + X86.word)
    except Unreadable:
        return None
    ip, sp, bp = (struct.unpack_from("<I", tss, offset)[0] for offset in (TSS_EIP, TSS_ESP, TSS_EBP))
    return Registers(ip, sp, bp, "TSS 28") if ip and sp else None
