"""The verdict: each clause from its records, a branch for what is missing, seven lines for StackHog."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import List, Optional, Sequence

import pytest

from hogwalk.answer.render.charge import render_charge
from hogwalk.answer.render.json_report import to_json
from hogwalk.answer.render.triage import render
from hogwalk.answer.render.verdict import MOST_LINES, verdict
from hogwalk.answer.report.document import ProductUse, Report
from hogwalk.answer.report.fault import cycle_price
from hogwalk.model import RECORDED_STACK, PrintedWalk, Registers, Version
from hogwalk.walk.rebuild.confidence import Confidence
from tests.cli.running import STACKHOG, hogwalk
from tests.page.reports import stackhog
from tests.stackhog import DEMO, ROOT


def text(report: Report) -> str:
    return " ".join(verdict(report, stackhog()[1][0][1]))


def dated(*versions: Optional[Version]) -> Report:
    """StackHog's report with these versions of the hog's five files, the last for all that are left."""
    report = stackhog()[0]
    hogs = [use for use in report.modules if not use.product.system]
    given = dict(zip([use.share.name for use in hogs], [*versions, *[versions[-1]] * len(hogs)]))
    modules = [replace(use, version=given.get(use.share.name, use.version)) for use in report.modules]
    return replace(report, modules=tuple(modules))


def at(sp: Optional[int]) -> Report:
    """StackHog's report with ESP there, or without registers."""
    return replace(stackhog()[0], registers=None if sp is None else Registers(0, sp, 0, "drawn"))


def test_stackhog_in_few_lines() -> None:
    report, anatomy = stackhog()
    lines = verdict(report, anatomy[0][1])
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= 100
    said = " ".join(lines)
    for words in (
        "12288 bytes overflowed: esp lies 48 bytes below Limit",
        "StackHog (Stack Hog Software, Inc.) holds 4496 bytes, 36.6 %",
        "A page fault inside nt!CcMapData",
        "MamaHog+0x422a, 708 bytes, 656 of them locals",
        "needs at most 7840 bytes and fits, 4448 left",
        "Ask Stack Hog Software, Inc. about these files, version 4.1.0.17 of 2007-01-08.",
    ):
        assert words in said, words


@pytest.mark.parametrize("door", [STACKHOG, (str(DEMO),), (str(ROOT / "fixtures/logs/stackhog.log"),)])
def test_at_every_door_it_is_few_lines_with_the_hog_s_files(door: Sequence[str]) -> None:
    lines = hogwalk(*door, "verdict").out.splitlines()
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= 100
    said = " ".join(lines)
    assert "StackHog (Stack Hog Software, Inc.) holds 4496 bytes" in said
    assert said.endswith("Ask Stack Hog Software, Inc. about these files, version 4.1.0.17 of 2007-01-08.")


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
    for words in ("%, in", "room for", "and fits"):
        assert words not in said
    shown = " ".join(render_charge(unbounded, None))
    assert "12336 bytes at least; Base is not known" in shown
    for words in ("would fit", "and fits"):
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
    for words in ("overflowed", "room for", "and fits", "would fit"):
        assert words not in said + shown


NEWER = Version("Stack Hog Software, Inc.", "StackHog", "", "5.0 (main.1)", 0x60000000)
UNDATED = replace(NEWER, linked=None)
BARE = Version("", "", "", "", 0x45A1C330)


@pytest.mark.parametrize(
    ("versions", "words"),
    [
        ([NEWER], "about these files, version 5.0 of 2021-01-14."),
        ([UNDATED], "about these files, version 5.0."),
        ([None], "about these files (version not known)."),
        ([BARE], "about these files of 2007-01-08 (version not known)."),
        (
            [NEWER, BARE],
            "about BossHog01, version 5.0 of 2021-01-14; MamaHog, BossHog, BabyHog, daddyHog of 2007-01",
        ),
    ],
)
def test_what_to_ask_the_vendor_about(versions: List[Optional[Version]], words: str) -> None:
    assert f"Ask Stack Hog Software, Inc. {words}" in text(dated(*versions))


def test_a_hog_that_is_one_file_is_named_once() -> None:
    report = dated(NEWER)
    use = next(use for use in report.modules if use.share.name == "MamaHog")
    product = replace(use.product, name="MamaHog", company="", modules=("MamaHog",), known=False)
    alone = replace(report, products=(ProductUse(product, use.share), *report.system))
    said = text(alone)
    assert "MamaHog holds 1292 bytes, 10.5 %, in 5 frames; Windows itself" in said
    assert "Ask its vendor about MamaHog, version 5.0 of 2021-01-14." in said


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
