"""What the faulting registers and the rows say of the stack's end: run out, or something else that broke it."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

from hogwalk.answer.charge.paths import Price, price
from hogwalk.answer.report.document import Report
from hogwalk.machine import windows
from hogwalk.machine.words import shown
from hogwalk.model import RECORDED_STACK, About
from hogwalk.walk.facts.faults import SLACK

AT_CHOSEN = "at the context set in the debugger; newer ones are not counted"
RAISED = "the exception is c00000fd (stack overflow)"
MOST_BELOW = 1 << 20  # bytes from a stack pointer down to what a frame being made wanted; no probe goes further at once
NEAR_LIMIT = 0x200  # bytes above Limit where the next call or trap no longer fits
LOWEST_BIT = 0x1000  # of a stack pointer that one flipped bit can carry off its stack


class Depletion(NamedTuple):
    """Whether the stack ran out (None: not known), why, and the bytes used and left where a pointer on it tells them.

    `used` is counted from the newest stack pointer known to Base, more than the stack has where it lies below Limit;
    `left` is then below 0.  Without a pointer on this stack both are by the walk: so many at least, at most.
    """

    overflow: Optional[bool]
    why: str
    used: Optional[int] = None
    left: Optional[int] = None


def is_double_fault(about: About) -> bool:
    """Whether the bug check is 7F with EXCEPTION_DOUBLE_FAULT."""
    return about.bugcheck is not None and about.bugcheck.double_fault


def double_fault(report: Report) -> str:
    """What the bug check means, "" for another one.

    Not every double fault is an exhausted stack (Microsoft KB 842465): a stack pointer far from the stack is none.
    """
    if not is_double_fault(report.about):
        return ""
    if off_stack(report):
        return ": EXCEPTION_DOUBLE_FAULT; the stack is not depleted, its pointer is off it"
    if depletion(report).overflow is False:
        return ": EXCEPTION_DOUBLE_FAULT; the stack is not depleted"
    return ": EXCEPTION_DOUBLE_FAULT, the usual end of a depleted kernel stack"


def stack_pointer(report: Report) -> str:
    """Where a faulting stack pointer lies that is neither on the stack nor near its Limit, else ""."""
    registers, region = report.registers, report.region
    if registers is None or registers.sp in region or not report.base_known:
        return ""
    name, frame = report.about.words.registers[1:]
    below = region.limit - registers.sp
    if 0 < below <= SLACK:
        return ""
    where = f"{below} bytes below Limit" if below > 0 else f"{-below} bytes above Limit"
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
    """Whether the stack pointer is known and lies neither between Limit and Base nor less than SLACK bytes below."""
    registers, region = report.registers, report.region
    return registers is not None and report.base_known and not region.limit - SLACK <= registers.sp < region.base


def used_bytes(report: Report) -> Optional[int]:
    """Bytes from the newest ESP (RSP) known to Base, which can be more than the stack has.

    None where no register tells, where it points off this stack, and where Base is not known.
    """
    if report.registers is None or not report.base_known or off_stack(report):
        return None
    return report.region.base - (report.registers.sp if report.newest is None else report.newest)


def depletion(report: Report) -> Depletion:
    """Overflow or not, by where the stack pointer stood and what memory the fault wanted."""
    if report.raised is not None and report.raised.code == windows.STACK_OVERFLOW:
        return _raised(report)
    if not (report.base_known and limit_known(report)):
        return Depletion(None, "the stack's Limit is not known")
    return _in_user_mode(report) if user_stack(report) else _by_limit(report)


def user_stack(report: Report) -> bool:
    """Whether it is a program's stack, whose Limit moves down as it grows."""
    words = report.about.words
    return not report.about.kernel or report.region.base <= (words.mask + 1) // 2


def _raised(report: Report) -> Depletion:
    """A user stack whose last page is in use: the system says so itself.

    The memory wanted lies on the guard page, below which the stack cannot grow.
    """
    used_up, access = used_bytes(report), report.access
    words = [RAISED]
    left = None
    if used_up is not None:
        pointer = report.region.base - used_up
        guard = None if access is None else access // windows.PAGE * windows.PAGE
        left = pointer - guard if guard is not None and 0 <= pointer - guard < MOST_BELOW else None
        floor = report.region.reserved if user_stack(report) else report.region.limit
        if left is None and limit_known(report) and floor is not None:
            left = pointer - floor
        words.append(f"{used_up} bytes used" + ("" if left is None else f", {left} left"))
    if access is not None:
        words.append(f"it wanted {shown(access)}")
    return Depletion(True, "; ".join(words), used_up, left)


def _in_user_mode(report: Report) -> Depletion:
    """By the reserved end of a user stack; its Limit only says how much was committed so far."""
    region, used_up, access = report.region, used_bytes(report), report.access
    if region.reserved is None:
        words = "" if used_up is None else f"; {used_up} bytes used"
        return Depletion(None, f"how far down this user stack may grow is not known{words}", used_up)
    room, last = region.base - region.reserved, region.reserved + windows.USER_LAST_PAGES
    left = None if used_up is None else room - used_up
    if access is not None and region.reserved - SLACK <= access < last:
        where = access - region.reserved
        words = f"{where} bytes above" if where >= 0 else f"{-where} bytes below"
        why = f"the fault is an access to {shown(access)}, {words} the end of the reserved stack"
        return Depletion(True, why, used_up, left)
    if left is None:
        return _by_walk(report)
    name = report.about.words.registers[1]
    if left < windows.USER_LAST_PAGES + NEAR_LIMIT:
        why = f"{name} lies {left} bytes above the end of the reserved stack, whose last pages are not given out"
        return Depletion(True, why, used_up, left)
    words = f"{used_up} of {room} reserved bytes used, {left} left"
    if report.registers is not None and report.registers.chosen:
        return Depletion(None, f"{words} {AT_CHOSEN}", used_up, left)
    return Depletion(False, words, used_up, left)


def _by_limit(report: Report) -> Depletion:
    registers, region, used_up = report.registers, report.region, used_bytes(report)
    access, left = report.access, region.size - (used_up or 0)
    if access is not None and region.limit - SLACK <= access < region.limit:
        why = f"the fault is an access to {shown(access)}, {region.limit - access} bytes below Limit"
        return Depletion(True, why, used_up, None if used_up is None else left)
    if registers is None or used_up is None:
        return _by_walk(report)
    name = report.about.words.registers[1]
    if left < 0:
        return Depletion(True, f"{name} lies {-left} bytes below Limit", used_up, left)
    if left < NEAR_LIMIT:
        return Depletion(True, f"{name} lies {left} bytes above Limit, too few for the next call", used_up, left)
    after = f" ({registers.sp - report.newest} after this context)" if report.newest is not None else ""
    words = f"{used_up} of {region.size} bytes used{after}, {left} left"
    if registers.chosen and not after:  # newer bytes may have been used after it
        return Depletion(None, f"{words} {AT_CHOSEN}", used_up, left)
    return Depletion(False, words, used_up, left)


def _by_walk(report: Report) -> Depletion:
    # No stack pointer on this stack is known: the walk's frames tell how much is used at least.
    registers, region = report.registers, report.region
    sized = next((frame for frame in report.frames if frame.bytes is not None), None)
    used_up = None if sized is None else region.base - (sized.top(report.about.words.word) - (sized.bytes or 0))
    held = ""
    if used_up is not None:
        held = f"; the walk's frames use {used_up} of {region.size} bytes, {region.size - used_up} are left at most"
    left = None if used_up is None else region.size - used_up
    low = used(report) if limit_known(report) and not user_stack(report) else None
    if low is not None and region.limit - SLACK <= low[0] < region.limit and report.about.machine == "x64":
        return Depletion(True, f"{low[1]} lies {region.limit - low[0]} bytes below Limit", used_up, left)
    if registers is not None:
        name = report.about.words.registers[1]
        return Depletion(False, f"{name} {shown(registers.sp)} is not on the stack{held}", used_up, left)
    points = "; bug check 7F (8) points to one" if is_double_fault(report.about) else ""
    return Depletion(None, f"no registers of this stack are known{points}{held}", used_up, left)


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
    return price(report.cycle, room(report), spent(report))


def room(report: Report) -> Optional[int]:
    """Bytes the stack can have: a user stack's with all that is reserved; None where its end is not known."""
    if not (report.base_known and limit_known(report)):
        return None
    floor = report.region.reserved if user_stack(report) else report.region.limit
    return None if floor is None else report.region.base - floor


def used(report: Report) -> Optional[Tuple[int, str]]:
    """The lowest address of the stack known to be in use, and what says so; None without a printed table."""
    if report.printed is None or not report.frames:
        return None
    first, registers = report.frames[0].frame_ptr or 0, report.registers
    if registers is not None and report.region.limit - SLACK <= registers.sp < first:
        return registers.sp, report.about.words.registers[1]
    return first, f"the first row's {report.about.words.frame_name}"
