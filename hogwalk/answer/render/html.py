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
from hogwalk.answer.render.drawing import colours, doubtful, icicle, share_bar, stack_drawing
from hogwalk.answer.render.frame import explanation_lines
from hogwalk.answer.render.table import counted, cut, percent
from hogwalk.answer.render.triage import render, target_line
from hogwalk.answer.render.verdict import SURE
from hogwalk.answer.report.document import Report, Weight
from hogwalk.answer.report.fault import depletion
from hogwalk.answer.report.notes import withheld
from hogwalk.machine.words import hexa
from hogwalk.model import Frame
from hogwalk.printable import printable


def page(report: Report, anatomy: Sequence[Tuple[int, Explanation]] = (), verdict: Iterable[str] = ()) -> Iterator[str]:
    """The file's lines; `anatomy` are explanations of frames by their number, `verdict` the report in words."""
    style, script = _asset("page.css"), _asset("page.js")
    title = f"hogwalk: {report.hog.product.name if report.hog is not None else 'no hog'}"
    policy = f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; base-uri 'none'"
    yield '<!DOCTYPE html><!-- hogwalk-page/1 -->\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}; form-action \'none\'">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{text(title)}</title>\n<style>{style}</style>\n</head>\n<body>"
    yield from _header(report, " ".join(verdict))
    yield "<main>"
    yield from _stack(report)
    yield from _inclusive(report)
    yield from _anatomy(anatomy)
    yield from _evidence(report)
    yield from _repeat(report)
    yield f"</main>\n<script>{script}</script>\n</body>\n</html>"


def _header(report: Report, verdict: str) -> Iterator[str]:
    hog, size, bugcheck = report.hog, report.region.size, report.about.bugcheck
    where = [target_line(report.about)] + ([f"bug check {bugcheck.code:X}"] if bugcheck is not None else [])
    yield f'<header>\n<p class="soft top"><span><b>hogwalk</b> {text("; ".join(where))}</span>'
    yield '<button id="theme" type="button">light or dark</button></p>'
    held = "Hog not named" if withheld(report) else "No hog"
    if hog is not None:
        held = f"{hog.product.name} holds {percent(hog.share.bytes, size)} % of the stack"
    yield f'<h1>{text(held)}</h1>\n<dl class="figures">'
    for name, figure, words in _figures(report):
        yield f'<div><dt>{name}</dt><dd><b>{text(figure)}</b><span class="soft">{text(words)}</span></dd></div>'
    yield "</dl>"
    yield from share_bar(report)
    yield from _legend(report)
    yield f'<p class="words">{text(verdict)}</p>\n</header>'


def _figures(report: Report) -> Iterator[Tuple[str, str, str]]:
    hog, end, sure = report.hog, depletion(report), report.confidence
    yield ("Overflow", {True: "yes", False: "no", None: "not known"}[end.overflow], end.why)
    if hog is not None:
        frames = f"in {counted(hog.share.frames, 'frame')} of {counted(len(hog.product.modules), 'module')}"
        yield (text(hog.product.name), f"{hog.share.bytes} bytes", frames)
    biggest = next(iter(report.biggest(1)), None)
    if biggest is not None:
        name = biggest.symbol.text() if biggest.symbol is not None else hexa(biggest.instruction)
        yield ("Largest frame", f"{biggest.bytes} bytes", cut(name, 60))
    if sure is not None:
        chance = "over 99 %" if sure.probability > SURE else f"{100 * sure.probability:.0f} %"
        spread = f"{sure.low} to {sure.high}" if sure.low != sure.high else f"{sure.low}"
        yield ("Sure?", chance, f"{spread} bytes in 9 of 10 possible walks")


def _legend(report: Report) -> Iterator[str]:
    paint = colours(report)
    yield '<ul class="legend">'
    for use in (*(one for one in report.products if not one.product.system), *report.system):
        held = f"{use.share.bytes} bytes, {counted(use.share.frames, 'frame')}"
        name = f'<span class="swatch {paint[use.product.name]}"></span><b>{text(use.product.name)}</b>'
        yield f'<li>{name} <span class="soft">{held}</span></li>'
    unknown = sum(gap.bytes for gap in report.gaps)
    yield f'<li><span class="swatch gap"></span><b>no frame known</b> <span class="soft">{unknown} bytes</span></li>'
    if any(doubtful(frame, weight) for frame, weight in zip(report.frames, report.weights)):
        yield '<li><span class="soft">hatched: not sure</span></li>'
    yield "</ul>"


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
    yield '<section aria-labelledby="stack">\n<h2 id="stack">The stack, to scale, and its frames</h2>'
    yield '<div class="two">\n<div class="drawing" id="drawing">'
    yield from stack_drawing(report)
    yield "</div>\n<div>"
    yield from _controls(report)
    yield '<div class="scroll" tabindex="0" role="region" aria-label="frames">\n<table>'
    yield "<thead><tr>" + "".join(_head(name) for name in _heads(report)) + "</tr></thead>\n<tbody id='frames'>"
    cycled, owned, paint = _in_cycle(report), owners(report), colours(report)
    for number, (frame, weight) in enumerate(zip(report.frames, report.weights)):
        product = owned.get(module_of(frame), module_of(frame))
        hog = report.hog is not None and report.hog.product.name == product
        data = (
            f'data-bytes="{frame.bytes or 0}" data-product="{text(product)}" data-module="{text(module_of(frame))}" '
            f'data-cycle="{int(number in cycled)}" data-why="{text(_why(frame, weight))}"'
        )
        yield (
            f'<tr id="f{number}" tabindex="-1" aria-selected="false"{" class=hog" if hog else ""} {data}>'
            f"{_cells(number, frame, paint.get(product, 'none'))}</tr>"
        )
    yield '</tbody>\n</table>\n</div>\n<p id="said" aria-live="polite">&nbsp;</p>\n</div>\n</div>\n</section>'


def _heads(report: Report) -> Sequence[str]:
    return ("#", "bytes", "hex", report.about.words.frame_name, "RetAddr", "trust", "function")


def _head(name: str) -> str:
    numeric = ' class="n"' if name in ("#", "bytes", "hex") else ""
    return f'<th scope="col"{numeric}>{name}</th>'


def _in_cycle(report: Report) -> Set[int]:
    if report.cycle is None:
        return set()
    return {start + step for start in report.cycle.starts for step in range(report.cycle.length)}


def _why(frame: Frame, weight: Optional[Weight]) -> str:
    if weight is None:
        return f"found by {frame.source.value}"
    return f"found by {frame.source.value}, {100 * weight.probability:.0f} % live: {'; '.join(weight.reasons)}"


def _cells(number: int, frame: Frame, sort: str) -> str:
    name = frame.symbol.text() if frame.symbol is not None else hexa(frame.instruction)
    size, hexed = ("", "") if frame.bytes is None else (str(frame.bytes), f"{frame.bytes:x}h")
    pointer = "" if frame.frame_ptr is None else hexa(frame.frame_ptr)
    running = ' <span class="soft">running</span>' if frame.running else ""
    return (
        f'<td class="n">{number:02x}</td><td class="n">{size}</td><td class="n">{hexed}</td><td>{pointer}</td>'
        f"<td>{hexa(frame.return_address)}</td><td>{frame.trust.value}</td>"
        f'<td class="name"><span class="swatch {sort}"></span>{text(name)}{running}</td>'
    )


def _controls(report: Report) -> Iterator[str]:
    yield '<div class="bar">'
    yield from _choice("product", [use.product.name for use in report.products])
    yield from _choice("module", [use.share.name for use in report.modules])
    yield '<label>function contains<input id="word" type="search" autocomplete="off" size="14"></label>'
    if report.cycle is not None:
        yield '<label class="tick"><input id="cycle" type="checkbox">only the cycle</label>'
    yield '</div>\n<p class="soft keys"><span>j, k or arrows: next, previous frame; /: search; Escape: all</span>'
    yield '<span id="shown" role="status"></span></p>'


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
    heads = "".join(f"<th scope='col' class='n'>{name}</th>" for name in ("own", "on path", "caused"))
    yield f"<table class='narrow'><thead><tr><th scope='col'>product</th>{heads}</tr></thead><tbody>"
    for one in inclusive(report.frames, owner, system.__contains__):
        cells = "".join(f'<td class="n">{value}</td>' for value in (one.exclusive, one.on_path, one.caused))
        yield f'<tr><td class="name">{text(one.name)}</td>{cells}</tr>'
    yield "</tbody></table>"
    yield "<p>Below, the path from its oldest frames down to the newest: each bar is as wide as its run of frames"
    yield 'and all that is newer.</p>\n<div class="icicle" id="icicle">'
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
