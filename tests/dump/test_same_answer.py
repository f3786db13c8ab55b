"""The same stack in every kind of dump file gives the same answer, and hogwalk's own walk the engine's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from hogwalk.analysis import Run
from hogwalk.answer.render.json_report import document
from hogwalk.targets.dump import open_dump
from hogwalk.walk.evidence import Request
from tests.dump.contents import stackhog
from tests.dump.minidumps import BP
from tests.dump.test_against_engine import STYLES
from tests.engine.engine import Engine, Target
from tests.engine.wine import Setting
from tests.stackhog import CHARGED, DUMP, HOG_BYTES, ROOT, SYMBOLS, TRIPLE

Rows = List[Tuple[Any, ...]]


def report(path: Path) -> Dict[str, Any]:
    """The report's JSON document on a dump file opened without a debugger.

    A user-mode dump has no kernel: its module of that file is called ntoskrnl there.
    """
    target = open_dump(str(path), str(SYMBOLS))
    found = document(Run(target, Request(), None, lambda doing: None).report())
    same: Dict[str, Any] = json.loads(json.dumps(found).replace('"ntoskrnl', '"nt'))
    return same


def rows(document: Dict[str, Any]) -> Rows:
    """The frames as plain tuples, who found them left aside."""
    return [
        (frame["frame_ptr"], frame["return_address"], frame["bytes"], frame["module"], frame["symbol"])
        for frame in document["frames"]
    ]


def older(rows_: Rows, slot: int) -> Rows:
    """The rows of the frames whose return slots lie above `slot`."""
    return [row for row in rows_ if int(row[0], 16) > slot]


def test_a_dump_of_stacks_alone_keeps_the_chain_of_saved_ebps(tmp_path: Path) -> None:
    """The walk starts at the dump's own context; without any code trap frames, and what lies around them, are lost."""
    path = tmp_path / "x86.dmp"
    path.write_bytes(STYLES["user"](stackhog()))
    found, expected = report(path), report(DUMP)
    mine = {(row[0], row[1]) for row in rows(found)}
    lost = [row for row in older(rows(expected), BP) if (row[0], row[1]) not in mine]
    assert {str(row[4]).partition("+")[0] for row in lost} <= {
        "nt!_KiTrap0E",
        "nt!KiFastCallEntry",
        "nt!ZwClose",
        "nt!NtDeviceIoControlFile",
    }
    assert {frame["trust"] for frame in found["frames"]} <= {"unread", "trap"}


@pytest.mark.parametrize("style", sorted(set(STYLES) - {"user"}))
def test_every_kind_of_file_gives_the_same_answer(tmp_path: Path, style: str) -> None:
    path = tmp_path / "x86.dmp"
    path.write_bytes(STYLES[style](stackhog()))
    found, expected = report(path), report(DUMP)
    if style.startswith("user"):  # its context lies further up: the walk starts there
        assert older(rows(found), BP) == older(rows(expected), BP)
        return
    if style.startswith("small"):  # no TSS and no GDT in it: who runs at the fault is not known
        assert rows(found)[1:] == rows(expected)[1:]
        return
    assert rows(found) == rows(expected)
    assert found["modules"] == expected["modules"]
    assert found["gaps"] == expected["gaps"]
    start = found["start"]
    assert [start[key][2:] for key in ("base_ptr", "stack_ptr", "instruction_ptr")] == TRIPLE.split()
    assert {module["name"]: module["bytes"] for module in found["modules"]} == CHARGED
    assert found["products"] == expected["products"]
    assert max(product["bytes"] for product in found["products"] if product["name"] == "StackHog") == HOG_BYTES


def test_the_own_walk_is_the_engine_s_row_by_row(engine: Engine) -> None:
    (step,) = engine.host(Target(DUMP, symbols=[SYMBOLS]), ["!py -m hogwalk --json"], Setting(import_path=(ROOT,)))
    theirs = json.loads(step.output)
    own = report(DUMP)
    assert own["start"]["command"] == theirs["start"]["command"]
    assert {module["name"]: module["bytes"] for module in own["modules"]} == CHARGED
    assert rows(own) == rows(theirs)
    assert own["gaps"] == theirs["gaps"]
