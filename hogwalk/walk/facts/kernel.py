"""What the kernel's own structures say: the debugger data block, the processor's KPCR, the thread's KTHREAD, a TSS.

Everything here is plain reading of memory, so it is the same for a debugger, a dump file and a recording.
"""

from __future__ import annotations

import struct
from typing import Iterator, Optional, Tuple

from hogwalk.errors import Unreadable
from hogwalk.machine import windows
from hogwalk.machine.words import X86
from hogwalk.model import Region, Registers
from hogwalk.targets.protocol import Target


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
    if block is None or len(block) < windows.KDBG_PROCESSOR_BLOCK + 8:
        return None
    array = struct.unpack_from("<I", block, windows.KDBG_PROCESSOR_BLOCK)[0]
    current = data_block_ushort(block, windows.KDBG_CURRENT_THREAD) or windows.PRCB_CURRENT_THREAD
    for number in range(windows.MAX_PROCESSORS):
        prcb = word(target, array + X86.word * number) if array else None
        if not prcb:
            return None
        if thread is None or word(target, prcb + current) == thread:
            return prcb - windows.PRCB_IN_PCR
    return None


def initial_stack_offset(target: Target) -> Optional[int]:
    """Offset of _KTHREAD.InitialStack in bytes, by the symbols' types or the debugger data block."""
    offset = target.field("_KTHREAD", "InitialStack")
    block = target.debugger_block() if offset is None else None
    return data_block_ushort(block, windows.KDBG_INITIAL_STACK) if block is not None else offset


def handler_reach(offset: Optional[int]) -> int:
    """Bytes of a handler's own stack below its trap frame, by the version that InitialStack's offset tells."""
    return windows.HANDLER_REACH_XMM if offset == windows.INITIAL_STACK_8 else windows.HANDLER_REACH


def oldest_frame(target: Target, region: Region, offset: Optional[int]) -> int:
    """The lowest address at which the oldest return slot of a stack can lie.

    A thread's first frames lie right below InitialStack, where that is known, and it lies some way below Base.
    """
    initial = word(target, region.thread + offset) if region.thread is not None and offset is not None else None
    if initial is not None and 0 <= region.base - initial <= windows.INITIAL_BELOW_BASE:
        return initial - windows.BASE_REACH
    return region.base - windows.BASE_REACH_UNKNOWN


def double_fault_registers(target: Target, thread: Optional[int]) -> Optional[Registers]:
    """What TSS 28 holds at an x86 double fault, as `.tss 28` would show it; None where there is none to be read."""
    return next(double_fault_states(target, thread), None)


def double_fault_states(target: Target, thread: Optional[int]) -> Iterator[Registers]:
    """The states that can be an x86 double fault's: the TSS of the bug check's second argument, then the processor's.

    The argument is that TSS itself, of the right processor; Windows 2000 says 0 there and a damaged dump anything, so
    the GDT of the processor that runs `thread` is asked, too.
    """
    about = target.about()
    bugcheck = about.bugcheck
    if about.words is not X86 or bugcheck is None or not bugcheck.double_fault:
        return
    base = bugcheck.arguments[1] if len(bugcheck.arguments) > 1 else 0
    named = _tss(target, base)
    if named is not None:
        yield named
    own = _main_tss(target, thread)
    found = _tss(target, own) if own != base else None
    if found is not None:
        yield found


def _main_tss(target: Target, thread: Optional[int]) -> int:
    pcr = processor_control_region(target, thread)
    gdt = word(target, pcr + windows.PCR_GDT) if pcr is not None else None
    try:
        descriptor = target.read(gdt + windows.MAIN_TSS, 8) if gdt else bytes(8)
    except Unreadable:
        return 0
    return int(struct.unpack_from("<H", descriptor, 2)[0]) | descriptor[4] << 16 | descriptor[7] << 24


def _tss(target: Target, base: int) -> Optional[Registers]:
    if not base:
        return None
    try:
        tss = target.read(base, windows.TSS_BYTES)
    except Unreadable:
        return None
    ip, sp, bp = (struct.unpack_from("<I", tss, at)[0] for at in (windows.TSS_EIP, windows.TSS_ESP, windows.TSS_EBP))
    return Registers(ip, sp, bp, "TSS 28") if ip and sp else None
