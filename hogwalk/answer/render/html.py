"""The report as one HTML file: opens offline, runs no foreign code, shows text from the target as text.

A strict Content-Security-Policy in the file allows this style sheet and this script by their hashes and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import html
import os
from typing import Dict, Iterable, Iterator, List, Optional, Sequence, Set, Tuple

from hogwalk.answer.charge.books import module_of
from hogwalk.answer.charge.paths import inclusive
from hogwalk.answer.explain.records import Explanation
from hogwalk.answer.render.drawing import colours, icicle, stack_drawing
from hogwalk.answer.render.frame import explanation_lines
from hogwalk.answer.render.triage import render
from hogwalk.answer.report.document import Report
from hogwalk.machine.words import hexa
from hogwalk.model import Frame
from hogwalk.printable import printable

SEVEN = ("#", "bytes", "hex", "ChildEBP", "RetAddr", "trust", "function", "product")


def page(report: Report, anatomy: Sequence[Tuple[int, Explanation]] = (), verdict: Iterable[str] = ()) -> Iterator[str]:
    """The file's lines; `anatomy` are explanations of frames by their number, `verdict` the report in words."""
    style, script = _asset("page.css"), _asset("page.js")
    title = f"hogwalk: {report.hog.product.name if report.hog is not None else 'no hog'}"
    policy = f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; base-uri 'none'"
    yield '<!DOCTYPE html><!-- hogwalk-page/1 -->\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}; form-action \'none\'">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{text(title)}</title>\n<style>{style}</style>\n</head>\n<body>"
    yield f"<header>\n<h1>{text(title)}</h1>"
    yield from (f"<p>{text(line)}</p>" for line in verdict)
    yield "</header>\n<main>"
    yield from _stack(report)
    yield from _inclusive(report)
    yield from _anatomy(anatomy)
    yield from _evidence(report)
    yield from _repeat(report)
    yield f"</main>\n<script>{script}</script>\n</body>\n</html>"


def text(words: str) -> str:
    """Words from anywhere as HTML text: marked-up signs as entities, so that nothing of them is markup."""
    return html.escape("\n".join(map(printable, words.split("\n"))), quote=True)


def _asset(name: str) -> str:
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page")
    with open(os.path.join(folder, name), encoding="ascii") as file:
        return "\n" + file.read()


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def owners(report: Report) -> Dict[str, str]:
    """The product of each module that holds stack bytes."""
    return {use.share.name: use.product.name for use in report.modules}


def _stack(report: Report) -> Iterator[str]:
    paint = colours(report)
    yield '<section aria-labelledby="stack">\n<h2 id="stack">The stack, to scale, and its frames</h2>'
    yield '<ul class="legend">'
    for use in report.products:
        sort = paint[use.product.name]
        yield (
            f'<li><span class="swatch {sort}"></span>{text(use.product.name)}: {use.share.bytes} bytes, '
            f"{use.share.frames} frames</li>"
        )
    unknown = sum(gap.bytes for gap in report.gaps)
    yield f'<li><span class="swatch"></span>no frame known: {unknown} bytes</li>\n</ul>'
    yield from _controls(report)
    yield '<p id="said" class="mono" aria-live="polite">&nbsp;</p>\n<div class="two">'
    yield '<div class="drawing" id="drawing">'
    yield from stack_drawing(report)
    yield '</div>\n<div class="scroll" tabindex="0" role="region" aria-label="frames">\n<table>'
    yield "<thead><tr>" + "".join(_head(name) for name in SEVEN) + "</tr></thead>\n<tbody id='frames'>"
    cycled = _in_cycle(report)
    for number, frame in enumerate(report.frames):
        yield _row(report, number, frame, number in cycled, paint)
    yield "</tbody>\n</table>\n</div>\n</div>\n</section>"


def _head(name: str) -> str:
    numeric = ' class="n"' if name in ("#", "bytes", "hex") else ""
    return f'<th scope="col"{numeric}>{name}</th>'


def _in_cycle(report: Report) -> Set[int]:
    if report.cycle is None:
        return set()
    return {start + step for start in report.cycle.starts for step in range(report.cycle.length)}


def _row(report: Report, number: int, frame: Frame, cycled: bool, paint: Dict[str, str]) -> str:
    name = frame.symbol.text() if frame.symbol is not None else hexa(frame.instruction)
    product = owners(report).get(module_of(frame), module_of(frame))
    hog = report.hog is not None and report.hog.product.name == product
    size = "" if frame.bytes is None else str(frame.bytes)
    hexed = "" if frame.bytes is None else f"{frame.bytes:x}h"
    pointer = "" if frame.frame_ptr is None else hexa(frame.frame_ptr)
    said = f"#{number:02x} {name}: {size or 'no'} bytes, {frame.trust.value}, found by {frame.source.value}"
    cells = (
        f'<td class="n">{number:02x}</td><td class="n">{size}</td><td class="n">{hexed}</td><td>{pointer}</td>'
        f"<td>{hexa(frame.return_address)}</td><td>{frame.trust.value}</td>"
        f'<td class="name">{text(name)}</td>'
        f'<td class="product"><span class="swatch {paint.get(product, "none")}"></span>{text(product)}</td>'
    )
    data = (
        f'data-frame="{number}" data-bytes="{frame.bytes or 0}" data-product="{text(product)}" '
        f'data-module="{text(module_of(frame))}" data-cycle="{int(cycled)}" data-said="{text(said)}"'
    )
    return f'<tr id="f{number}" tabindex="-1" aria-selected="false"{" class=hog" if hog else ""} {data}>{cells}</tr>'


def _controls(report: Report) -> Iterator[str]:
    yield '<div class="bar">'
    yield from _choice("product", [use.product.name for use in report.products])
    yield from _choice("module", [use.share.name for use in report.modules])
    yield '<label>function contains<input id="word" type="search" autocomplete="off"></label>'
    yield '<label>only the cycle<input id="cycle" type="checkbox"></label>'
    yield '<button id="theme" type="button">light or dark</button>\n<span id="shown" role="status"></span>\n</div>'
    yield '<p class="soft keys">Keys: j and k or the arrows step through the frames, / searches, Escape shows all.</p>'


def _choice(name: str, values: Sequence[str]) -> Iterator[str]:
    yield f'<label>{name}<select id="{name}"><option value="">all</option>'
    yield from (f'<option value="{text(value)}">{text(value)}</option>' for value in values)
    yield "</select></label>"


def _inclusive(report: Report) -> Iterator[str]:
    by_module = owners(report)
    system = {use.product.name for use in report.system}

    def owner(frame: Frame) -> str:
        return by_module.get(module_of(frame), module_of(frame))

    yield '<section aria-labelledby="inclusive">\n<h2 id="inclusive">Inclusive bytes</h2>'
    yield (
        "<p>Own: the product's frames. On path: its oldest frame and all that is newer. Caused: its frames and the "
        "system's frames whose nearest older third party it is.</p>"
    )
    yield "<table><thead><tr><th scope='col'>product</th>"
    yield (
        "".join(f"<th scope='col' class='n'>{name}</th>" for name in ("own", "on path", "caused"))
        + "</tr></thead><tbody>"
    )
    for one in inclusive(report.frames, owner, system.__contains__):
        cells = "".join(f'<td class="n">{value}</td>' for value in (one.exclusive, one.on_path, one.caused))
        yield f'<tr><td class="name">{text(one.name)}</td>{cells}</tr>'
    yield '</tbody></table>\n<div class="icicle" id="icicle">'
    yield from icicle(report)
    yield "</div>\n</section>"


def _anatomy(anatomy: Sequence[Tuple[int, Explanation]]) -> Iterator[str]:
    if not anatomy:
        return
    yield '<section aria-labelledby="anatomy">\n<h2 id="anatomy">Why the biggest frames are so big</h2>'
    for at, (number, explanation) in enumerate(anatomy):
        lines = list(explanation_lines(explanation))
        yield f"<details{' open' if at == 0 else ''}><summary>#{number:02x} {text(lines[0])}</summary>"
        yield f"<pre tabindex='0'>{text(chr(10).join(lines[1:]))}</pre></details>"
    yield "</section>"


def _evidence(report: Report) -> Iterator[str]:
    yield '<section aria-labelledby="evidence">\n<h2 id="evidence">The report and its evidence</h2>'
    yield "<details><summary>The triage as the debugger shows it</summary>"
    yield f"<pre tabindex='0'>{text(chr(10).join(render(report)))}</pre></details>"
    candidate = report.start.candidate if report.start is not None else None
    if candidate is not None:
        yield "<details><summary>Why the walk starts where it does</summary>"
        found = chr(10).join(f"{finding.points:+5d}  {finding.words}" for finding in candidate.findings)
        yield f"<pre tabindex='0'>{text(found)}</pre></details>"
    yield "</section>"


def _repeat(report: Report) -> Iterator[str]:
    commands: List[str] = [report.start.command] if report.start is not None else []
    biggest: Optional[Frame] = next(iter(report.biggest(1)), None)
    region = report.region
    commands.append(f"dps {hexa(region.limit)} {hexa(region.base)}")
    commands.append("!py hogwalk")
    if biggest is not None and biggest.frame_ptr is not None:
        commands.append(f"!py hogwalk frame {hexa(biggest.frame_ptr)}")
    yield '<section aria-labelledby="repeat">\n<h2 id="repeat">Commands to repeat it</h2>'
    yield f"<pre tabindex='0'>{text(chr(10).join(commands))}</pre>\n</section>"
