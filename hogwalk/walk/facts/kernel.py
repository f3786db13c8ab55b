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
    """Address of the x86 _KPCR of the processor that runs `thread` (of the current one when no thread is known)."""
    if target.about().words is not X86:
        return None
    for pcr in _processors(target):
        if thread is None or current_thread(target, pcr) == thread:
            return pcr
    return None


def _processors(target: Target) -> Iterator[int]:
    """The _KPCRs of an x86 machine: the debugger's current one, then those that the debugger data block leads to."""
    current = target.evaluate("@$pcr") or None
    if current is not None:
        yield current
    block = target.debugger_block()
    if block is None or len(block) < windows.Kdbg.PROCESSOR_BLOCK + 8:
        return
    array = struct.unpack_from("<I", block, windows.Kdbg.PROCESSOR_BLOCK)[0]
    for number in range(windows.MAX_PROCESSORS):
        prcb = word(target, array + X86.word * number) if array else None
        if not prcb:
            return
        if prcb - windows.PRCB_IN_PCR != current:
            yield prcb - windows.PRCB_IN_PCR


def current_thread(target: Target, pcr: int) -> Optional[int]:
    """The _KTHREAD that the processor with that _KPCR runs: its place in _KPRCB is the same in every x86 Windows."""
    return word(target, pcr + windows.PRCB_IN_PCR + windows.PRCB_CURRENT_THREAD)


def crashed_thread(target: Target) -> Optional[int]:
    """The thread whose stack the crash is about: that of the processor whose TSS an x86 double fault names.

    Else, and where the user set a context or the TSS is no processor's, the target's current thread.
    """
    about = target.about()
    check = about.bugcheck
    tss = check.arguments[1] if check is not None and check.double_fault and len(check.arguments) > 1 else 0
    if about.words is not X86 or not tss or any(found.chosen for found in target.registers()):
        return target.thread()
    for pcr in _processors(target):
        if _tss_of(target, pcr) == tss:
            return current_thread(target, pcr) or target.thread()
    return target.thread()


def processor_context(target: Target, pcr: int) -> Optional[int]:
    """Address of the CONTEXT that a processor saved when the machine stopped (x86), None where its place is unknown."""
    offset = _block_offset(target, windows.Kdbg.PRCB_CONTEXT)
    return None if offset is None else pcr + windows.PRCB_IN_PCR + offset


def kernel_stack(target: Target, thread: int) -> Optional[int]:
    """The stack pointer that a thread was switched out with (_KTHREAD.KernelStack), None where it is not known."""
    offset = _thread_offset(target, "KernelStack", windows.Kdbg.KERNEL_STACK)
    return None if offset is None else word(target, thread + offset)


def attached_process(target: Target, thread: int) -> Optional[int]:
    """The process that a thread is attached to, its own as a rule (_KTHREAD.ApcState.Process); None if not known."""
    offset = _block_offset(target, windows.Kdbg.THREAD_PROCESS)
    return None if offset is None else word(target, thread + offset)


def runs(target: Target, thread: int) -> bool:
    """Whether a thread is running on a processor, or may be; then its KernelStack is an old one."""
    offset = _thread_offset(target, "State", windows.Kdbg.THREAD_STATE)
    if offset is None:
        return True
    try:
        return target.read(thread + offset, 1)[0] == windows.RUNNING
    except Unreadable:
        return True


def _thread_offset(target: Target, field: str, in_block: int) -> Optional[int]:
    """Offset of a field of _KTHREAD in bytes, by the symbols' types or the debugger data block."""
    offset = target.field("_KTHREAD", field)
    return _block_offset(target, in_block) if offset is None else offset


def _block_offset(target: Target, at: int) -> Optional[int]:
    """What the debugger data block says at a place where it holds an offset, None where it is missing or silent."""
    block = target.debugger_block()
    return None if block is None else data_block_ushort(block, at)


def initial_stack_offset(target: Target) -> Optional[int]:
    """Offset of _KTHREAD.InitialStack in bytes, by the symbols' types or the debugger data block."""
    return _thread_offset(target, "InitialStack", windows.Kdbg.INITIAL_STACK)


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
    pcr = processor_control_region(target, thread)
    own = _tss_of(target, pcr) if pcr is not None else 0
    found = _tss(target, own) if own != base else None
    if found is not None:
        yield found


def _tss_of(target: Target, pcr: int) -> int:
    # By the GDT: while the double fault is handled _KPCR.TSS is that of its own task.
    gdt = word(target, pcr + windows.PCR_GDT)
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
