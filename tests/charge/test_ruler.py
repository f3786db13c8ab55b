"""The ruler: a hundred columns that stand for the stack, and letters that its legend names."""

from __future__ import annotations

from dataclasses import replace

from hogwalk.answer.render.ruler import COLUMNS, ruler
from hogwalk.answer.render.table import Look
from tests.page.reports import hostile, many, stackhog


def test_stackhog_s_columns_are_its_shares() -> None:
    report, _ = stackhog()
    line, *legend = ruler(report)
    assert len(line) == COLUMNS
    text = " ".join(" ".join(legend).split())
    assert "H StackHog" in text
    assert "w Microsoft(R) Windows(R) Operating System" in text
    hog = report.hog
    assert hog is not None
    assert abs(line.count("H") - 100 * hog.share.bytes / report.region.size) <= 6
    assert line.startswith("w")  # the function that runs reaches down to Limit
    assert line.endswith(".")  # below the last frame


def test_nothing_to_measure_gives_no_ruler() -> None:
    report, _ = stackhog()
    assert list(ruler(replace(report, frames=()))) == []
    assert list(ruler(report, Look(60))) == []


def test_it_is_a_hundred_columns_for_any_report() -> None:
    for report in (many(2000), hostile()):
        assert len(next(ruler(report))) == COLUMNS
