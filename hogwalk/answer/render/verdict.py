"""The verdict in words: what died, who holds the stack, what path filled it, why, how sure, and what to ask for.

Each clause follows from the report's records alone; what they do not hold is not said.
"""

from __future__ import annotations

import textwrap
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from hogwalk.answer.charge.books import module_of
from hogwalk.answer.charge.paths import what_if
from hogwalk.answer.charge.products import linked_on
from hogwalk.answer.explain.records import Explanation, Purpose
from hogwalk.answer.render.table import WIDTH, counted, percent
from hogwalk.answer.report.document import ProductUse, Report
from hogwalk.answer.report.fault import (
    RAISED,
    cycle_price,
    depletion,
    is_double_fault,
    limit_known,
    off_stack,
    room,
    spent,
    stack_pointer,
    used_bytes,
    user_stack,
)
from hogwalk.answer.report.notes import withheld
from hogwalk.answer.report.process import NAME, of_hog
from hogwalk.model import Frame, Trust, Version

SURE, LIKELY = 0.99, 0.9
MOST_LINES = 7  # of WIDTH columns: what fits a mail's first glance
FAULTS = ("KiTrap0E", "KiPageFault")  # the page fault's entry on x86 and on x64


def verdict(report: Report, biggest: Optional[Explanation] = None, width: int = WIDTH) -> Tuple[str, ...]:
    """The verdict in lines of at most `width` columns; `biggest` explains the largest frame of the hog."""
    clauses = [*_died(report), *_holds(report), *_path(report), *_biggest(report, biggest), *_fits(report)]
    clauses += [*_sure(report), *_ask(report)]
    return tuple(textwrap.wrap(" ".join(clauses), width, break_on_hyphens=False))


def _died(report: Report) -> Iterator[str]:
    region, found = report.region, depletion(report)
    what = "The stack" if user_stack(report) else "The kernel stack"
    if report.raised is not None and found.overflow and found.why.startswith(RAISED):
        yield f"{what} overflowed: {found.why}."
    elif not report.base_known:
        yield f"{what} holds at least {spent(report)} bytes; its Base is not known."
    elif off_stack(report):
        died = "is not depleted, its pointer is off it" if is_double_fault(report.about) else "is not the one in use"
        yield f"{what} of {region.size} bytes {died}{stack_pointer(report)}."
    elif not limit_known(report):
        yield f"{what} holds {spent(report)} bytes; the dump has it from its pointer on, its Limit is not known."
    elif found.overflow is None:
        yield f"{what} has {region.size} bytes; whether it overflowed is not known: {found.why}."
    elif found.overflow:
        stood = f"{found.left} bytes were left" if (found.left or 0) >= 0 else found.why
        yield f"{what} of {region.size} bytes overflowed: {stood}."
    else:
        yield f"This is no stack overflow: {found.why}."


def _holds(report: Report) -> Iterator[str]:
    hog, size, why = report.hog, report.region.size, withheld(report)
    if why:
        yield f"Who holds it cannot be said: {why}."
        return
    if hog is None:
        yield "No frame could be charged to anyone."
        return
    company = f" ({hog.product.company})" if hog.product.company and hog.product.company != hog.product.name else ""
    share = f" {percent(hog.share.bytes, size)} %," if report.base_known else ""
    held = f"{hog.share.bytes} bytes,{share} in {counted(hog.share.frames, 'frame')}"
    if hog.product.system:
        yield f"Only Windows' own frames are on it: {hog.product.name} holds {held}."
        return
    system = sum(use.share.bytes for use in report.system)
    parts = "" if hog.product.modules == (hog.product.name,) else f" of {_listed(hog.product.modules)}"
    yield f"{hog.product.name}{company} holds {held}{parts}; Windows itself {system}."
    by = of_hog(report)
    if by is not None and report.process is not None:
        held = "has its name" if by == NAME else "is its own"
        yield f"Process {report.process.image} {held}."


def _listed(names: Sequence[str], most: int = 5) -> str:
    return ", ".join([*names[:most], *([f"{len(names) - most} more"] if len(names) > most else [])])


def _path(report: Report) -> Iterator[str]:
    cycle, cost = report.cycle, cycle_price(report)
    fault = _fault_within(report)
    if cycle is None or cost is None:
        if fault:
            yield f"A page fault inside {fault} is on the path."
        return
    turns = {2: "twice", 3: "three times"}.get(cost.turns, f"{cost.turns} times")
    if fault:
        yield f"A page fault inside {fault} re-entered the path:"
    room = f", room for {cost.fit}" if cost.fit is not None else ""
    path = f"{cost.period} frames from {cycle.functions[-1]} to {cycle.functions[0]} are"
    if cost.period == 1:
        path = f"{cycle.functions[0]} is"
    yield f"{path} there {turns}, {cost.turn} bytes a turn{room}."


def _fault_within(report: Report) -> str:
    for handler, interrupted in zip(report.frames, report.frames[1:]):
        name = handler.symbol.name if handler.symbol is not None else ""
        if handler.trust is Trust.TRAP and name.lstrip("_").startswith(FAULTS) and interrupted.symbol is not None:
            return _function(interrupted)
    return ""


def _function(frame: Frame) -> str:
    if frame.symbol is None:
        return "unknown code"
    return f"{frame.symbol.module}!{frame.symbol.name}" if frame.symbol.name else frame.symbol.text()


def largest_of(report: Report, hog: Optional[ProductUse]) -> Optional[Frame]:
    """The largest frame of a product; None where no frame of it has bytes."""
    if hog is None:
        return None
    sized = [frame for frame in report.frames if frame.bytes and module_of(frame) in hog.product.modules]
    return max(sized, key=lambda frame: frame.bytes or 0, default=None)


def _biggest(report: Report, explained: Optional[Explanation]) -> Iterator[str]:
    frame = largest_of(report, report.hog)
    if frame is None:
        return
    why = ""
    if explained is not None and explained.return_slot == frame.return_slot:
        part = max(explained.parts, key=lambda one: one.bytes, default=None)
        if part is not None and part.purpose is not Purpose.UNKNOWN:
            why = f", {part.bytes} of them {part.purpose.value}"
    name = frame.symbol.text() if frame.symbol is not None else "unknown code"
    yield f"Its largest frame: {name}, {frame.bytes} bytes{why}."


def _fits(report: Report) -> Iterator[str]:
    hog, used = report.hog, used_bytes(report)
    size = room(report)
    if hog is None or hog.product.system or used is None or size is None:
        return
    found = what_if(hog.product.name, hog.share.bytes, size, used)
    fits = f"fits, {found.left} left" if found.left >= 0 else f"still needs {-found.left} more than there are"
    yield f"Without {found.name} the path needs at most {found.needed} bytes and {fits}."


def _sure(report: Report) -> Iterator[str]:
    stated, hog = report.confidence, report.hog
    if stated is None or hog is None or hog.product.system:
        return
    chance = stated.probability
    words = "over 99 %" if chance > SURE else f"{100 * chance:.0f} %"
    spread = f" ({stated.low} to {stated.high} bytes)" if stated.low != stated.high else ""
    yield f"It is the biggest, {words} sure{spread}."
    if chance < LIKELY:
        more = ", and look at `compare`" if report.tried else ""
        yield f"That is too little to accuse anyone: give images and symbols{more}."


def _ask(report: Report) -> Iterator[str]:
    hog, sure = report.hog, report.confidence
    if hog is None or hog.product.system or (sure is not None and sure.probability < LIKELY):
        return
    files: Dict[str, List[str]] = {}
    for use in report.modules:
        if use.share.name in hog.product.modules:
            files.setdefault(_file(use.version), []).append(use.share.name)
    asked = "; ".join(f"{_listed(modules)}{file}" for file, modules in files.items())
    if len(files) == 1 and len(hog.product.modules) > 1:  # all named above
        asked = f"these files{next(iter(files))}"
    if asked:
        yield f"Ask {hog.product.company or 'its vendor'} about {asked}."


def _file(version: Optional[Version]) -> str:
    # The first word of a file version is the number; many have the build's name after it.
    number = (version.file_version.split() or [""])[0] if version is not None else ""
    day = linked_on(version)
    if number or not day:
        return (f", version {number}" if number else " (version not known)") + (f" of {day}" if day else "")
    return f" of {day} (version not known)"
