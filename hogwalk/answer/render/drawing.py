"""Drawings of a stack in SVG: to scale (y = address, height = bytes), an icicle of inclusive bytes, a bar of shares."""

from __future__ import annotations

import html
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from hogwalk.answer.charge.books import module_of
from hogwalk.answer.render.table import counted, cut
from hogwalk.answer.report.document import Report, Weight
from hogwalk.machine.words import hexa
from hogwalk.model import Frame, Trust
from hogwalk.printable import printable

PALETTE = ("p0", "p1", "p2", "p3", "p4", "p5", "p6")  # third parties, the hog first; more of them share the last
SYSTEM = ("system", "system2")
DOUBTFUL = (Trust.PLAIN, Trust.UNREAD, Trust.NONE)
DOUBT = 0.9  # a frame less probable than this is hatched
# Units of the stack's drawing: the column of addresses, that of the boxes, that of the cycle's turns; a line of text.
LABELS, BOX, TURNS, HEIGHT, LINE = 74, 206, 30, 1000, 13
LETTER = 6.4  # units of a letter of the drawings' text
ACROSS, ROW, MOST_ROWS = 1000, 19, 60  # units of the icicle: its width, a run's height; runs that are not squeezed


def colours(report: Report) -> Dict[str, str]:
    """The colour class of each product, most bytes first among its kind."""
    found: Dict[str, str] = {}
    others = [use.product.name for use in report.products if not use.product.system]
    for at, name in enumerate(others):
        found[name] = PALETTE[min(at, len(PALETTE) - 1)]
    for at, use in enumerate(report.system):
        found[use.product.name] = SYSTEM[min(at, len(SYSTEM) - 1)]
    return found


def extent(report: Report, frame: Frame) -> Tuple[int, int]:
    """The addresses [start, end) of a frame's bytes; empty for a frame without bytes."""
    end = frame.top(report.about.words.word)
    return end - (frame.bytes or 0), end


def doubtful(frame: Frame, weight: Optional[Weight]) -> bool:
    """Whether a frame is drawn hatched: nothing bears out its return address, or it is not very probable."""
    return frame.trust in DOUBTFUL or (weight is not None and weight.probability < DOUBT)


def stack_drawing(report: Report) -> Iterator[str]:
    """The whole stack, Limit on top, as one SVG element; each frame's box carries its number (data-frame)."""
    region = report.region
    scale = HEIGHT / max(1, region.size)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LABELS + BOX + TURNS} {HEIGHT}" role="img" '
        f'aria-label="the stack from Limit to Base, each frame as high as it is large">'
    )
    yield '<defs><pattern id="hatch" width="8" height="8" patternUnits="userSpaceOnUse">'
    yield '<path d="M0 8L8 0"/></pattern></defs>'
    for gap in report.gaps:
        yield _box("gap", (gap.start - region.limit) * scale, gap.bytes * scale, "", f"{gap.bytes} bytes: {gap.why}")
    paint, owned = colours(report), {use.share.name: use.product.name for use in report.modules}
    for number, (frame, weight) in enumerate(zip(report.frames, report.weights)):
        if not frame.bytes:
            continue
        start, _ = extent(report, frame)
        name = frame.symbol.text() if frame.symbol is not None else f"{frame.instruction:x}"
        sort = paint.get(owned.get(module_of(frame), ""), "none")
        top, height = (start - region.limit) * scale, frame.bytes * scale
        yield _box(sort, top, height, f' data-frame="{number}"', f"#{number:02x} {name}: {frame.bytes} bytes")
        if doubtful(frame, weight):
            yield _box("veil", top, height, "", "")
        if height >= LINE:
            words = cut(name.partition("+")[0], int((BOX - 8) / LETTER))
            yield _text("in", LABELS + 5, top + height / 2 + 4, words)
    yield from _scale(report)
    yield from _turns(report, scale)
    yield "</svg>"


def _box(sort: str, top: float, height: float, more: str, title: str) -> str:
    shape = f'<rect class="{sort}" x="{LABELS}" y="{top:.2f}" width="{BOX}" height="{height:.2f}"{more}'
    return f"{shape}><title>{html.escape(printable(title))}</title></rect>" if title else f"{shape}/>"


def _text(sort: str, left: float, base: float, words: str) -> str:
    return f'<text class="{sort}" x="{left:.1f}" y="{base:.1f}">{html.escape(printable(words))}</text>'


def _scale(report: Report) -> Iterator[str]:
    region = report.region
    pages = range(-(-region.limit // 0x1000) * 0x1000, region.base, max(0x1000, region.size // 12 // 0x1000 * 0x1000))
    ends = {region.limit: ("Limit", LINE), region.base: ("Base", -LINE)}
    for at in dict.fromkeys([region.limit, *pages, region.base]):
        y = (at - region.limit) / max(1, region.size) * HEIGHT
        yield f'<path class="tick" d="M{LABELS - 8} {y:.1f}h8"/>'
        name, aside = ends.get(at, ("", 0))
        inside = min(max(y + 4, 11), HEIGHT - 3)
        yield _text("", 0, inside, hexa(at)[-8:])
        if name:
            yield _text("", 0, inside + aside, name)


def _turns(report: Report, scale: float) -> Iterator[str]:
    # A bracket beside each turn of the cycle, numbered from the oldest.
    cycle, sized = report.cycle, report.frames
    if cycle is None:
        return
    for at, first in enumerate(cycle.starts):
        start, _ = extent(report, sized[first])
        _, end = extent(report, sized[min(first + cycle.length, len(sized)) - 1])
        top, bottom = ((place - report.region.limit) * scale for place in (start, end))
        left, turn = LABELS + BOX + 5, len(cycle.starts) - at
        title = f"turn {turn} of the cycle: {counted(cycle.length, 'frame')}, {end - start} bytes"
        yield f'<path class="turn" d="M{left} {top + 1:.1f}h6V{bottom - 1:.1f}h-6"><title>{title}</title></path>'
        if bottom - top >= LINE:
            yield _text("", left + 10, (top + bottom) / 2 + 4, str(turn))


def share_bar(report: Report) -> Iterator[str]:
    """The stack's bytes by product, the hog first, what is not known last: a bar as wide as the stack is large."""
    paint, size = colours(report), max(1, report.region.size)
    yield f'<svg class="shares" viewBox="0 0 {ACROSS} 14" preserveAspectRatio="none" role="img" aria-label="shares">'
    left = 0.0
    for use in (*(one for one in report.products if not one.product.system), *report.system):
        width = ACROSS * use.share.bytes / size
        title = html.escape(printable(f"{use.product.name}: {use.share.bytes} bytes"))
        yield (
            f'<rect class="{paint[use.product.name]}" x="{left:.2f}" y="0" width="{width:.2f}" height="14">'
            f"<title>{title}</title></rect>"
        )
        left += width
    yield f'<rect class="gap" x="{left:.2f}" y="0" width="{max(0.0, ACROSS - left):.2f}" height="14"/></svg>'


class Run(NamedTuple):
    """Frames of one product next to each other: the numbers of the newest and the oldest, their modules and bytes."""

    product: str
    newest: int
    oldest: int
    modules: Tuple[str, ...]
    bytes: int


def icicle(report: Report) -> Iterator[str]:
    """Runs of frames of one product, oldest on top, each as wide as itself and all that is newer."""
    runs = _runs(report)
    left = whole = sum(run.bytes for run in runs) or 1
    row = ROW if len(runs) <= MOST_ROWS else max(2.0, ROW * MOST_ROWS / len(runs))
    paint = colours(report)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {ACROSS} {row * max(1, len(runs)):.0f}" role="img" '
        f'aria-label="inclusive bytes: each run of frames as wide as itself and what it called">'
    )
    for at, run in enumerate(runs):
        width = ACROSS * left / whole
        words = f"{run.product}: {', '.join(run.modules)}"
        title = f"{words}: {run.bytes} bytes in {counted(run.oldest - run.newest + 1, 'frame')}, {left} with all newer"
        yield (
            f'<rect class="{paint.get(run.product, "none")}" x="0" y="{row * at:.1f}" width="{width:.1f}" '
            f'height="{row * 0.9:.1f}" data-from="{run.newest}" data-to="{run.oldest}">'
            f"<title>{html.escape(printable(title))}</title></rect>"
        )
        if row == ROW:
            yield _label(f"{left}  {', '.join(run.modules)}", width, row * at + row * 0.66)
        left -= run.bytes
    yield "</svg>"


def _label(words: str, width: float, base: float) -> str:
    # Within the run's bar where it is wide enough, else beside it.
    short = cut(words, 60)
    inside = width > (len(short) + 2) * LETTER
    return _text("in" if inside else "", 6 if inside else width + 6, base, short)


def _runs(report: Report) -> List[Run]:
    # Oldest first.
    owned = {use.share.name: use.product.name for use in report.modules}
    found: List[Run] = []
    for number in range(len(report.frames) - 1, -1, -1):
        frame = report.frames[number]
        module = module_of(frame)
        product, size = owned.get(module, module), frame.bytes or 0
        if found and found[-1].product == product:
            last = found[-1]
            modules = last.modules if module in last.modules else (*last.modules, module)
            found[-1] = Run(product, number, last.oldest, modules, last.bytes + size)
        else:
            found.append(Run(product, number, number, (module,), size))
    return found
