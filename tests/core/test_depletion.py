"""Overflow or not: one home, the same words in the triage, the verdict and the JSON document."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import pytest

from hogwalk.answer.render.json_report import document
from hogwalk.answer.render.triage import render
from hogwalk.answer.render.verdict import verdict
from hogwalk.answer.report.document import Report
from hogwalk.answer.report.fault import NEAR_LIMIT, depletion
from hogwalk.model import BugCheck, Registers
from hogwalk.walk.facts.faults import SLACK
from tests.core.scenes import BASE, LIMIT, machine, report_of, usual_stack

ABOVE_FRAMES = 0x88  # of the usual stack's first return slot's end: all that can be left where no pointer tells


def report(sp: Optional[int], chosen: bool = False, bugcheck: Optional[BugCheck] = None) -> Report:
    scene = machine(bugcheck=bugcheck)
    usual_stack(scene)
    made = report_of(scene.target)
    return replace(made, registers=None if sp is None else Registers(1, sp, 0, "drawn", chosen))


def joined(made: Report) -> str:
    return " ".join(" ".join(map(str, render(made))).split())


@pytest.mark.parametrize(
    ("sp", "overflow", "left"),
    [
        (LIMIT - SLACK - 4, False, ABOVE_FRAMES),
        (LIMIT - SLACK, True, -SLACK),
        (LIMIT - 4, True, -4),
        (LIMIT, True, 0),
        (LIMIT + NEAR_LIMIT - 4, True, NEAR_LIMIT - 4),
        (LIMIT + NEAR_LIMIT, False, NEAR_LIMIT),
        (BASE - 4, False, BASE - LIMIT - 4),
        (BASE, False, ABOVE_FRAMES),
        (None, None, ABOVE_FRAMES),
    ],
)
def test_where_the_pointer_stands_decides(sp: Optional[int], overflow: Optional[bool], left: Optional[int]) -> None:
    made = report(sp)
    found = depletion(made)
    assert (found.overflow, found.left) == (overflow, left)
    assert found.used == (None if left is None else BASE - LIMIT - left)
    assert document(made)["overflow"] == found._asdict()
    assert found.why in joined(made)
    said = " ".join(verdict(made))
    denied = "no stack overflow" in said or "is not the one in use" in said
    assert ("overflowed:" in said, denied) == (overflow is True, overflow is False)


def test_a_healthy_stack_gets_used_and_left() -> None:
    assert "Overflow no, not an overflow: 8192 of 12288 bytes used, 4096 left" in joined(report(LIMIT + 0x1000))


def test_a_double_fault_is_called_depleted_only_where_its_pointer_does_not_deny_it() -> None:
    double = BugCheck(0x7F, (8, 0, 0, 0))
    assert "usual end of a depleted" in joined(report(LIMIT - 4, bugcheck=double))
    assert "usual end of a depleted" in joined(report(None, bugcheck=double))
    assert "bug check 7F (8) points to one" in joined(report(None, bugcheck=double))
    assert "the stack is not depleted, its pointer is off it" in joined(report(BASE, bugcheck=double))
    assert "the stack is not depleted Fault" in joined(report(LIMIT + 0x1000, bugcheck=double))


def test_an_older_context_that_the_user_set_denies_no_overflow() -> None:
    found = depletion(report(LIMIT + 0x1000, chosen=True))
    assert (found.overflow, found.used, found.left) == (None, 0x2000, 0x1000)
    assert depletion(report(LIMIT - 4, chosen=True)).overflow is True
