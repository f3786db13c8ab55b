"""The x64 lab: walks of generated dumps against their truth, by the own reader."""

from __future__ import annotations

import io
import json
import shutil
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from hogwalk.__main__ import main
from hogwalk.answer.charge.books import module_of
from hogwalk.targets.dump import open_dump
from hogwalk.targets.text import open_text
from hogwalk.walk.evidence import Evidence, Request, gather
from hogwalk.walk.facts.segments import older_segments
from hogwalk.walk.rebuild.walk import Rebuilt
from hogwalk.walk.unwound import rebuild
from tests.lab64.build import build
from tests.lab64.case import Case, case, score
from tests.lab64.log import fnent, kf, log
from tests.lab64.measure import own_walk
from tests.lab64.styles import STYLES

READABLE = ("bitmap", "sym", "nosym", "trap", "fp", "chain", "asm", "jit", "retcfg", "segment")
pytestmark = pytest.mark.skipif(
    not (shutil.which("clang") and shutil.which("lld-link")), reason="the lab needs clang and lld"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the cases are made."""
    return tmp_path_factory.mktemp("lab64")


def evidence(made: Case) -> Evidence:
    """What is known of a case's stack."""
    return gather(made.target(), Request(), lambda doing: None)


def pairs(found: Rebuilt) -> List[Tuple[int, str]]:
    """Return slots with the modules charged."""
    return [(frame.return_slot, module_of(frame) if frame.symbol is not None else "") for frame in found.frames]


@pytest.mark.parametrize("style", READABLE)
def test_readable_code_is_walked_whole(style: str, root: Path) -> None:
    made = case(style, 1, root)
    known = evidence(made)
    assert known.registers is not None
    assert (known.registers.ip, known.registers.sp) == (made.truth["fault"]["rip"], made.truth["fault"]["rsp"])
    found = score(made.truth, pairs(rebuild(known)))
    assert found.recall >= 0.998
    assert found.precision >= 0.995
    assert found.bytes_right >= 0.998
    assert found.right_hog


@pytest.mark.parametrize("style", ["trap", "fp", "asm", "segment"])
def test_a_walk_that_leaves_no_doubt_is_the_one_that_weighing_all_candidates_finds(
    style: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = evidence(case(style, 1, root))
    at_once = rebuild(known)
    monkeypatch.setattr("hogwalk.walk.unwound.walk.straight", lambda *given: None)
    weighed = rebuild(known)
    assert at_once.frames == weighed.frames
    assert at_once.onward == weighed.onward
    assert len(at_once.weighed.clued.nodes) < len(weighed.weighed.clued.nodes)


def test_overwritten_bytes_cost_only_the_frames_in_them(root: Path) -> None:
    made = case("wiped", 1, root)
    found = score(made.truth, pairs(rebuild(evidence(made))))
    assert found.recall >= 0.99


def document(made: Case, *arguments: str) -> Dict[str, Any]:
    """The JSON report of a case."""
    out = io.StringIO()
    with redirect_stdout(out):
        assert main([*arguments, "--json", "-z", str(made.dump), "-y", str(made.symbols)]) == 0
    found: Dict[str, Any] = json.loads(out.getvalue())
    return found


@pytest.mark.parametrize("style", ["sym", "trap"])
def test_the_report_adds_up_and_prints_64_bits(style: str, root: Path) -> None:
    made = case(style, 1, root)
    report = document(made, "walk")
    size = made.truth["base"] - made.truth["limit"]
    assert sum(frame["bytes"] or 0 for frame in report["frames"]) + sum(gap["bytes"] for gap in report["gaps"]) == size
    first = report["frames"][0]
    assert int(first["frame_ptr"], 16) == made.truth["fault"]["rsp"]
    assert int(first["return_slot"], 16) == made.truth["frames"][0]["slot"]
    assert int(report["frames"][1]["frame_ptr"], 16) == int(first["return_slot"], 16) + 8
    for newer, older in zip(report["frames"][1:], report["frames"][2:]):
        assert int(older["frame_ptr"], 16) == int(newer["frame_ptr"], 16) + newer["bytes"]
    handlers = [frame for frame in report["frames"] if frame["symbol"].startswith(("nt!KiPageFault", "nt!KiInterrupt"))]
    # A _KTRAP_FRAME each, and 8 bytes more where the processor had to align RSP.
    assert all(frame["bytes"] in (0x190, 0x198) for frame in handlers)


def test_older_segments_are_walked_and_summed(root: Path) -> None:
    made = case("segment", 1, root)
    report = document(made, "walk")
    (older,) = report["segments"]
    low, high = int(older["limit"], 16), int(older["base"], 16)
    truth = [frame for frame in made.truth["frames"] if low <= frame["slot"] < high]
    assert truth
    assert [int(frame["return_slot"], 16) for frame in older["frames"]] == [frame["slot"] for frame in truth]
    assert older["frames"][0]["symbol"] == "nt!KiSwitchKernelStackContinue"
    assert sum(frame["bytes"] for frame in older["frames"]) + sum(gap["bytes"] for gap in older["gaps"]) == high - low
    walked = sum(frame["bytes"] for frame in [*report["frames"], *older["frames"]])
    assert sum(module["bytes"] for module in report["modules_in_all_segments"]) == walked
    (thread,) = document(made, "threads")["threads"]
    size = made.truth["base"] - made.truth["limit"]
    assert thread["bytes"] == size + high - low
    assert thread["used"] == size + high - int(older["frames"][0]["frame_ptr"], 16)


@pytest.mark.parametrize(
    ("base", "limit"), [(0x50000, 0), (0x7FFE_0000_0000, 0x7FFD_FFFF_0000), (0xFFFFF880_0A006010, 0xFFFFF880_0A000010)]
)
def test_what_lies_at_the_start_of_a_stack_is_no_older_segment(base: int, limit: int, root: Path) -> None:
    made = case("segment", 1, root)
    target = made.target()
    region = evidence(made).region
    (older,) = older_segments(target, region)
    read = target.read

    def garbled(address: int, count: int) -> bytes:
        raw = read(address, count)
        words = ((older.region.base, base), (older.region.limit, limit))
        for was, now in words:
            raw = raw.replace(was.to_bytes(8, "little"), now.to_bytes(8, "little"))
        return raw

    target.read = garbled  # type: ignore[method-assign]
    assert older_segments(target, region) == []


@pytest.mark.parametrize(
    ("style", "recall", "precision"),
    [("dark2", 0.93, 0.88), ("dark4", 0.9, 0.8), ("unloaded", 0.95, 0.9), ("small", 0.8, 0.75)],
)
def test_missing_images_leave_most_frames(style: str, recall: float, precision: float, root: Path) -> None:
    scores = []
    for seed in (1, 2):
        made = case(style, seed, root)
        scores.append(score(made.truth, pairs(rebuild(evidence(made)))))
    assert sum(one.recall for one in scores) / len(scores) >= recall
    assert sum(one.precision for one in scores) / len(scores) >= precision


@pytest.mark.parametrize("seed", [1, 2])
def test_bitmap_dumps_of_both_pagings_open(seed: int, root: Path) -> None:
    made = case("bitmap", seed, root)
    known = evidence(made)
    assert (known.region.limit, known.region.base) == (made.truth["limit"], made.truth["base"])
    assert {module.name: module.start for module in known.modules.modules} == {
        module["name"]: module["base"] for module in made.truth["modules"]
    }
    assert score(made.truth, pairs(rebuild(known))).recall == 1.0


def test_images_given_beside_the_dump_take_the_place_of_those_not_in_it(root: Path, tmp_path: Path) -> None:
    made = case("dark4", 1, root)
    for image in build(STYLES["dark4"], 1):
        if image.name in made.truth["absent"]:
            shutil.copy(image.folder / image.file, tmp_path)
    known = gather(open_dump(str(made.dump), str(made.symbols), str(tmp_path)), Request(), lambda doing: None)
    found = score(made.truth, pairs(rebuild(known)))
    assert (found.recall, found.precision, found.right_hog) == (1.0, 1.0, True)


def test_a_shadow_stack_leaves_no_doubt(root: Path) -> None:
    made = case("shadow", 1, root)
    known = evidence(made)
    assert known.shadow
    found = score(made.truth, pairs(rebuild(known)))
    assert (found.recall, found.precision) == (1.0, 1.0)
    without = score(made.truth, pairs(rebuild(replace(known, shadow=frozenset()))))
    assert without.recall < 1.0 or without.precision < 1.0  # else this proves nothing


def test_what_is_stated_comes_true(root: Path) -> None:
    some = [own_walk(case(style, seed, root)) for style in ("dark2", "small") for seed in (1, 2)]
    high = [right for one in some for p, right in one.slots if p >= 0.95]
    assert len(high) > 100
    assert sum(high) / len(high) > 0.95
    assert sum(bool(one.covered) for one in some) >= 3


def test_an_unloaded_driver_is_charged_by_its_name(root: Path) -> None:
    report = document(case("unloaded", 1, root), "walk")
    (name,) = {frame["module"] for frame in report["frames"] if (frame["module"] or "").startswith("Unloaded_")}
    assert name in {f"Unloaded_{module}" for module in ("CryptFs", "AvFilter", "VolSnapX", "NetShim", "HookDrv")}


def pasted(text: str) -> Evidence:
    """What a log says."""
    return gather(open_text(io.BytesIO(text.encode())), Request(), lambda doing: None)


@pytest.mark.parametrize("code", [False, True])
def test_a_log_of_words_alone_is_walked_with_honest_doubt(code: bool, root: Path) -> None:
    made = case("nosym", 1, root)
    known = pasted(log(made, code))
    assert (known.region.limit, known.region.base) == (made.truth["limit"], made.truth["base"])
    found = rebuild(known)
    scored = score(made.truth, pairs(found))
    assert scored.recall >= 0.85
    assert scored.precision >= 0.7
    live = {frame["slot"] for frame in made.truth["frames"]}
    right = sum(frame.return_slot in live for frame in found.frames)
    assert abs(right - sum(found.probabilities)) <= 0.1 * len(found.frames)
    assert min(found.probabilities) < 0.9


@pytest.mark.parametrize("style", ["nosym", "fp"])
def test_a_log_with_unwind_data_is_walked_like_its_dump(style: str, root: Path) -> None:
    made = case(style, 1, root)
    without = score(made.truth, pairs(rebuild(pasted(log(made)))))
    found = score(made.truth, pairs(rebuild(pasted(log(made) + fnent(made)))))
    assert min(found.recall, found.precision) >= 0.93
    assert found.right_hog
    assert found.recall + found.precision > without.recall + without.precision


def test_words_without_symbols_are_walked_by_the_modules_list(root: Path) -> None:
    recalls = []
    for seed in (1, 2):
        made = case("nosym", seed, root)
        recalls.append(score(made.truth, pairs(rebuild(pasted(log(made, symbols=False))))).recall)
    assert sum(recalls) / len(recalls) >= 0.75


def test_behind_the_rows_of_a_table_that_was_cut_off_the_walk_goes_on(root: Path, tmp_path: Path) -> None:
    made = case("nosym", 1, root)
    text = kf(made, 30) + log(made)
    (tmp_path / "session.log").write_text(text)
    out = io.StringIO()
    with redirect_stdout(out):
        assert main(["walk", "--json", str(tmp_path / "session.log")]) == 0
    rows = [int(frame["return_slot"], 16) for frame in json.loads(out.getvalue())["frames"]]
    shown = [frame["slot"] for frame in made.truth["frames"][:29]]
    assert [row for row in rows if row <= shown[-1]] == shown
    assert len(rows) > 1.5 * len(shown)
    assert score(made.truth, [(row, "") for row in rows]).recall >= 0.9
