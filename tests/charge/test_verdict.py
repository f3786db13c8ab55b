"""The verdict: each clause from its records, a branch for what is missing, seven lines for StackHog."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Optional

import pytest

from hogwalk.answer.render.charge import render_charge
from hogwalk.answer.render.json_report import to_json
from hogwalk.answer.render.triage import render
from hogwalk.answer.render.verdict import MOST_LINES, verdict
from hogwalk.answer.report.document import Report
from hogwalk.answer.report.fault import cycle_price
from hogwalk.model import RECORDED_STACK, PrintedWalk, Registers, Version
from hogwalk.walk.rebuild.confidence import Confidence
from tests.page.reports import stackhog

SERVICE = Version("Stack Hog Software, Inc.", "StackHog", "", "4.1.0.17")


def text(report: Report, version: Optional[Version] = SERVICE) -> str:
    return " ".join(verdict(report, stackhog()[1][0][1], [("BossHog01", version), ("MamaHog", version)]))


def at(sp: Optional[int]) -> Report:
    """StackHog's report with ESP there, or without registers."""
    return replace(stackhog()[0], registers=None if sp is None else Registers(0, sp, 0, "drawn"))


def test_stackhog_in_seven_lines() -> None:
    report, anatomy = stackhog()
    lines = verdict(report, anatomy[0][1], [(name, SERVICE) for name in ("BossHog01", "MamaHog")])
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= 100
    said = " ".join(lines)
    for words in (
        "12288 bytes overflowed: esp lies 48 bytes below Limit",
        "StackHog (Stack Hog Software, Inc.) holds 4496 bytes, 36.6 %",
        "A page fault inside nt!CcMapData",
        "MamaHog+0x422a with 708 bytes, 656 of them locals",
        "needs at most 7840 bytes and fits with 4448 left",
        "Ask Stack Hog Software, Inc. about BossHog01, MamaHog 4.1.0.17",
    ):
        assert words in said, words


@pytest.mark.parametrize(
    ("sp", "words"),
    [
        (0xB8AE5FD0, "overflowed: esp lies 48 bytes below Limit"),
        (0xB8AE6100, "of 12288 bytes overflowed: 256 bytes were left"),
        (0xB8AE7000, "This is no stack overflow: 8192 of 12288 bytes used, 4096 left"),
        (None, "whether it overflowed is not known: no registers of this stack are known"),
        (0xB8A68000, "of 12288 bytes is not depleted, its pointer is off it: esp b8a68000 lies outside Limit..Base"),
        (0xB8B00000, "of 12288 bytes is not depleted, its pointer is off it"),
    ],
)
def test_what_died(sp: Optional[int], words: str) -> None:
    assert words in text(at(sp))


def test_of_a_stack_whose_base_is_not_known_no_share_and_no_room_is_stated() -> None:
    report = stackhog()[0]
    table = PrintedWalk("kf", None, report.region, (), (), (), (), bounded=False)
    unbounded = replace(report, printed=table)
    said = text(unbounded)
    assert "The kernel stack holds at least 12336 bytes; its Base is not known" in said
    for words in ("%, in", "room for", "fits with"):
        assert words not in said
    shown = " ".join(render_charge(unbounded, None))
    assert "12336 bytes at least; Base is not known" in shown
    for words in ("would fit", "fits with"):
        assert words not in shown


@pytest.mark.parametrize("sp", [0xB8AE5FD0, 0xB8AE6100, 0xB8A68000, None])
def test_every_view_has_the_same_room_for_a_cycle(sp: Optional[int]) -> None:
    report = at(sp)
    cost = cycle_price(report)
    assert cost is not None
    assert f"room for {cost.fit}." in text(report)
    triage = " ".join(" ".join(render(report)).split())
    assert f"{cost.fit} turn{'s' * (cost.fit != 1)} would fit" in triage
    assert f"on the stack, {cost.fit} would fit" in " ".join(render_charge(report, None))
    assert json.loads(to_json(report))["recursion"]["turns_that_fit"] == cost.fit


def test_without_registers_nothing_is_said_of_what_would_fit() -> None:
    assert "Without StackHog" not in text(at(None))


def test_how_sure() -> None:
    report, _ = stackhog()
    for chance, words in ((0.999, "over 99 % sure"), (0.95, "95 % sure"), (0.7, "too little to accuse anyone")):
        assert words in text(replace(report, confidence=Confidence("StackHog", chance, 4400, 4500)))
    assert "% sure" not in text(replace(report, confidence=None))
    assert "Ask " not in text(replace(report, confidence=Confidence("StackHog", 0.7, 4400, 4500)))


def test_a_stack_that_a_dump_has_only_from_its_pointer_on_did_not_overflow_for_that() -> None:
    report = at(stackhog()[0].region.limit)
    report = replace(report, region=replace(report.region, source=RECORDED_STACK))
    said = text(report)
    assert "holds 12288 bytes; the dump has it from its pointer on, its Limit is not known" in said
    shown = " ".join(render_charge(report, None))
    assert "12288 bytes; Limit is not known" in shown
    for words in ("overflowed", "room for", "fits with", "would fit"):
        assert words not in said + shown


def test_a_file_without_version_is_said_to_have_none() -> None:
    assert "BossHog01, MamaHog (no file version)" in text(stackhog()[0], None)


def test_without_a_cycle_the_fault_is_still_said() -> None:
    said = text(replace(stackhog()[0], cycle=None))
    assert "A page fault inside nt!CcMapData is on the path." in said
    assert "are on it" not in said


def test_a_stack_of_windows_alone_accuses_nobody() -> None:
    report, _ = stackhog()
    said = text(replace(report, products=report.system))
    assert "Only Windows' own frames are on it" in said
    assert "Ask " not in said
    assert text(replace(report, products=())).count("No frame could be charged") == 1
