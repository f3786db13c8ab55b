"""The annotated `dps`: address, value, what the word is, symbol."""

from __future__ import annotations

from typing import Dict, Iterator, Optional

from hogwalk.answer.explain.words import MATTERS, Word, WordKind, words
from hogwalk.answer.render.line import Line, code_link, joined, words_link
from hogwalk.answer.render.table import NARROWEST, PLAIN, Look, counted, cut
from hogwalk.machine.words import shown
from hogwalk.model import Symbol
from hogwalk.walk.evidence import Evidence

Names = Dict[int, Optional[Symbol]]
AFTER = "  (called {})"


def render_stack(evidence: Evidence, targets: Names, every: bool, look: Look = PLAIN) -> Iterator[str]:
    """One line for each word that matters (for every word when `every`), and how many were left out.

    `targets` names the functions that the calls before return addresses call.
    """
    region = evidence.region
    yield f"stack {shown(region.limit)}..{shown(region.base)}, {region.size} bytes ({region.source})"
    left_out = 0
    holes, cut = dict(evidence.image.holes), dict(evidence.image.cut)
    for word in words(evidence):
        if word.kind is WordKind.UNREADABLE:
            if word.address in holes:
                size = holes[word.address] - word.address
                why = "are not looked at" if word.address in cut else "cannot be read"
                yield f"{shown(word.address)}  ????????  {size} bytes {why}"
        elif every or word.kind in MATTERS:
            yield _line(evidence, targets, word, look.width)
        else:
            left_out += 1
    if left_out:
        yield f"{counted(left_out, 'word')} of data, code and stack pointers left out; --all shows them"


def _line(evidence: Evidence, targets: Names, word: Word, width: int) -> Line:
    machine = evidence.image.machine
    value = shown(word.value)
    linked = code_link(word.value, machine) if word.kind is WordKind.RETURN else Line(value)
    head = joined([words_link(word.address, machine), "  ", linked, f"  {word.kind.value:<8} "])
    line = joined([head, _remark(evidence, targets, word, width - len(head))])
    return line.cut_to(len(line.rstrip()))


def _remark(evidence: Evidence, targets: Names, word: Word, room: int) -> str:
    # What is too long is cut in its middle: a function's name and its displacement both matter.
    name = word.symbol.text() if word.symbol is not None else ""
    if word.kind is WordKind.LINK:
        return f"-> next frame at {shown(word.value)}"
    if word.kind is WordKind.MODULE:
        module = evidence.modules.at(word.value)
        return cut(module.name, room) if module is not None else ""
    target = evidence.sites.at(word.value).target if word.kind is WordKind.RETURN else None
    if target is None:
        return cut(name, room)
    called = _target(targets, target)
    left = max(2 * NARROWEST, room - len(AFTER.format("")))
    kept = max(left // 2, left - len(called))
    name = cut(name, kept)
    return name + AFTER.format(cut(called, left - len(name)))


def _target(targets: Names, target: int) -> str:
    symbol = targets.get(target)
    return symbol.text() if symbol is not None else shown(target)
