"""The same stack in every kind of dump file gives the same answer, and hogwalk's own walk the engine's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from hogwalk.analysis import Run
from hogwalk.answer.render.json_report import document
from hogwalk.targets.dump import open_dump
from hogwalk.walk.evidence import Wanted
from tests.dump.contents import stackhog
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
    found = document(Run(target, Wanted(), None, lambda doing: None).report())
    same: Dict[str, Any] = json.loads(json.dumps(found).replace('"ntoskrnl', '"nt'))
    return same


def rows(document: Dict[str, Any]) -> Rows:
    """The frames as plain tuples, who found them left aside."""
    return [
        (frame["frame_ptr"], frame["return_address"], frame["bytes"], frame["module"], frame["symbol"])
        for frame in document["frames"]
    ]


def test_a_dump_of_stacks_alone_keeps_the_chain_of_saved_ebps(tmp_path: Path) -> None:
    """Without any code the one frame that keeps no EBP (nt!ZwClose's caller, 80 bytes) cannot be seen."""
    path = tmp_path / "x86.dmp"
    path.write_bytes(STYLES["user"](stackhog()))
    found = report(path)
    held = {module["name"]: module["bytes"] for module in found["modules"]}
    exact = ("BossHog01", "BossHog", "BabyHog", "daddyHog", "Ntfs", "fltmgr")
    assert {name: held[name] for name in exact} == {name: CHARGED[name] for name in exact}
    assert held["MamaHog"] == CHARGED["MamaHog"] - 80
    assert {frame["trust"] for frame in found["frames"]} == {"unread", "trap"}


@pytest.mark.parametrize("style", sorted(set(STYLES) - {"user"}))
def test_every_kind_of_file_gives_the_same_answer(tmp_path: Path, style: str) -> None:
    path = tmp_path / "x86.dmp"
    path.write_bytes(STYLES[style](stackhog()))
    found, expected = report(path), report(DUMP)
    assert rows(found) == rows(expected)
    assert found["modules"] == expected["modules"]
    assert found["gaps"] == expected["gaps"]
    start = found["start"]
    assert [start[key][2:] for key in ("base_ptr", "stack_ptr", "instruction_ptr")] == TRIPLE.split()
    assert {module["name"]: module["bytes"] for module in found["modules"]} == CHARGED
    if not style.startswith("small"):
        assert found["products"] == expected["products"]
        assert max(product["bytes"] for product in found["products"] if product["name"] == "StackHog") == HOG_BYTES


def test_the_own_walk_is_the_engine_s_row_by_row(engine: Engine) -> None:
    (step,) = engine.host(Target(DUMP, symbols=[SYMBOLS]), ["!py -m hogwalk --json"], Setting(import_path=(ROOT,)))
    theirs = json.loads(step.output)
    own = report(DUMP)
    assert own["start"]["command"] == theirs["start"]["command"]
    assert {module["name"]: module["bytes"] for module in own["modules"]} == CHARGED
    only_own = [row for row in rows(own) if row not in rows(theirs)]
    only_theirs = [row for row in rows(theirs) if row not in rows(own)]
    assert [(row[4], row[2]) for row in only_own] == OWN_TRAPS
    assert [(row[4], row[2]) for row in only_theirs] == ENGINE_TRAPS


# The one difference: the engine prints a trap frame as a row of 0 bytes that repeats the ChildEBP of the row before and
# charges the trap frame's bytes to the interrupted function; hogwalk has the trap frame's own slot and charges them to
# the trap handler.  Both are nt's, so no sum differs.  The last row of the engine, of the system call from user mode,
# has no bytes on this stack.
OWN_TRAPS = [
    ("nt!_KiTrap0E+0xdc", 124),
    ("nt!CcMapData+0x8c", 76),
    ("nt!_KiTrap0E+0xdc", 124),
    ("nt!CcMapData+0x8c", 76),
    ("nt!KiFastCallEntry+0xfc", 112),
    ("nt!ZwClose+0x11", 12),
]
ENGINE_TRAPS = [
    ("nt!_KiTrap0E+0xdc", 0),
    ("nt!CcMapData+0x8c", 200),
    ("nt!_KiTrap0E+0xdc", 0),
    ("nt!CcMapData+0x8c", 200),
    ("nt!KiFastCallEntry+0xfc", 0),
    ("nt!ZwClose+0x11", 124),
    ("nt!KiFastCallEntry+0xfc", 0),
]
