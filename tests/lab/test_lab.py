"""The lab proves its own truth: every case against its dump's bytes, and the scorer against known answers."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any, Dict

import pytest

pytest.importorskip("unicorn")

from tests.engine.engine import Engine
from tests.kept.store import unpacked
from tests.lab import fresh, own, peer_bang, peer_breakpad, peer_kf
from tests.lab.__main__ import seeds
from tests.lab.calls import call_before, read
from tests.lab.cases import StoredCase, open_case
from tests.lab.generate import generate
from tests.lab.score import Score, brier, calibration, score
from tests.lab.sheet import Sheet
from tests.lab.styles import STYLES
from tests.lab.toolchain import missing_tools
from tests.lab.verify import problems

SEED = 1
USER_SEED = 595877839  # its stale calls lie between ESP and the frame that EBP points to
needs_tools = pytest.mark.skipif(bool(missing_tools()), reason="the lab needs {}".format(", ".join(missing_tools())))


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, StoredCase]:
    root = tmp_path_factory.mktemp("lab")
    made = {}
    for name in STYLES:
        generate(name, SEED, root / name)
        made[name] = open_case(root / name)
    return made


@needs_tools
@pytest.mark.parametrize("style", STYLES)
def test_truth_agrees_with_the_dump(cases: Dict[str, StoredCase], style: str) -> None:
    case = cases[style]
    assert problems(case.truth, case.pages) == []
    assert len(case.true_slots()) > 20


@needs_tools
@pytest.mark.parametrize("style", [name for name, style in STYLES.items() if not style.has("user")])
def test_stack_holds_stale_frames_too(cases: Dict[str, StoredCase], style: str) -> None:
    case = cases[style]
    live = case.true_slots()
    stale = [
        word
        for address, word in case.stack_words()
        if address not in live and case.module_at(word) and call_before(case.pages, word)
    ]
    assert len(stale) > 3


@needs_tools
def test_same_seed_gives_the_same_bytes(tmp_path: Path, cases: Dict[str, StoredCase]) -> None:
    case = generate("trap", SEED, tmp_path / "again")
    assert _digest(case.dump) == _digest(cases["trap"].dump)
    assert _digest(case.dump) != _digest(cases["fpo"].dump)
    assert (tmp_path / "again" / "truth.json").read_bytes() == (cases["trap"].folder / "truth.json").read_bytes()


@needs_tools
def test_styles_do_what_they_say(cases: Dict[str, StoredCase]) -> None:
    kinds = {frame["kind"] for frame in cases["trap"].truth["frames"]}
    names = {frame["function_name"] for frame in cases["trap"].truth["frames"]}
    assert "trap" in kinds
    assert {"_KiTrap0E", "_KiFastCallEntry"} <= names
    for frame in cases["trap"].truth["frames"]:
        assert all(cases["trap"].word(also) == frame["return_address"] for also in frame["also"])
    assert sum(bool(frame["also"]) for frame in cases["trap"].truth["frames"]) >= 2
    gone = cases["gone"]
    unreadable = [m for m in gone.truth["modules"] if not m["readable"]]
    assert len(unreadable) == 2
    assert all(m["third_party"] for m in unreadable)
    assert not any(m["code"][0] & ~0xFFF in gone.pages for m in unreadable)
    (page,) = cases["page"].truth["unreadable_pages"]
    assert page not in cases["page"].pages
    interrupt = cases["interrupt"]
    (hit,) = [frame for frame in interrupt.truth["frames"] if frame["kind"] == "trap"][-1:]
    assert interrupt.word(hit["return_slot"] - 4) == hit["return_slot"]  # the error code points above itself
    assert interrupt.module_at(hit["called"]) == ""
    waits = cases["user-wait"].truth["frames"]
    assert waits[0]["function_name"] == "_KiFastSystemCallRet"
    assert not any(m["readable"] for m in cases["user"].truth["modules"])
    assert max(frame["bytes"] or 0 for frame in cases["user-huge"].truth["frames"]) > 0x2000
    assert len(cases["segment"].truth["segments"]) == 2
    assert len(cases["segment"].true_slots()) < len(cases["segment"].truth["frames"])
    assert len(list(cases["allfpo"].symbols.iterdir())) == 8
    assert len(list(cases["fpo"].symbols.iterdir())) == 3
    assert {m["kind"] for m in cases["gcc"].truth["modules"] if m["third_party"]} == {"gcc-fpo"}


@needs_tools
@pytest.mark.parametrize(("style", "least", "most"), [("ebp", 0.7, 1.0), ("fpo", 0.0, 0.4), ("gcc", 0.0, 0.4)])
def test_share_of_compiled_functions_with_ebp(
    cases: Dict[str, StoredCase], style: str, least: float, most: float
) -> None:
    """Of the third parties' C functions on the stack; alloca and alignment need EBP in any style."""
    third = {m["name"] for m in cases[style].truth["modules"] if m["third_party"]}
    frames = [f for f in cases[style].true_slots().values() if f["module"] in third]
    entries = {f["function"] for f in frames if "Asm" not in f["function_name"]}
    share = sum(_pushes_ebp(cases[style], entry) for entry in entries) / len(entries)
    assert least <= share <= most


@needs_tools
def test_scores_of_known_answers(cases: Dict[str, StoredCase]) -> None:
    truth = cases["fpo"].truth
    everything = [(f["return_slot"], f["module"]) for f in truth["frames"]]
    perfect = score(truth, everything)
    assert (perfect.recall, perfect.precision, perfect.bytes_right, perfect.right_hog) == (1.0, 1.0, 1.0, True)
    half = score(truth, everything[::2])
    assert 0.4 < half.recall < 0.6
    assert half.precision == 1.0
    assert half.bytes_right < 1.0
    wrong = score(truth, [(slot + 4, module) for slot, module in everything])
    assert wrong.recall == 0.0
    assert wrong.precision == 0.0
    assert score(truth, []).bytes_right == 0.0


def test_bytes_and_hog_by_hand() -> None:
    truth: Dict[str, Any] = {
        "limit": 0x1000,
        "base": 0x2000,
        "unreadable_pages": [],
        "frames": [
            {"return_slot": 0x1010, "module": "a", "also": []},
            {"return_slot": 0x1020, "module": "a", "also": []},
            {"return_slot": 0x1080, "module": "b", "also": [0x101C]},
        ],
    }
    exact = score(truth, [(0x1010, "a"), (0x1020, "a"), (0x101C, "b")])
    assert (exact.recall, exact.precision, exact.bytes_right) == (1.0, 1.0, 1.0)
    shifted = score(truth, [(0x1010, "a"), (0x1040, "b"), (0x1080, "b")])
    assert (shifted.recall, shifted.precision, shifted.bytes_right) == (2 / 3, 2 / 3, 24 / 28)
    missed = score(truth, [(0x1010, "a"), (0x1080, "a")])
    assert missed.bytes_right == 4 / 28
    assert not missed.right_hog


def test_calibration_bins_and_brier() -> None:
    verdicts = [(0.9, True)] * 9 + [(0.9, False)] + [(0.6, True), (0.6, False)]
    low, high = calibration(verdicts)
    assert (low.count, low.right, high.count, high.right) == (2, 0.5, 10, 0.9)
    assert brier([(1.0, True), (0.0, False)]) == 0.0
    assert brier([(0.5, True)]) == 0.25
    with pytest.raises(ValueError, match="no verdicts"):
        brier([])


def test_seed_lists() -> None:
    assert seeds("1-3,7") == [1, 2, 3, 7]


def test_fresh_seeds_follow_from_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "last_commit", lambda: "0123456789abcdef" * 2)
    first = fresh.FIRST + 0x0123456789AB % fresh.ROOM
    assert seeds("fresh") == list(range(first, first + 30))
    assert seeds("fresh:2") == [first, first + 1]
    with pytest.raises(argparse.ArgumentTypeError, match="seeds are like"):
        seeds("fresh:x")


def test_a_sheet_goes_on_where_it_was_and_lists_what_is_poor(tmp_path: Path) -> None:
    good, poor = Score(1.0, 1.0, 1.0, True, 9, 9), Score(0.5, 1.0, 0.99, True, 9, 9)
    sheet = Sheet(tmp_path / "scores.json")
    sheet.add("fpo/1", {"a": good, "b": good})
    sheet.add("fpo/2", {"a": good, "b": poor})
    sheet.save()
    again = Sheet(tmp_path / "scores.json")
    assert again.has("fpo/2", ["a", "b"])
    assert not again.has("fpo/3", ["a"])
    assert not again.has("fpo/2", ["a", "c"])
    cases = ["fpo/1", "fpo/2", "fpo/3"]
    assert again.poor("b", 0.9, cases) == ["fpo/2 recall 0.500 bytes 0.990"]
    assert again.alike("a", "b", 0.002, cases) == (2, 1, ["fpo/2 bytes 1.000 and 0.990"])


@needs_tools
def test_peer_rows_are_read_as_slots_and_modules(cases: Dict[str, StoredCase]) -> None:
    case = cases["fpo"]
    base = case.truth["modules"][4]["base"]
    text = (
        "  Memory  ChildEBP RetAddr  \n          baa66074 b86420b6 fltmgr!Step0+0x40\n"
        "       20 baa66094 b8643a01 0x%08x\nWARNING: Frame IP not in any known module.\n" % (base + 16)
    )
    assert peer_kf.rows(text, case) == [(0xBAA66078, "fltmgr"), (0xBAA66098, case.truth["modules"][4]["name"])]
    assert peer_breakpad.parse(
        " 0  nt.sys!x + 0x1\n    eip = 0x1   esp = 0x00001000   ebp = 0x2\n"
        " 1  a.sys + 0x1\n    eip = 0x1   esp = 0x00001010   ebp = 0x2\n"
    ) == [(0x100C, "nt")]


def test_the_main_door_is_scored_as_the_own_reader(engine: Engine, tmp_path: Path) -> None:
    cases = [unpacked(name, tmp_path) for name in ("fpo-7001", "page-7002")]
    for case, found in zip(cases, peer_bang.walk(engine, cases)):
        assert score(case.truth, found[peer_bang.BANG]) == score(case.truth, own.walk(case)[own.OWN])


@needs_tools
@pytest.mark.parametrize("style", ["user", "user-wait", "user-huge"])
def test_a_program_whose_code_is_not_there_is_walked_alike_in_the_debugger(
    cases: Dict[str, StoredCase], engine: Engine, tmp_path: Path, style: str
) -> None:
    generate(style, USER_SEED, tmp_path / style)
    both = [cases[style], open_case(tmp_path / style)]
    for case, found in zip(both, peer_bang.walk(engine, both)):
        assert score(case.truth, found[peer_bang.BANG]) == score(case.truth, own.walk(case)[own.OWN])


def _pushes_ebp(case: StoredCase, entry: int) -> bool:
    """push ebp; mov ebp, esp at the entry, as EBP frames begin."""
    code = read(case.pages, entry, 3)
    return code in (b"\x55\x89\xe5", b"\x55\x8b\xec")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
