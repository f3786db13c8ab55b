"""kf's walk and hogwalk's own side by side."""

from __future__ import annotations

from collections import Counter
from typing import Dict, Iterator, List, Optional

from hogwalk.answer.render.line import return_link, words_link
from hogwalk.answer.render.table import PLAIN, Look, counted, cut, table, wrapped
from hogwalk.answer.report.document import Report
from hogwalk.machine.words import Words, shown
from hogwalk.model import Frame
from hogwalk.walk.merge.compare import LOST, NO_CODE, NO_EBP, Difference

MOST_DROPPED = 6


def render_compare(report: Report, every: bool, look: Look = PLAIN) -> Iterator[str]:
    """One row for each difference (for each return slot when `every`), and the sum of it."""
    if not report.tried:
        yield from wrapped(
            "Compare",
            "no debugger walked this stack: there is hogwalk's own walk alone (`walk` shows it)",
            look.prose,
        )
        return
    agreed = sum(1 for one in report.comparison if not one.reason)
    differing = [one for one in report.comparison if one.reason]
    chosen = report.comparison if every else differing
    if chosen:
        heads = ("slot", "RetAddr", "kf", "hogwalk", "live", "why")
        rows = [_row(one, report.about.words) for one in chosen]
        yield from table(heads, rows, ("kf", "hogwalk", "why"), look.width)
        yield ""
    words = f"{counted(agreed, 'return slot')} in both walks, {len(differing)} in one of them only"
    yield from wrapped("Agreed", words, look.prose)
    yield from _skipped(Counter(one.reason for one in differing), look)
    for dropped in report.dropped[:MOST_DROPPED]:
        words = f"kf's row {shown(dropped.frame_ptr or 0)} {cut(_name(dropped), 60)}: in none of the sums"
        yield from wrapped("Dropped", words, look.prose)
    if len(report.dropped) > MOST_DROPPED:
        yield from wrapped("", f"and {len(report.dropped) - MOST_DROPPED} more", look.prose)


def _skipped(reasons: Dict[str, int], look: Look) -> Iterator[str]:
    """Why kf went past live frames."""
    told = {
        NO_EBP: "in functions that keep no EBP",
        NO_CODE: "in code that cannot be read",
        LOST: "because it had lost its way at a newer one",
    }
    parts = [f"{reasons[reason]} {text}" for reason, text in told.items() if reasons.get(reason)]
    if parts:
        count = sum(reasons.get(reason, 0) for reason in told)
        yield from wrapped("Skipped", f"kf skipped {counted(count, 'frame')}: {', '.join(parts)}", look.prose)


def _row(one: Difference, machine: Words) -> List[str]:
    frame = one.kf or one.own
    back = return_link(frame, machine) if frame is not None else ""
    live = "" if one.probability is None else f"{100 * one.probability:.0f}%"
    return [words_link(one.return_slot, machine), back, _name(one.kf), _name(one.own), live, one.reason]


def _name(frame: Optional[Frame]) -> str:
    if frame is None:
        return "-"
    return frame.symbol.text() if frame.symbol is not None else f"0x{shown(frame.instruction)}"
