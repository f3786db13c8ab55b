"""Drawings of a stack in SVG: to scale (y = address, height = bytes), and an icicle of inclusive bytes."""

from __future__ import annotations

import html
from typing import Dict, Iterator, List, Tuple

from hogwalk.answer.charge.books import module_of
from hogwalk.answer.report.document import Report
from hogwalk.machine.words import hexa
from hogwalk.model import Frame, Trust
from hogwalk.printable import printable

PALETTE = ("p0", "p1", "p2", "p3", "p4", "p5", "p6")  # third parties, the hog first; more of them share the last
SYSTEM = ("system", "system2")
DOUBTFUL = (Trust.PLAIN, Trust.UNREAD, Trust.NONE)
WIDTH, HEIGHT, LABELS = 260, 1000, 110  # units of the drawing, and the columns left for addresses
ROW = 16  # units: a run in the icicle


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


def stack_drawing(report: Report) -> Iterator[str]:
    """The whole stack, Limit on top, as one SVG element; each frame's box carries its number (data-frame)."""
    region, size = report.region, max(1, report.region.size)
    scale = HEIGHT / size
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="the stack from Limit to Base, each frame as high as it is large">'
    )
    yield '<defs><pattern id="hatch" width="8" height="8" patternUnits="userSpaceOnUse">'
    yield '<path d="M0 8L8 0"/></pattern></defs>'
    for gap in report.gaps:
        yield _box("gap", (gap.start - region.limit) * scale, gap.bytes * scale, "", f"{gap.bytes} bytes: {gap.why}")
    paint, owned = colours(report), {use.share.name: use.product.name for use in report.modules}
    for number, frame in enumerate(report.frames):
        if not frame.bytes:
            continue
        start, _ = extent(report, frame)
        name = frame.symbol.text() if frame.symbol is not None else f"{frame.instruction:x}"
        sort = paint.get(owned.get(module_of(frame), ""), "none")
        top, height = (start - region.limit) * scale, frame.bytes * scale
        yield _box(sort, top, height, f' data-frame="{number}"', f"#{number:02x} {name}: {frame.bytes} bytes")
        if frame.trust in DOUBTFUL:
            yield _box("veil", top, height, "", "")
    yield from _scale(report)
    yield "</svg>"


def _box(sort: str, top: float, height: float, more: str, title: str) -> str:
    shape = f'<rect class="{sort}" x="{LABELS}" y="{top:.2f}" width="{WIDTH - LABELS}" height="{height:.2f}"{more}'
    return f"{shape}><title>{html.escape(printable(title))}</title></rect>" if title else f"{shape}/>"


def _scale(report: Report) -> Iterator[str]:
    region = report.region
    marks: List[Tuple[str, int]] = [("Limit", region.limit), ("Base", region.base)]
    pages = range(-(-region.limit // 0x1000) * 0x1000, region.base, max(0x1000, region.size // 12 // 0x1000 * 0x1000))
    for page in pages:
        if page not in (region.limit, region.base):
            marks.append(("", page))
    for name, at in marks:
        y = (at - region.limit) / max(1, region.size) * HEIGHT
        text = min(max(y + 4, 11), HEIGHT - 3)
        yield f'<text x="0" y="{text:.1f}">{hexa(at)[-8:]}{" " + name if name else ""}</text>'


def icicle(report: Report) -> Iterator[str]:
    """Runs of frames of one product, oldest on top, each as wide as itself and all that is newer."""
    runs = _runs(report)
    whole = sum(size for _, _, size, _ in runs) or 1
    paint = colours(report)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 {ROW * max(1, len(runs))}" role="img" '
        f'aria-label="inclusive bytes: each run of frames as wide as itself and what it called">'
    )
    left = whole
    for at, (product, number, size, count) in enumerate(runs):
        width = 1000 * left / whole
        words = f"{product}: {size} bytes in {count} frames, {left} with all that is newer"
        yield (
            f'<rect class="{paint.get(product, "none")}" x="0" y="{ROW * at}" width="{width:.1f}" height="{ROW - 2}" '
            f'data-frame="{number}"><title>{html.escape(printable(words))}</title></rect>'
        )
        left -= size
    yield "</svg>"


def _runs(report: Report) -> List[Tuple[str, int, int, int]]:
    # (product, number of its oldest frame, bytes, frames), oldest first
    owned = {use.share.name: use.product.name for use in report.modules}
    found: List[Tuple[str, int, int, int]] = []
    for number in range(len(report.frames) - 1, -1, -1):
        frame = report.frames[number]
        product = owned.get(module_of(frame), module_of(frame))
        if found and found[-1][0] == product:
            name, oldest, size, count = found[-1]
            found[-1] = (name, oldest, size + (frame.bytes or 0), count + 1)
        else:
            found.append((product, number, frame.bytes or 0, 1))
    return found
