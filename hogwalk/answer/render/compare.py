"""kf's walk and hogwalk's own side by side."""

from __future__ import annotations

from collections import Counter
from typing import Dict, Iterator, List, Optional

from hogwalk.answer.render.table import cut, table, wrapped
from hogwalk.answer.report.document import Report
from hogwalk.machine.words import shown
from hogwalk.model import Frame
from hogwalk.walk.merge.compare import LOST, NO_CODE, NO_EBP, Difference

NAME = 26  # columns of a function's name
MOST_DROPPED = 6


def render_compare(report: Report, every: bool) -> Iterator[str]:
    """One row for each difference (for each return slot when `every`), and the sum of it."""
    if not report.tried:
        yield from wrapped(
            "Compare", "no debugger walked this stack: there is hogwalk's own walk alone (`walk` shows it)"
        )
        if not every:
            return
    agreed = sum(1 for one in report.comparison if not one.reason)
    differing = [one for one in report.comparison if one.reason]
    chosen = report.comparison if every else differing
    if chosen:
        heads = ("slot", "RetAddr", "kf", "hogwalk", "live", "why")
        yield from table(heads, [_row(one) for one in chosen], ("kf", "hogwalk", "why"))
        yield ""
    yield from wrapped("Agreed", f"{agreed} return slots in both walks, {len(differing)} in one of them only")
    yield from _skipped(Counter(one.reason for one in differing))
    for dropped in report.dropped[:MOST_DROPPED]:
        yield from wrapped("Dropped", f"kf's row {shown(dropped.frame_ptr or 0)} {_name(dropped)}: in none of the sums")
    if len(report.dropped) > MOST_DROPPED:
        yield from wrapped("", f"and {len(report.dropped) - MOST_DROPPED} more")


def _skipped(reasons: Dict[str, int]) -> Iterator[str]:
    """Why kf went past live frames."""
    told = {
        NO_EBP: "in functions that keep no EBP",
        NO_CODE: "in code that cannot be read",
        LOST: "because it had lost its way at a newer one",
    }
    parts = [f"{reasons[reason]} {text}" for reason, text in told.items() if reasons.get(reason)]
    if parts:
        count = sum(reasons.get(reason, 0) for reason in told)
        yield from wrapped("Skipped", f"kf skipped {count} frames: {', '.join(parts)}")


def _row(one: Difference) -> List[str]:
    frame = one.kf or one.own
    address = frame.return_address if frame is not None else 0
    live = "" if one.probability is None else f"{100 * one.probability:.0f}%"
    return [shown(one.return_slot), shown(address), _name(one.kf), _name(one.own), live, one.reason]


def _name(frame: Optional[Frame]) -> str:
    if frame is None:
        return "-"
    name = frame.symbol.text() if frame.symbol is not None else f"0x{shown(frame.instruction)}"
    return cut(name, NAME)
