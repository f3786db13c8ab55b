"""Overflow or not: one home, the same words in the triage, the verdict and the JSON document."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional

import pytest

from hogwalk.answer.render.json_report import document
from hogwalk.answer.render.triage import render
from hogwalk.answer.render.verdict import verdict
from hogwalk.answer.report.document import Report
from hogwalk.answer.report.fault import NEAR_LIMIT, depletion
from hogwalk.machine.windows import STACK_OVERFLOW
from hogwalk.model import RECORDED_STACK, BugCheck, Raised, Region, Registers
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


def raised(sp: Optional[int], access: Optional[int], **region: int) -> Report:
    made = report(sp)
    about = replace(made.about, kind="user dump")
    return replace(
        made, about=about, raised=Raised(STACK_OVERFLOW, access), access=access, region=Region(**spot(region))
    )


def spot(given: Dict[str, int]) -> Dict[str, Any]:
    return {"limit": LIMIT, "base": BASE, "thread": None, "source": "drawn", **given}


def test_the_exception_of_a_stack_that_cannot_grow_says_so_itself() -> None:
    found = depletion(raised(LIMIT + 0x1120, LIMIT + 8))
    assert (found.overflow, found.used, found.left) == (True, BASE - LIMIT - 0x1120, 0x1120)
    assert "c00000fd" in found.why
    made = raised(LIMIT + 0x1120, None)
    assert (depletion(made).overflow, depletion(made).left) == (True, None)
    assert "The stack overflowed: the exception is c00000fd" in " ".join(verdict(made))
    reserved = depletion(raised(LIMIT + 0x1120, None, reserved=LIMIT - 0x1000))
    assert reserved.left == 0x2120
    piece = replace(made, region=replace(made.region, source=RECORDED_STACK))
    assert depletion(piece).overflow is True
    other = replace(made, raised=Raised(0xC0000005, 4))
    assert depletion(other).overflow is None


@pytest.mark.parametrize(
    ("sp", "access", "overflow"),
    [
        (LIMIT + 0x100, None, False),  # a user stack's Limit is only what is committed
        (LIMIT + 0x100, LIMIT - 8, False),
        (LIMIT - 0x4000 + 0x3000, None, True),
        (LIMIT - 0x4000 + 0x3800, LIMIT - 0x4000 + 0x1FFC, True),
        (LIMIT + 0x100, LIMIT - 0x4000 - 8, True),  # past the guard page, in one go
    ],
)
def test_a_user_stack_ends_where_its_reservation_does(sp: int, access: Optional[int], overflow: bool) -> None:
    made = raised(sp, access, reserved=LIMIT - 0x4000)
    made = replace(made, raised=Raised(0xC0000005, access))
    found = depletion(made)
    assert (found.overflow, found.used, found.left) == (overflow, BASE - sp, sp - LIMIT + 0x4000)
    assert depletion(replace(made, region=replace(made.region, reserved=None), access=None)).overflow is None


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
