"""What the faulting registers and the rows say of the stack's end: run out, or something else that broke it."""

from __future__ import annotations

from typing import Optional, Tuple

from hogwalk.answer.charge.paths import Price, price
from hogwalk.answer.report.document import Report
from hogwalk.machine.words import shown
from hogwalk.model import RECORDED_STACK, About

GUARD = 0x1000  # bytes: a stack pointer this far below Limit is on the guard page
DOUBLE_FAULT = (0x7F, 8)
LOWEST_BIT = 0x1000  # of a stack pointer that one flipped bit can carry off its stack


def is_double_fault(about: About) -> bool:
    """Whether the bug check is 7F with EXCEPTION_DOUBLE_FAULT."""
    bugcheck = about.bugcheck
    return bugcheck is not None and (bugcheck.code, bugcheck.arguments[:1]) == (DOUBLE_FAULT[0], DOUBLE_FAULT[1:])


def double_fault(report: Report) -> str:
    """What the bug check means, "" for another one.

    Not every double fault is an exhausted stack (Microsoft KB 842465): a stack pointer far from the stack is none.
    """
    if not is_double_fault(report.about):
        return ""
    if off_stack(report):
        return ": EXCEPTION_DOUBLE_FAULT; the stack is not depleted, its pointer is off it"
    return ": EXCEPTION_DOUBLE_FAULT, the usual end of a depleted kernel stack"


def stack_pointer(report: Report) -> str:
    """Where the faulting stack pointer lies, "" on the stack."""
    registers, region = report.registers, report.region
    if registers is None or registers.sp in region or not report.base_known:
        return ""
    name, frame = report.about.words.registers[1:]
    below = region.limit - registers.sp
    if 0 < below <= GUARD:
        return f": {below} bytes below Limit, the stack has run out"
    where = f"{below} bytes below Limit, not in the guard page" if below > 0 else f"{-below} bytes above Limit"
    words = f": {name} {shown(registers.sp)} lies outside Limit..Base ({where})"
    if registers.bp not in region:
        return words
    words += f", {frame} inside"
    bit = _flipped(registers.sp, registers.bp, region.limit, region.base)
    if bit is None:
        return words
    return (
        f"{words}; {name} xor {frame} = {shown(registers.sp ^ registers.bp)}: with the one bit {bit:x} changed it "
        "would lie on the stack, which points to a single-bit error (memory or processor)"
    )


def _flipped(sp: int, bp: int, limit: int, base: int) -> Optional[int]:
    # The one bit whose change puts the stack pointer back on the stack, below the frame pointer as it must be.
    bit = LOWEST_BIT
    while bit <= 1 << 63:
        if limit <= sp ^ bit < base and sp ^ bit <= bp:
            return bit
        bit <<= 1
    return None


def limit_known(report: Report) -> bool:
    """Whether Limit is known, and not only where a minidump's memory of the stack begins: at the stack pointer."""
    return report.region.source != RECORDED_STACK


def off_stack(report: Report) -> bool:
    """Whether the stack pointer is known and lies neither between Limit and Base nor on the guard page."""
    registers, region = report.registers, report.region
    return registers is not None and report.base_known and not region.limit - GUARD <= registers.sp < region.base


def used_bytes(report: Report) -> Optional[int]:
    """Bytes from the newest ESP (RSP) to Base, which can be more than the stack has.

    None where no register tells, where it points off this stack, and where Base is not known.
    """
    if report.registers is None or not report.base_known or off_stack(report):
        return None
    return report.region.base - report.registers.sp


def spent(report: Report) -> int:
    """Bytes that the path uses, or uses at least: by the stack pointer, by the first printed row, by the frames."""
    known, low = used_bytes(report), used(report)
    if known is not None:
        return known
    return max(report.walked, report.region.base - low[0]) if low is not None else report.walked


def cycle_price(report: Report) -> Optional[Price]:
    """The price of the report's cycle; None without one."""
    if report.cycle is None:
        return None
    known = report.base_known and limit_known(report)
    return price(report.cycle, report.region.size if known else None, spent(report))


def used(report: Report) -> Optional[Tuple[int, str]]:
    """The lowest address of the stack known to be in use, and what says so; None without a printed table."""
    if report.printed is None or not report.frames:
        return None
    first, registers = report.frames[0].frame_ptr or 0, report.registers
    if registers is not None and report.region.limit - GUARD <= registers.sp < first:
        return registers.sp, report.about.words.registers[1]
    return first, f"the first row's {report.about.words.frame_name}"
