"""The charge in full: own and inclusive bytes, the price of a cycle, what would fit without whom, large frames."""

from __future__ import annotations

from typing import Callable, Dict, Iterator, List, Optional, Tuple

from hogwalk.answer.charge.books import function_of, module_of
from hogwalk.answer.charge.paths import LARGE, NOTABLE, inclusive, large_frames, reserves, what_if
from hogwalk.answer.explain.records import Explanation, Purpose
from hogwalk.answer.render.line import Line, frame_link, joined
from hogwalk.answer.render.table import PLAIN, Look, counted, cut, table, wrapped
from hogwalk.answer.report.document import Report
from hogwalk.answer.report.fault import cycle_price, limit_known, off_stack, room, spent, used_bytes
from hogwalk.errors import BadInput
from hogwalk.machine.words import shown
from hogwalk.model import Frame

MOST = 8  # owners, or large frames, shown
Owner = Callable[[Frame], str]


def render_charge(
    report: Report, without: Optional[str], biggest: Optional[Explanation] = None, look: Look = PLAIN
) -> Iterator[Line]:
    """The inclusive table, then prices and what-ifs, of `without` alone where it is given.

    `biggest` explains the hog's largest frame.  Raises BadInput where `without` holds no bytes.
    """
    yield from wrapped("Used", _used(report), look.prose)
    yield Line("")
    yield from _table(report, look)
    yield Line("")
    needed = spent(report)
    yield from _cycle(report, look)
    savings = [_own(*_named(report, without))] if without else [*_suspects(report), *_locals(biggest)]
    for words, saved in savings:
        found = what_if(words, saved, room(report) or report.region.size, needed)
        fits = f" and fits with {found.left} left" if found.left >= 0 else f" and lacks {-found.left}"
        end = fits if room(report) is not None else ""
        yield from wrapped("Without", f"{words} the path needs {found.needed} bytes{end}", look.prose)
    if savings:
        yield from wrapped("", "(at most: the calls that such frames made would go too)", look.prose)
    yield from _large(report, look)
    rest = ", ".join(f"{left} of {size} KB" if left >= 0 else f"none of {size} KB" for size, left in reserves(needed))
    yield from wrapped("Left", f"this path would leave {rest}", look.prose)


def _used(report: Report) -> str:
    size, used = room(report) or report.region.size, used_bytes(report)
    if not report.base_known:
        return f"{spent(report)} bytes at least; Base is not known"
    if not limit_known(report):
        return f"{spent(report)} bytes; Limit is not known"
    if used is None:
        why = "the stack pointer is off it" if off_stack(report) else "no register tells where the stack pointer stood"
        return f"{spent(report)} bytes at least, of {size}: {why}"
    below = f", {used - size} more than there are" if used > size else f", {size - used} left"
    return f"{used} of {size} bytes{below}"


def _owners(report: Report) -> Owner:
    owned = {use.share.name: use.product.name for use in report.modules}
    return lambda frame: owned.get(module_of(frame), module_of(frame))


def _table(report: Report, look: Look) -> Iterator[Line]:
    system = {use.product.name for use in report.system}
    found = inclusive(report.frames, _owners(report), system.__contains__)
    rows = [[str(one.exclusive), str(one.on_path), str(one.caused), one.name] for one in found[:MOST]]
    yield from table(("own", "on path", "caused", "product"), rows, ("product",), look.width)


def _cycle(report: Report, look: Look) -> Iterator[Line]:
    cost = cycle_price(report)
    if cost is None:
        return
    room = f", {cost.fit} would fit" if cost.fit is not None else ""
    words = f"{counted(cost.period, 'frame')}, {cost.turn} bytes a turn, {cost.turns} turns on the stack{room}"
    yield from wrapped("Cycle", words, look.prose)


def _suspects(report: Report) -> List[Tuple[str, int]]:
    # The hog and its largest module.
    hog = report.hog
    if hog is None or hog.product.system:
        return []
    found = [(hog.product.name, hog.share.bytes)]
    found += [(use.share.name, use.share.bytes) for use in report.modules if use.share.name in hog.product.modules][:1]
    return [_own(name, held) for name, held in dict.fromkeys(found)]


def _own(name: str, held: int) -> Tuple[str, int]:
    return f"{name}'s own {held} bytes", held


def _locals(explained: Optional[Explanation]) -> List[Tuple[str, int]]:
    # What a driver's author can do without a new design: take a buffer from pool.
    held = sum(part.bytes for part in explained.parts if part.purpose is Purpose.LOCALS) if explained is not None else 0
    if explained is None or not held:
        return []
    pointer = explained.frame_ptr if explained.frame_ptr is not None else explained.return_slot
    return [(f"the {held} bytes of locals of frame {shown(pointer)} (in pool instead)", held)]


def _named(report: Report, wanted: str) -> Tuple[str, int]:
    sums: Dict[str, Tuple[str, int]] = {}
    for owner in (function_of, module_of, _owners(report)):
        for frame in report.frames:
            name = owner(frame)
            _, held = sums.get(name.lower(), (name, 0))
            sums[name.lower()] = (name, held + (frame.bytes or 0))
        if wanted.lower() in sums:
            return sums[wanted.lower()]
    raise BadInput(
        f"no product, module or function named {wanted} holds bytes here",
        "`usage --by product`, `--by module` and `--by function` list them",
    )


def _large(report: Report, look: Look) -> Iterator[Line]:
    large, notable = large_frames(report.frames)
    words = f"{counted(len(large), 'frame')} of {LARGE} bytes and more, {len(notable)} of {NOTABLE} to {LARGE}"
    yield from wrapped("Large", words, look.prose)
    for frame in [*large, *notable][:MOST]:
        name = frame.symbol.text() if frame.symbol is not None else module_of(frame)
        yield from wrapped(
            "", joined([f"{frame.bytes:>5} ", frame_link(frame.frame_ptr), f" {cut(name, 60)}"]), look.prose
        )
