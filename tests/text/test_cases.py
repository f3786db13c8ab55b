"""Stack texts as people paste them (fixtures/texts: invented names and numbers), with the right values by hand."""

from __future__ import annotations

import contextlib
import json
from io import BytesIO
from pathlib import Path
from typing import Any, Dict, Sequence

import pytest

from hogwalk.analysis import Run
from hogwalk.answer.report.document import Report
from hogwalk.errors import HogwalkError
from hogwalk.targets.text import open_text
from hogwalk.walk.evidence import Request
from hogwalk.walk.facts.gaps import BETWEEN
from tests.cli.running import hogwalk

KF = Path(__file__).parents[2] / "fixtures" / "kf"
LARGEST = 1 << 24  # bytes: rows further apart lie on two stacks
CASES = Path(__file__).parents[2] / "fixtures" / "texts"
EXPECTED: Dict[str, Dict[str, Any]] = json.loads((CASES / "expected.json").read_text("utf-8"))
SUMMED = sorted(name for name, right in EXPECTED.items() if "modules" in right)


def report(name: str) -> Report:
    target = open_text(str(CASES / f"{name}.txt"), lambda _: None)
    return Run(target, Request(), None, lambda _: None).report()


def test_every_text_has_its_right_values() -> None:
    assert {path.stem for path in CASES.glob("*.txt")} == set(EXPECTED)
    assert len(SUMMED) > 25


@pytest.mark.parametrize("name", SUMMED)
def test_bytes_by_module_are_right_and_no_row_is_lost(name: str) -> None:
    right, found = EXPECTED[name], report(name)
    sums = {use.share.name: use.share.bytes for use in found.modules if use.share.bytes}
    # A table's first frame has no bytes by itself: what the reconstruction knows of it comes on top.
    running = [frame for frame in found.frames if frame.running and frame.bytes and frame.symbol is not None]
    for frame in running if sums != right["modules"] else ():
        assert frame.symbol is not None
        sums[frame.symbol.module] -= frame.bytes or 0
    assert {module: count for module, count in sums.items() if count} == right["modules"]
    if "frames" in right:
        assert len(found.frames) == right["frames"]
    if "limit" in right:
        assert (f"{found.region.limit:08x}", f"{found.region.base:08x}") == (right["limit"], right["base"])


@pytest.mark.parametrize("name", sorted(name for name, right in EXPECTED.items() if "hog" in right))
def test_the_hog_is_named_with_its_bytes(name: str) -> None:
    hog, count = EXPECTED[name]["hog"]
    verdict = hogwalk(str(CASES / f"{name}.txt"), "triage").out
    line = next(line for line in verdict.splitlines() if line.startswith("Hog "))
    assert hog in line
    assert f"{count} bytes" in line


@pytest.mark.parametrize("name", sorted(name for name, right in EXPECTED.items() if "refused" in right))
def test_what_cannot_be_summed_is_named(name: str) -> None:
    ended = hogwalk(str(CASES / f"{name}.txt"))
    assert EXPECTED[name]["refused"] in ended.out + ended.errors
    assert "Traceback" not in ended.errors


def test_no_word_of_a_live_dps_is_lost() -> None:
    for name, right in EXPECTED.items():
        if "words" in right:
            found = report(name)
            assert found.region.size == 4 * right["words"]


def test_a_stray_stack_pointer_is_no_depleted_stack() -> None:
    for name, right in EXPECTED.items():
        if "verdict_lacks" in right:
            with_it = hogwalk(str(CASES / f"{name}.txt"), "verdict")
            assert right["verdict_lacks"] not in with_it.out


def test_a_cut_text_is_answered_or_refused() -> None:
    raw = (CASES / "01-plain-kf.txt").read_bytes()
    for end in range(1, len(raw), len(raw) // 40):
        with contextlib.suppress(HogwalkError):
            found = Run(open_text(BytesIO(raw[:end]), lambda _: None), Request(), None, lambda _: None).report()
            assert len(found.frames) <= EXPECTED["01-plain-kf"]["frames"]


def own_sum(rows: Sequence[Dict[str, Any]]) -> int:
    """What a table's rows say themselves: each one's Memory, else its distance to the row before on the same stack."""
    total, newer = 0, None
    for row in rows:
        here = int(row["frame_ptr"], 16) if row.get("frame_ptr") else None
        if newer is not None and here is not None and 0 < here - newer < LARGEST:
            total += int(row["memory"], 16) if row.get("memory") else here - newer
        newer = here if here is not None else newer
    return total


@pytest.mark.parametrize("name", ["walkthrough", *(path.stem for path in sorted(KF.glob("*-x86-*.json")))])
def test_a_pasted_table_has_its_own_sum(name: str) -> None:
    rows = json.loads((KF / f"{name}.json").read_text("utf-8"))["rows"]
    found = Run(open_text(str(KF / f"{name}.txt"), lambda _: None), Request(), None, lambda _: None).report()
    walked = sum(frame.bytes or 0 for frame in found.frames)
    left_out = sum(one.bytes for one in found.gaps if one.why == BETWEEN)
    assert walked + left_out == own_sum(rows)
