"""The registers that a stack's walk starts with: the first of those known, in one order, that belong to the stack.

What the user gave or set in the debugger; the TSS of an x86 double fault; the trap frame or context that the bug check
names; the exception's and the crash's own; the processor's that runs the thread; the thread's own.
Sources: Microsoft's bug check pages, the public types _KTRAP_FRAME, _CONTEXT, _KTSS.  Windows 10 x64 and later put the
double fault's trap frame into argument 2 and RSP and RIP into 3 and 4; older ones have CR0, CR4 and RIP there, and
other bug checks vary likewise: so what an argument is said to be is checked against memory.
"""

from __future__ import annotations

import contextlib
import struct
from dataclasses import replace
from typing import Iterator, List, NamedTuple, Optional

from hogwalk.errors import BadInput, NotRecorded, Unreadable
from hogwalk.machine import windows
from hogwalk.machine.words import X86, shown
from hogwalk.model import BugCheck, Raised, Region, Registers
from hogwalk.targets.protocol import Target
from hogwalk.walk.facts import kernel
from hogwalk.walk.facts.contexts import context_at, left_behind, registers_at, switched_out, trap_at, traps_at
from hogwalk.walk.facts.image import StackImage

SLACK = 0x4000  # bytes below Limit at which a fault's ESP (RSP) can lie: a frame being made there
DOUBLE_FAULT, SECURITY_CHECK, STACK_SWITCH = 0x7F, 0x139, 0x2B
OUTSIDE_EXTENTS = 4  # 139h: the stack pointer was outside the stack
# The argument (1 to 4) that is the address of a context record, of a trap frame (or was in some Windows), of the
# instruction that faulted, of the memory it wanted, of an exception record.
CONTEXTS = {0x7E: 4, 0x3B: 3, 0x1AA: 3, 0x1AB: 3}
TRAPS = {0x8E: 3, 0x50: 3, 0xBE: 3, 0xFC: 3, STACK_SWITCH: 1}
INSTRUCTIONS = {
    0x0A: 4, 0xC5: 4, 0xD1: 4, 0x50: 3, 0xCC: 3, 0xCD: 3, 0xCE: 3, 0xD5: 3, 0xD6: 3, 0x1E: 2, 0x8E: 2,
}  # fmt: skip
ACCESSES = {0x0A: 1, 0xC5: 1, 0xD1: 1, 0x50: 1, 0xBE: 1, 0xFC: 1}
WANTED = {0x1E: 4}  # the same of checks that name it only where their exception wanted memory
RECORDS = {0x7E: 3}
HANDLED_ELSEWHERE = (DOUBLE_FAULT, SECURITY_CHECK, STACK_SWITCH, 0x1AA, 0x1AB)


class Fault(NamedTuple):
    """Where a stack's walk starts, and what else the known contexts say of it.

    `registers` are those to start with (None: no known ones belong to the stack); `newest` is the lowest stack pointer
    on this stack of any context known, where it lies below that of `registers`; `access` the address of the memory
    that the fault wanted; `elsewhere` the fault's registers where their stack pointer lies on another stack; `raised`
    the exception of this stack's thread.
    """

    registers: Optional[Registers] = None
    newest: Optional[int] = None
    access: Optional[int] = None
    elsewhere: Optional[Registers] = None
    raised: Optional[Raised] = None


def find_fault(
    target: Target, region: Region, image: Optional[StackImage] = None, context: Optional[int] = None
) -> Fault:
    """What is known of the fault on this stack; `context` is the address of a CONTEXT or trap frame to start with.

    Raises BadInput where neither lies there, or one of another stack.
    """
    found, raised = _found(target, region, image, context), raised_on(target, region)
    access = raised.access if raised is not None and found.access is None else found.access
    return found._replace(raised=raised, access=access)


def raised_on(target: Target, region: Region) -> Optional[Raised]:
    """The exception that the thread of this stack died of; None without one, or where it is another thread's.

    Of a kernel's bug check only the stack overflow that it names.
    """
    about = target.about()
    check, raised = about.bugcheck, about.raised
    if check is not None and check.plain in windows.EXCEPTION_CHECKS and check.arguments:
        code = check.arguments[0] & X86.mask
        return Raised(code) if code == windows.STACK_OVERFLOW and _crashed(target, region) else None
    if raised is None or about.kind == "text" or region.thread is None or raised.identifier is None:
        return raised
    owners = (stack.thread for stack in target.threads() if stack.identifier == raised.identifier)
    return raised if next(owners, region.thread) == region.thread else None


def _found(target: Target, region: Region, image: Optional[StackImage], context: Optional[int]) -> Fault:
    if target.about().words is X86 and not target.about().kernel and context is None:
        return Fault(next((found for found in target.registers() if found.sp in region), None))
    given = None if context is None else _given(target, region, context)
    known = list(_on_stack(target, region, _known(target, region, image)))
    start = given or next(iter(known), None)
    if start is None or start.chosen:  # what the thread left behind is all that says how far it went on
        with contextlib.suppress(NotRecorded):  # by an older hogwalk
            known += _on_stack(target, region, _further(target, region))
    start = start or next(iter(known), None)
    if start is None:
        return Fault(None, None, _access(target), _elsewhere(target, region))
    newer = [found.sp for found in known if found.sp < start.sp]
    return Fault(start, min(newer, default=None), _access(target))


def fault_registers(target: Target, region: Region) -> Optional[Registers]:
    """The registers that a walk of this stack starts with; None where none of those known belong to it."""
    return find_fault(target, region).registers


def _given(target: Target, region: Region, context: int) -> Registers:
    words = target.about().words
    found = registers_at(target, context & words.mask)
    if found is None:
        raise BadInput(
            f"neither a context record nor a trap frame lies at {shown(context)}",
            "give the address that .cxr or .trap takes",
        )
    if not (found.sp in region or _below(region, found.sp)):
        raise BadInput(
            f"the {found.source} has {words.registers[1]} {shown(found.sp)}, which is not on the stack "
            f"{shown(region.limit)}..{shown(region.base)}",
            "give its thread (--thread), or its stack's --limit and --base",
        )
    return replace(found, chosen=True)


def _elsewhere(target: Target, region: Region) -> Optional[Registers]:
    """The fault's registers, though their stack pointer is not on its thread's stack; None where that means nothing.

    A handler of a stack that ran out runs on another stack: its registers are not the fault's.
    """
    check = target.about().bugcheck
    if not _crashed(target, region):
        return None
    if check is not None and check.double_fault:
        return next(kernel.double_fault_states(target, region.thread), None)
    if check is not None and check.plain in HANDLED_ELSEWHERE:
        return None
    return next(iter(target.registers()), None)


def _below(region: Region, sp: int) -> bool:
    return region.limit - SLACK <= sp < region.limit


def _on_stack(target: Target, region: Region, known: Iterator[Registers]) -> Iterator[Registers]:
    for found in known:
        if found.ip and (found.sp in region or (_below(region, found.sp) and _of_thread(target, region, found))):
            yield found


def _of_thread(target: Target, region: Region, found: Registers) -> bool:
    # Stacks lie side by side: below this one's Limit a pointer is its own only where they are its thread's registers.
    return found.chosen or _crashed(target, region)


def _crashed(target: Target, region: Region) -> bool:
    # Whether this is, or may be, the stack of the thread that crashed.
    if region.thread is None:
        return True
    current = kernel.crashed_thread(target)
    return current is None or current == region.thread


def _known(target: Target, region: Region, image: Optional[StackImage]) -> Iterator[Registers]:
    held = target.registers()
    yield from (found for found in held if found.chosen)
    check = target.about().bugcheck
    if target.about().words is X86:
        yield from kernel.double_fault_states(target, region.thread)
    if check is not None and len(check.arguments) >= 4 and _crashed(target, region):
        # The crash's own context stands where the bug check was made: what lies below it is of an earlier time.
        live = min((found.sp for found in held if not found.chosen and found.sp in region), default=0)
        yield from (found for found in _named(target, check, image) if found.sp >= live)
    yield from (found for found in held if not found.chosen)


def _further(target: Target, region: Region) -> Iterator[Registers]:
    """What a processor or a thread left behind when it went on elsewhere."""
    if not target.about().kernel:
        return
    for found in target.registers():
        behind = left_behind(target, region, found.sp) if not _near(region, found.sp) else None
        if behind is not None:
            yield behind
    if region.thread is not None:
        yield from _of_its_own(target, region.thread)


def _near(region: Region, sp: int) -> bool:
    return sp in region or _below(region, sp)


def _of_its_own(target: Target, thread: int) -> Iterator[Registers]:
    """The registers that the processor which runs the thread saved, else those it was switched out with."""
    pcr = kernel.processor_control_region(target, thread)
    saved = kernel.processor_context(target, pcr) if pcr is not None else None
    found = context_at(target, saved) if saved is not None else None
    if found is not None:
        yield replace(found, source="the processor's saved context")
    if pcr is None and not kernel.runs(target, thread):
        at = kernel.kernel_stack(target, thread)
        found = switched_out(target, at) if at else None
        if found is not None:
            yield found


def _named(target: Target, check: BugCheck, image: Optional[StackImage]) -> Iterator[Registers]:
    """What the bug check's arguments name."""
    code = check.plain
    first, second, third, fourth = check.arguments[:4]
    if code == DOUBLE_FAULT:
        if first == 8 and target.about().words is not X86:
            frame = trap_at(target, second)
            if frame is not None and (frame.ip, frame.sp) == (fourth, third):
                yield frame
            yield Registers(fourth, third, 0, "bug check arguments 3 and 4")
        return
    candidates: List[Optional[Registers]] = []
    if code == SECURITY_CHECK and first == OUTSIDE_EXTENTS:
        candidates.append(trap_at(target, second))
    if code in CONTEXTS:
        candidates.append(context_at(target, check.arguments[CONTEXTS[code] - 1]))
    if code in TRAPS:
        candidates.append(trap_at(target, check.arguments[TRAPS[code] - 1]))
    yield from filter(None, candidates)
    if code in INSTRUCTIONS and image is not None:
        yield from traps_at(image, check.arguments[INSTRUCTIONS[code] - 1])


def _access(target: Target) -> Optional[int]:
    """The address of the memory that the fault wanted, as the bug check or its exception record says; None if not."""
    check = target.about().bugcheck
    if check is None or len(check.arguments) < 4:
        return None
    code, words = check.plain, target.about().words
    if code in ACCESSES:
        return check.arguments[ACCESSES[code] - 1]
    if code in WANTED and check.arguments[0] & X86.mask in windows.ACCESSES:
        return check.arguments[WANTED[code] - 1]
    if code not in RECORDS:
        return _recorded(target, check)
    # EXCEPTION_RECORD: the code, and for these two codes the kind of access and the address as information.
    information = windows.RECORD_INFORMATION if words is X86 else windows.RECORD64_INFORMATION
    try:
        raw = target.read(check.arguments[RECORDS[code] - 1] & words.mask, information + 2 * words.word)
    except Unreadable:
        return _recorded(target, check)
    if struct.unpack_from("<I", raw)[0] not in windows.ACCESSES:
        return None
    return int(struct.unpack_from(f"<{words.letter}", raw, information + words.word)[0])


def _recorded(target: Target, check: BugCheck) -> Optional[int]:
    """The same by the exception that the dump itself records, where it is the one that the bug check tells of."""
    raised = target.about().raised
    same = raised is not None and check.arguments and raised.code == check.arguments[0] & X86.mask
    return raised.access if raised is not None and same else None
