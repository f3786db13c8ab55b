"""What is printed: ASCII, at most 100 columns, sums that come out, every row accounted for."""

from __future__ import annotations

import re
from typing import Iterable, List, Tuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hogwalk.analysis import Run
from hogwalk.answer.render.stack import render_stack
from hogwalk.answer.render.table import WIDTH, cut, percent, table, wrapped
from hogwalk.answer.render.triage import function_table, module_table, product_table, render, totals
from hogwalk.answer.render.walk import render_candidates, render_walk
from hogwalk.answer.report.document import Report
from hogwalk.app.cli.commands import COMMANDS
from hogwalk.errors import BadInput, NothingFound
from hogwalk.model import BugCheck, Version
from hogwalk.walk.evidence import Request, gather
from tests.core.scenes import BASE, LIMIT, machine, report_of, silent, usual_stack, with_processor
from tests.core.strategies import Parts, holes, stack_parts, stack_words
from tests.drawn import Code, DrawnTarget

SCENE = machine()
SUM = re.compile(r"Sum +(\d+) walked \+ (\d+) in gaps = (\d+) = Base - Limit")


def printed(report: Report) -> List[str]:
    """Everything that is ever printed of a report."""
    parts: Tuple[Iterable[str], ...] = (
        render(report),
        render_walk(report),
        render_candidates(report.candidates, report.region.size, 20),
        module_table(report),
        product_table(report),
        function_table(report),
    )
    return [line for part in parts for line in part]


def assert_fits(lines: Iterable[str]) -> None:
    for line in lines:
        assert len(line) <= WIDTH == 100, line
        assert line.isascii(), line
        assert "\n" not in line
        assert line == line.rstrip()


def assert_sum_is_right(report: Report) -> None:
    found = SUM.search("\n".join(totals(report)))
    assert found is not None
    walked, gaps, whole = (int(group) for group in found.groups())
    assert walked == sum(frame.bytes or 0 for frame in report.frames)
    assert gaps == sum(gap.bytes for gap in report.gaps)
    assert walked + gaps == whole == report.region.size


@given(parts=stack_parts(LIMIT, BASE, SCENE), gone=holes(LIMIT, BASE))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_report_fits_and_adds_up(parts: Parts, gone: List[Tuple[int, int]]) -> None:
    SCENE.target.put_words(LIMIT, *stack_words(parts, LIMIT, BASE))
    for start, end in gone:
        SCENE.target.forget(start, end)
    try:
        evidence = gather(SCENE.target, Request(LIMIT, BASE), silent)
        assert_fits(render_stack(evidence, {}, True))
        report = report_of(SCENE.target, Request(LIMIT, BASE))
    except (NothingFound, BadInput):
        return
    assert_fits(printed(report))
    assert_sum_is_right(report)


@given(
    names=st.lists(st.text("aZ_@?$<>: ", min_size=1, max_size=300), min_size=24, max_size=24),
    company=st.text(max_size=200),
    product=st.text(max_size=200),
    module=st.text("ab_.", min_size=1, max_size=120),
)
@settings(max_examples=40, deadline=None)
def test_any_names_fit(names: List[str], company: str, product: str, module: str) -> None:
    scene = machine()
    usual_stack(scene)
    scene.hog.name = module
    scene.hog.functions = dict(zip(scene.hog.functions, names))
    scene.target.version_data[module] = Version(company, product, "", "")
    report = report_of(scene.target)
    assert_fits(printed(report))
    assert_sum_is_right(report)


def test_the_triage_names_what_the_user_asked_for() -> None:
    scene = machine(bugcheck=BugCheck(0x7F, (8, 0x80042000, 0, 0)))
    usual_stack(scene)
    with_processor(scene.target, LIMIT, BASE, (scene.nt_ring[0], LIMIT - 0x30, LIMIT + 0x10))
    report = report_of(scene.target)
    text = "\n".join(render(report))
    assert_fits(text.split("\n"))
    assert report.start is not None
    for expected in (
        "kernel dump, x86, drawn.dmp",
        "7F (8, 80042000, 0, 0): EXCEPTION_DOUBLE_FAULT",
        "Limit b8ae6000 Base b8ae9000: 12288 bytes",
        "48 bytes below Limit",
        report.start.command,
        "Drawn Filter (Drawn Software, Inc.): 1536 bytes, 12.5 % of the stack",
    ):
        assert expected in text
    if report.confidence is not None:
        assert report.confidence.low <= 1536 <= report.confidence.high


def test_many_modules_are_twelve_rows_with_the_rest_in_one() -> None:
    target, modules = many_modules(20)
    report = report_of(target, Request(LIMIT, BASE))
    rows = list(module_table(report))[1:]
    assert len(modules) == len(report.modules) == 20
    assert len(rows) == 12
    assert "(9 more)" in rows[-1]
    assert sum(int(row.split()[0]) for row in rows) == report.walked
    assert_fits(printed(report))


def many_modules(count: int) -> Tuple[DrawnTarget, List[Code]]:
    """A chain through that many modules, each calling on through a register."""
    target = DrawnTarget()
    modules = [Code(f"module{number}", 0xB0000000 + 0x10000 * number) for number in range(count)]
    for number, module in enumerate(modules):
        slot = LIMIT + 0x40 * number
        module.function(0x1000, "Dispatch")
        target.put_words(slot, slot + 0x40, module.call_register(0x1020))
        target.load(module)
    target.put_words(LIMIT + 0x40 * count, 0, modules[0].start + 0x1020)
    target.put(BASE - 4, bytes(4))
    target.put(LIMIT + 0x1000, bytes(0x1000))
    return target, modules


def test_walk_prints_every_frame_and_the_rows_left_out() -> None:
    scene = machine()
    usual_stack(scene)
    scene.target.put_words(LIMIT + 0x80 + 0xB00, 0x0335E534)
    scene.target.put_words(0x0335E534, 0, 0)
    report = report_of(scene.target)
    lines = list(render_walk(report))
    assert_fits(lines)
    for number, frame in enumerate(report.frames):
        assert any(line.startswith(f"{number:02x}  ") and f"{frame.return_address:08x}" in line for line in lines)
    assert sum("left out: " in line and "0335e534" in line for line in lines) == 1


def test_a_line_of_kf_that_cannot_be_read_is_shown_and_counted() -> None:
    scene = machine()
    usual_stack(scene)
    walker = scene.target.walker
    scene.target.walker = lambda *asked: walker(*asked) + "a new kind of line\n"
    report = report_of(scene.target)
    for lines in (render(report), render_walk(report)):
        assert any("a new kind of line" in line for line in lines)


def test_stack_prints_what_matters_and_counts_the_rest() -> None:
    scene = machine()
    usual_stack(scene)
    evidence = gather(scene.target, Request(), silent)
    short, full = list(render_stack(evidence, {}, False)), list(render_stack(evidence, {}, True))
    assert len(full) == 1 + 12288 // 4
    assert len(short) == 2 + 24 - 1  # head and tail; 11 links and 12 return addresses; the last saved EBP is 0
    left_out = int(short[-1].split()[0])
    assert left_out == len(full) - 1 - (len(short) - 2)
    assert any("return " in line and "hog!Ring23+0x20" in line for line in short)


def test_every_command_prints_fitting_lines() -> None:
    import argparse

    scene = machine()
    usual_stack(scene)
    run = Run(scene.target, Request(), None, silent)
    options = argparse.Namespace(all=False, n=3, by="function", which="#1", json=None, without=None, why=True)
    for name, command in COMMANDS.items():
        if name == "heal":  # for a real debugger only
            continue
        lines = list(command(run, options))
        assert lines, name
        assert_fits(lines)


def test_small_helpers() -> None:
    assert percent(1, 3) == "33.3"
    assert percent(1, 0) == "0.0"
    assert cut("a" * 30, 10) == "aaaaa..aaa"
    assert cut("short", 10) == "short"
    assert len(cut("x" * 500, 100)) == 100
    assert list(table(("n", "name"), [["1", "a"], ["22", "bb"]], ("name",))) == [" n  name", " 1  a", "22  bb"]
    assert list(wrapped("Label", "word " * 30))[1].startswith(" " * 11 + "word")
