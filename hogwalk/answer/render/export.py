"""The walk in other programs' formats: folded stacks, speedscope, CSV, SVG and Markdown.

Names from the target are data there: each format's own signs are taken out of them or escaped.
"""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any, Callable, Dict, Iterable, Iterator, List

from hogwalk.answer.charge.books import module_of
from hogwalk.answer.render.drawing import stack_drawing
from hogwalk.answer.render.table import percent
from hogwalk.answer.report.document import Report
from hogwalk.machine.words import hexa
from hogwalk.model import Frame
from hogwalk.printable import printable

DEEPEST = 400  # frames named in one folded line: its length grows with the depth
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes a cell that begins so for a formula
COLUMNS = (
    "number", "frame_ptr", "return_slot", "return_address", "instruction", "bytes", "module", "symbol", "product",
    "source", "trust",
)  # fmt: skip
# Colours of the drawing on its own: a light page, whatever the viewer's theme.
STYLE = (
    "svg{background:#fff}text{font:11px monospace;fill:#57606a}text.in{fill:#fff}rect{stroke:#fff;stroke-width:.5}"
    ".gap{fill:#f6f8fa;stroke:#57606a}.p0{fill:#c2391f}.p1{fill:#7a52c7}.p2{fill:#1a7f37}.p3{fill:#a85200}"
    ".p4{fill:#0b6a7d}.p5{fill:#a61e6e}.p6{fill:#5c6b00}.system{fill:#4c6a98}.system2{fill:#6b7f9f}.none{fill:#6e7681}"
    ".veil{fill:url(#hatch);stroke:none}#hatch path{stroke:#fff;stroke-width:3}.tick{stroke:#57606a}"
    ".turn{fill:none;stroke:#1b1f24;stroke-width:1.5}"
)


def folded(report: Report) -> Iterator[str]:
    """One line a frame with bytes: its path, oldest first, parted by `;`, and its own bytes.

    Of more than DEEPEST older frames the oldest are one part, "(N older frames)".
    """
    path: List[str] = []
    for frame in reversed(report.frames):
        path.append(_part(_name(report, frame)))
        shown = path if len(path) <= DEEPEST else [f"({len(path) - DEEPEST} older frames)", *path[-DEEPEST:]]
        if frame.bytes:
            yield f"{';'.join(shown)} {frame.bytes}"


def _part(name: str) -> str:
    # `;` parts the path and the last blank parts it from the count.
    return re.sub(r"[;\s]+", "_", printable(name)) or "?"


def speedscope(report: Report) -> Dict[str, Any]:
    """An evented profile of speedscope's file format (unit bytes): each frame spans itself and all that is newer."""
    names: Dict[str, int] = {}
    opened, closed, at = [], [], 0
    for frame in reversed(report.frames):
        number = names.setdefault(_name(report, frame), len(names))
        opened.append({"type": "O", "frame": number, "at": at})
        closed.append(number)
        at += frame.bytes or 0
    events = [*opened, *({"type": "C", "frame": number, "at": at} for number in reversed(closed))]
    profile = {"type": "evented", "name": "stack", "unit": "bytes", "startValue": 0, "endValue": at, "events": events}
    return {
        "exporter": "hogwalk",
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "name": "hogwalk",
        "activeProfileIndex": 0,
        "shared": {"frames": [{"name": name} for name in names]},
        "profiles": [profile],
    }


def table(report: Report) -> Iterator[str]:
    """The frames as CSV (RFC 4180), newest first; addresses are 0x strings."""
    owned = {use.share.name: use.product.name for use in report.modules}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, frame in enumerate(report.frames):
        module = module_of(frame)
        symbol = frame.symbol.text() if frame.symbol is not None else ""
        addresses = [frame.frame_ptr, frame.return_slot, frame.return_address, frame.instruction]
        cells = ["" if value is None else f"0x{value:x}" for value in addresses]
        cells += ["" if frame.bytes is None else str(frame.bytes), _cell(module), _cell(symbol)]
        writer.writerow([number, *cells, _cell(owned.get(module, module)), frame.source.value, frame.trust.value])
    return iter(out.getvalue().splitlines())


def _cell(text: str) -> str:
    return "'" + text if text.startswith(FORMULA) else text


def svg(report: Report) -> Iterator[str]:
    """The drawing of the stack as a file of its own."""
    head, *rest = stack_drawing(report)
    yield "<!-- hogwalk-drawing/1 -->"
    yield head
    yield f"<style>{STYLE}</style>"
    yield from rest


def markdown(report: Report, verdict: Iterable[str]) -> Iterator[str]:
    """A bug report: the verdict, who holds the stack, the largest frames, how to repeat it."""
    size = report.region.size
    yield "<!-- hogwalk-bugreport/1 -->"
    yield "## Kernel stack use" if report.about.kernel else "## Stack use"
    yield ""
    yield from (_plain(line) for line in verdict)
    yield ""
    yield "| product | modules | bytes | % | frames |\n|---|---|---:|---:|---:|"
    for use in report.products:
        modules = ", ".join(use.product.modules)
        share = f"{use.share.bytes} | {percent(use.share.bytes, size)} | {use.share.frames}"
        yield f"| {_plain(use.product.name)} | {_plain(modules)} | {share} |"
    yield ""
    yield "| bytes | ChildEBP | function |\n|---:|---|---|"
    for frame in report.biggest(10):
        pointer = "" if frame.frame_ptr is None else f"`{frame.frame_ptr:x}`"
        yield f"| {frame.bytes} | {pointer} | {_plain(_name(report, frame))} |"
    if report.start is not None:
        yield f"\nTo repeat it: `{report.start.command}`, then `!py hogwalk`."


def _plain(text: str) -> str:
    # Every sign that Markdown or HTML could take for its own, escaped.
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~&@:$^-])", r"\\\1", printable(text))


def _name(report: Report, frame: Frame) -> str:
    if frame.symbol is None:
        return f"0x{hexa(frame.instruction)}"
    # Without the displacement: calls from two places of a function are one function to a profile.
    return f"{frame.symbol.module}!{frame.symbol.name}" if frame.symbol.name else frame.symbol.text()


FORMATS: Dict[str, Callable[[Report], Iterable[str]]] = {
    "folded": folded,
    "speedscope": lambda report: json.dumps(speedscope(report), indent=1).split("\n"),
    "csv": table,
    "svg": svg,
}
