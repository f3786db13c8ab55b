"""A ruler of the stack: one column for each hundredth from Limit to Base, lettered by who holds most of it."""

from __future__ import annotations

from typing import Dict, Iterator, List

from hogwalk.answer.charge.books import module_of
from hogwalk.answer.render.line import Line, joined, mark
from hogwalk.answer.render.table import PLAIN, Look, wrapped
from hogwalk.answer.report.document import Report

COLUMNS = 100
LETTERS = "HABCDEFGIJKLMNOPQRSTUV"  # third parties: the hog is H; more of them share the last letter
SYSTEM, NOBODY, NO_FRAME = "w", "?", "."


def ruler(report: Report, look: Look = PLAIN) -> Iterator[Line]:
    """The ruler, newest frame to the left, and its legend; nothing without frames or room."""
    if not report.frames or report.region.size < COLUMNS or look.width < COLUMNS:
        return
    letters = _letters(report)
    columns = _columns(report, letters)
    yield joined([mark(run, {"H": "hog", NO_FRAME: "empty"}.get(run[0], "")) for run in _runs(columns)])
    named: Dict[str, List[str]] = {}
    for use in report.products:
        named.setdefault(letters.get(use.product.name, NOBODY), []).append(use.product.name)
    legend = [f"{letter} {', '.join(names[:2])}{', ..' if len(names) > 2 else ''}" for letter, names in named.items()]
    yield from wrapped("", "; ".join([*legend, f"{NO_FRAME} no frame"]), look.prose)


def _letters(report: Report) -> Dict[str, str]:
    hog = report.hog.product.name if report.hog is not None else ""
    others = [use.product.name for use in report.products if not use.product.system or use.product.name == hog]
    others.sort(key=lambda name: name != hog)
    found = {name: LETTERS[min(at, len(LETTERS) - 1)] for at, name in enumerate(others)}
    return {**{use.product.name: SYSTEM for use in report.system}, **found}


def _columns(report: Report, letters: Dict[str, str]) -> str:
    region, word = report.region, report.about.words.word
    owned = {use.share.name: use.product.name for use in report.modules}
    held: List[Dict[str, float]] = [{} for _ in range(COLUMNS)]
    for frame in report.frames:
        end = frame.top(word) - region.limit
        letter = letters.get(owned.get(module_of(frame), ""), NOBODY)
        _spread(held, letter, (end - (frame.bytes or 0)) * COLUMNS / region.size, end * COLUMNS / region.size)
    return "".join(_most(share) for share in held)


def _spread(held: List[Dict[str, float]], letter: str, start: float, end: float) -> None:
    for column in range(max(0, int(start)), min(COLUMNS, int(end) + 1)):
        part = min(end, column + 1) - max(start, column)
        if part > 0:
            held[column][letter] = held[column].get(letter, 0.0) + part


def _most(share: Dict[str, float]) -> str:
    free = 1.0 - sum(share.values())
    best = max(share, key=lambda letter: (share[letter], letter), default=NO_FRAME)
    return best if share.get(best, 0.0) >= free else NO_FRAME


def _runs(columns: str) -> List[str]:
    # One mark for a run of the same letter, not one for each: markup is counted in a write's length.
    runs: List[str] = []
    for letter in columns:
        if runs and runs[-1][0] == letter:
            runs[-1] += letter
        else:
            runs.append(letter)
    return runs
