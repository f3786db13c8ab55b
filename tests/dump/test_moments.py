"""The StackHog machine at other moments: the right processor, thread, registers, by the own reader and the engine."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from hogwalk.__main__ import main
from hogwalk.walk.facts.gaps import AFTER, USED_AFTER
from tests.dump import moments
from tests.dump.contents import Contents, stackhog
from tests.engine.engine import Engine, Target
from tests.engine.wine import Setting
from tests.stackhog import DUMP, HOG_BYTES, HOGS, LAUNCHER, ROOT, SYMBOLS, published_rows

SETTING = Setting(import_path=(ROOT,), search_path=(LAUNCHER,))
TRAP, TRAP_EIP = 0xB8AE71AC, 0x808B64A6  # the middle one of three page faults; the newest has the same Eip
CRASH = TRAP - 0x100
HOG = sum(
    int(row["memory"] or "0", 16)
    for row in published_rows()
    if row["symbol"].split("!")[0].split("+")[0] in HOGS and int(row["child_ebp"], 16) > TRAP
)
WAITED = 0xB8AE60F0  # a word that a return address lies two above of
Door = Callable[[Path, str], str]


def own(dump: Path, options: str) -> str:
    """What the own reader's run prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        main(["-z", str(dump), "-y", str(SYMBOLS), "--engine", "own", *options.split()])
    return printed.getvalue()


@pytest.fixture(params=["own", "engine"])
def door(request: pytest.FixtureRequest) -> Door:
    """Both doors to a dump."""
    if request.param == "own":
        return own
    engine: Engine = request.getfixturevalue("engine")

    def in_debugger(dump: Path, options: str) -> str:
        (step,) = engine.host(Target(dump, symbols=[SYMBOLS]), [f"!py hogwalk {options}"], SETTING)
        return step.output

    return in_debugger


@pytest.fixture(scope="module")
def contents() -> Contents:
    return stackhog()


def report(door: Door, dump: Path, options: str = "") -> Dict[str, Any]:
    found: Dict[str, Any] = json.loads(door(dump, f"{options} --json"))
    assert sum(part["bytes"] or 0 for part in (*found["frames"], *found["gaps"])) == found["stack"]["bytes"]
    return found


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "memory.dmp"
    path.write_bytes(data)
    return path


def gap(found: Dict[str, Any], why: str) -> List[int]:
    return [one["bytes"] for one in found["gaps"] if one["why"] == why]


def test_the_processor_that_faulted_not_the_current_one(door: Door, tmp_path: Path, contents: Contents) -> None:
    found = report(door, written(tmp_path, moments.second_processor(contents)))
    assert (found["stack"]["thread"], found["hog"]["bytes"]) == ("0x8974ac00", HOG_BYTES)
    assert found["overflow"]["overflow"] is True
    assert any(f"--thread {moments.OTHER_THREAD:08x} shows the current one's" in note for note in found["notes"])


@pytest.mark.parametrize(
    ("code", "arguments"), [(0xD1, (0x10, 2, 0, TRAP_EIP)), (0x50, (0x10, 0, TRAP_EIP, 0)), (0x8E, (0, 0, TRAP, 0))]
)
def test_a_fault_that_is_no_overflow(door: Door, tmp_path: Path, contents: Contents, code: int, arguments: Any) -> None:
    found = report(door, written(tmp_path, moments.trapped(contents, code, arguments, CRASH)))
    assert found["hog"]["bytes"] == HOG
    over = found["overflow"]
    assert (over["overflow"], over["used"], over["left"]) == (False, contents.base - CRASH, CRASH - contents.limit)
    assert gap(found, USED_AFTER) == [TRAP + 0x74 - CRASH]
    assert found["frames"][0]["running"]


def test_an_access_below_limit_is_an_overflow(door: Door, tmp_path: Path, contents: Contents) -> None:
    data = moments.trapped(contents, 0x50, (contents.limit - 8, 1, TRAP_EIP, 0), CRASH)
    over = report(door, written(tmp_path, data))["overflow"]
    assert over["overflow"] is True
    assert over["why"] == f"the fault is an access to {contents.limit - 8:08x}, 8 bytes below Limit"


def test_a_pointer_off_the_stack_still_gets_walk_used_and_left(door: Door, tmp_path: Path, contents: Contents) -> None:
    found = report(door, written(tmp_path, moments.trapped(contents, moments.MANUAL, (), 0x80550000)))
    over = found["overflow"]
    assert (over["overflow"], over["used"] + over["left"]) == (False, contents.base - contents.limit)
    assert over["why"].startswith("esp 80550000 is not on the stack; the walk's frames use ")
    assert found["hog"]["bytes"] == HOG_BYTES


def test_a_waiting_thread_by_its_address(door: Door, tmp_path: Path, contents: Contents) -> None:
    dump = written(tmp_path, moments.waiting(contents, WAITED))
    found = report(door, dump, "--thread 8974ac00")
    over = found["overflow"]
    assert (over["overflow"], over["used"]) == (True, contents.base - WAITED - 12)  # f8h above Limit: too little
    assert found["hog"]["bytes"] > HOG


def test_a_context_by_hand(door: Door, contents: Contents) -> None:
    found = report(door, DUMP, f"--context {TRAP:08x}")
    assert (found["hog"]["bytes"], found["overflow"]["overflow"]) == (HOG, True)  # the newer one ran out
    assert sum(gap(found, USED_AFTER)) == TRAP + 0x74 - contents.limit
    assert gap(found, AFTER) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--context b8ae7000", "neither a context record nor a trap frame lies at b8ae7000"),
        ("--context 10", "neither a context record nor a trap frame lies at 00000010"),
        ("--context b8ae71ac --limit b8ae6000 --base b8ae7000", "is not on the stack b8ae6000..b8ae7000"),
    ],
)
def test_a_context_that_is_none_is_refused(door: Door, options: str, said: str) -> None:
    printed = " ".join(door(DUMP, options).split())
    assert said in printed
    assert "Traceback" not in printed


def test_a_machine_without_selectors_prints_its_json_alone(engine: Engine, tmp_path: Path) -> None:
    from fixtures.build.dumpfile import DumpFile

    dump = DumpFile(DUMP)
    dump.unmap(moments.GDT)
    dump.save(tmp_path / "nogdt.dmp")
    steps = ["? @$pcr", "!py hogwalk --json"]
    asked, step = engine.host(Target(tmp_path / "nogdt.dmp", symbols=[SYMBOLS]), steps, SETTING)
    assert "Unable to read selector for PCR" in asked.output
    found = json.loads(step.output)
    assert (found["stack"]["thread"], found["hog"]["bytes"]) == ("0x8974ac00", HOG_BYTES)


def test_the_user_s_context_leaves_the_newer_bytes_a_part_of_their_own(engine: Engine) -> None:
    steps = [f".trap {TRAP:x}", "!py hogwalk --json", ".trap", ".thread 8974ac00", "!py hogwalk --json"]
    trap, thread = (
        json.loads(step.output)
        for step in engine.host(Target(DUMP, symbols=[SYMBOLS]), steps, SETTING)
        if step.command.startswith("!py")
    )
    assert trap["hog"]["bytes"] == HOG
    assert sum(gap(trap, USED_AFTER)) == TRAP + 0x74 - 0xB8AE6000
    assert thread["hog"]["bytes"] == HOG_BYTES
