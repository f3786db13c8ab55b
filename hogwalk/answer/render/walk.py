"""The walk row by row, as kf prints it, with module totals under it; and the candidates."""

from __future__ import annotations

from typing import Iterator, List, Sequence

from hogwalk.answer.render.line import Line, Link, frame_link, joined, mark, return_link
from hogwalk.answer.render.table import PLAIN, Look, cut, hexa, paragraphs, table, wrapped
from hogwalk.answer.render.triage import module_table, totals
from hogwalk.answer.report.document import Report
from hogwalk.machine.words import Words, shown
from hogwalk.model import Frame, Trust
from hogwalk.targets.parsers.kf import format_kf
from hogwalk.walk.kf.choose import frame_count
from hogwalk.walk.kf.rank import Candidate


def render_walk(report: Report, look: Look = PLAIN, why: bool = False) -> Iterator[str]:
    """The frames as kf rows with source and trust, then the rows left out, then totals.

    `why` puts under each row how likely the frame is, what speaks for and against it, and what kf makes of it.
    """
    if report.start is not None:
        yield from wrapped("Start", mark(report.start.command, link=Link(report.start.command)), look.prose)
    yield from _frames(report, look, why)
    rest = [row for walk in report.segments for row in walk.rest]
    for row in rest[:MOST_REST]:
        # Engines differ in their blanks, and so would what a triage of one dump prints.
        yield cut(f"left out: {' '.join(row.text.split())}", look.width)
    if len(rest) > MOST_REST:
        yield f"left out: {len(rest) - MOST_REST} more rows"
    for number, older in enumerate(report.older, 2):
        yield ""
        yield f"segment {number}: {shown(older.region.limit)}..{shown(older.region.base)}"
        yield from _frames(older, look, why)
    yield ""
    yield from module_table(report, look)
    yield ""
    yield from totals(report, look)
    yield from paragraphs((("Note", note) for note in report.notes), look)


def _frames(report: Report, look: Look, why: bool) -> Iterator[str]:
    heads = ["#", "Memory", report.about.words.frame_name, "RetAddr", "trust", "who", "function"]
    rows = [_row(number, frame, report.about.words) for number, frame in enumerate(report.frames)]
    if rows and look.width < len(f"{rows[0][2]}{rows[0][3]}") + OTHERS + NAME:
        # Sixteen digits twice leave no room for a name; the return address is in the next row's function.
        for row in [heads, *rows]:
            del row[3]
    lines = table(heads, rows, ("trust", "who", "function"), look.width)
    yield from _explained(report, lines, look) if why else lines


def _explained(report: Report, lines: Iterator[Line], look: Look) -> Iterator[str]:
    reasons = {one.return_slot: one.reason for one in report.comparison}
    yield next(lines)
    for line, frame, weight in zip(lines, report.frames, report.weights):
        yield line
        words = "found by kf alone"
        if weight is not None:
            words = f"{100 * weight.probability:.1f} % live: {'; '.join(weight.reasons)}"
        reason = reasons.get(frame.return_slot)
        yield from wrapped("", f"{words}; {reason}" if reason else words, look.prose)


SURENESS = {
    Trust.LINKED: "sure",
    Trust.CALL: "sure",
    Trust.TRAP: "trap",
    Trust.PLAIN: "unsure",
    Trust.UNREAD: "unsure",
    Trust.NONE: "wrong",
}
OTHERS, NAME = 33, 24  # columns of the table's other cells, and those that a function's name needs at least
MOST_REST = 8  # rows left out that are worth a look


def _row(number: int, frame: Frame, machine: Words) -> List[str]:
    memory = "" if frame.bytes is None else f"{frame.bytes:x}"
    name = frame.symbol.text() if frame.symbol is not None else f"0x{shown(frame.instruction)}"
    if frame.running:
        name = f"{name if frame.symbol is not None else 'an unknown function'} (running)"
    return [
        f"{number:02x}",
        memory,
        frame_link(frame.frame_ptr),
        return_link(frame, machine),
        mark(frame.trust.value, SURENESS[frame.trust]),
        frame.source.value,
        name,
    ]


def render_candidates(
    candidates: Sequence[Candidate], stack_bytes: int, count: int, look: Look = PLAIN
) -> Iterator[str]:
    """The best candidates, each with its kf line, its score and the findings behind it."""
    if not candidates:
        yield "no candidate: no word of this stack points further up in it with a code address after it"
        yield "`stack --all` shows every word; frames whose functions keep no EBP are found by `walk`"
    for number, candidate in enumerate(candidates[:count], 1):
        triple = candidate.triple
        yield (
            f"{number}. {hexa(triple.base_ptr)} {hexa(triple.stack_ptr)} {hexa(triple.instruction_ptr)}"
            f"  score {candidate.score}, {candidate.frames} frames, {candidate.bytes} bytes"
        )
        start = format_kf(triple, frame_count(stack_bytes))
        yield joined(["   ", mark(start, link=Link(start))])
        for finding in candidate.findings:
            yield cut(f"   {finding.points:+5d}  {finding.words}", look.width)
    left = len(candidates) - count
    if left > 0:
        yield f"({left} more; -n {len(candidates)} shows all)"
