"""The threads of a dump, one row each."""

from __future__ import annotations

from typing import Iterator, List, Optional, Sequence

from hogwalk.answer.render.table import PLAIN, WIDTH, Look, bar, cut, paragraphs, percent, table
from hogwalk.answer.render.triage import target_line
from hogwalk.answer.threads.records import Depth, ThreadUse
from hogwalk.model import About

HEADS = ("thread", "id", "process", "bytes", "used", "%", "left", "top product")
OPEN = "?"
OPEN_LEGEND = "? the dump holds a piece of the stack, and not the TEB: where its Limit lies is not known"
LEGEND = "~ used: what lies above the lowest word that is not 0, at most; ~ product: return addresses counted"
MOST_PRODUCTS = 2  # of a thread, where there is room for no more


def render_threads(about: About, uses: Sequence[ThreadUse], notes: Sequence[str], look: Look = PLAIN) -> Iterator[str]:
    """The table, what its signs mean, and the notes."""
    yield from paragraphs([("Target", target_line(about)), ("Threads", f"{len(uses)}, the worst first")], look)
    yield ""
    rows = [_row(use, about.pointer_bytes, look) for use in uses]
    heads = [*HEADS]
    if look.bars:
        heads.insert(6, "of stack")
    yield from table(heads, rows, ("process", "top product"), look.width)
    yield ""
    said = [("", LEGEND)] if any("~" in cell for row in rows for cell in row) else []
    said += [("", OPEN_LEGEND)] if any(use.depth is not None and not use.depth.bounded for use in uses) else []
    yield from paragraphs([*said, *(("Note", note) for note in notes)], look)


def _row(use: ThreadUse, pointer: int, look: Look) -> List[str]:
    stack, depth = use.stack, use.depth
    identifier = "" if stack.identifier is None else f"{stack.identifier:x}"
    cells = [f"{stack.thread:0{2 * pointer}x}", identifier, cut(stack.process, 16), *_bytes(depth)]
    if look.bars:
        cells.append(bar(depth.used or 0, depth.size) if depth is not None and depth.size is not None else "")
    left = "" if depth is None or depth.used is None else OPEN if depth.left is None else str(depth.left)
    return [*cells, left, _owner(use, look)]


def _bytes(depth: Optional[Depth]) -> List[str]:
    if depth is None:
        return ["", "", ""]
    size = OPEN if depth.size is None else str(depth.size)
    if depth.used is None:
        return [size, "", ""]
    mark = "" if depth.saved else "~"
    return [size, f"{mark}{depth.used}", OPEN if depth.size is None else percent(depth.used, depth.size)]


def _owner(use: ThreadUse, look: Look) -> str:
    if use.trouble:
        return f"({use.trouble})"
    shown = use.products[: MOST_PRODUCTS if look.width <= WIDTH else None]
    words = [f"{one.product.name} {one.share.bytes}" for one in shown if one.share.bytes]
    return ("" if use.walked else "~") + (", ".join(words) or "(nobody)")
