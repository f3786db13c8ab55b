"""Healing in the real engine: what the overrides do, and that nothing of them stays behind."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from tests.engine.engine import Engine, Target
from tests.engine.wheel import install_wheel
from tests.engine.wine import Setting
from tests.heal.chain_dump import BY_TABLE, DRIVER, KERNEL, Call, write_chain
from tests.stackhog import DUMP, SYMBOLS

SCRIPT = """\
import json, sys
from hogwalk.walk.evidence import Request, gather
from hogwalk.errors import CommandFailed
from hogwalk.walk.heal import heal
from hogwalk.answer.render.heal import render_heal
from hogwalk.walk.merge.walks import both, reconstruction
from hogwalk.targets.attach import open_engine
from hogwalk.walk.kf.choose import choose
from hogwalk.walk.kf.frames import FrameReader

class Refusing:
    # The debugger, but that the given command of this kind is refused.
    def __init__(self, target, kind, number):
        self.target, self.kind, self.left = target, kind, number
    def __getattr__(self, name):
        return getattr(self.target, name)
    def command(self, text):
        if text.startswith(self.kind):
            self.left -= 1
            if not self.left:
                raise CommandFailed("refused for once")
        return self.target.command(text)

target = open_engine()
evidence = gather(target, Request(), lambda doing: None)
reader = FrameReader(evidence.image, evidence.sites, evidence.judge, evidence.traps)
choice = choose(target, reader, evidence.image, evidence.candidates)
walks = both(evidence, choice, reconstruction(evidence)(lambda doing: None))
how, *rest = sys.argv[1:]
if how == "refuse":
    target = Refusing(target, rest[0].replace("_", " "), int(rest[1]))
try:
    healed = heal(target, evidence, walks, how == "keep")
except Exception as error:
    print(json.dumps({"failed": type(error).__name__, "line": error.line()}))
else:
    print(json.dumps({
        "before": [frame.return_slot for frame in healed.before],
        "after": [frame.return_slot for frame in healed.after.frames],
        "own": [frame.return_slot for frame in healed.own],
        "command": healed.after.command,
        "kept": healed.kept,
        "better": healed.better,
        "undo": list(healed.undo),
        "lines": list(render_heal(healed)),
    }))
"""
# What healing may change in the debugger, as the debugger tells it.
STATE = (":state", "!dbghelp.stackdbg", f".fpo -o 0x{DRIVER:x}", f".fpo -o 0x{KERNEL:x}")


ROW = re.compile(r"\b([0-9a-f]{8})  [0-9a-f]{8}  (same|passed over|absent)  ")


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Tuple[Path, Tuple[Call, ...]]:
    path = tmp_path_factory.mktemp("chain") / "chain.dmp"
    return path, write_chain(path)


@pytest.fixture(scope="module")
def setting(wheel: Path, tmp_path_factory: pytest.TempPathFactory, manners: Tuple[Path, ...]) -> Setting:
    folder = tmp_path_factory.mktemp("python")
    (folder / "healing.py").write_text(SCRIPT)
    installed = install_wheel(wheel, folder)
    return replace(
        installed,
        import_path=(*installed.import_path, *manners),
        search_path=(*installed.search_path, folder),
    )


def run(engine: Engine, setting: Setting, dump: Path, *steps: str) -> List[str]:
    return [step.output for step in engine.host(Target(dump), steps, setting)]


def healing(engine: Engine, setting: Setting, dump: Path, how: str) -> Tuple[Dict[str, Any], List[str], List[str]]:
    """What the script tells, and the debugger's state before and after it."""
    outputs = run(engine, setting, dump, "lm", *STATE, f"!py healing {how}", *STATE)
    count = len(STATE)
    told: Dict[str, Any] = json.loads(outputs[1 + count].splitlines()[-1])
    return told, outputs[1 : 1 + count], outputs[-count:]


def live(calls: Tuple[Call, ...], told: Dict[str, Any]) -> Tuple[Call, ...]:
    """The calls from hogwalk's start on: without registers it may take the newest of them for dead."""
    found = tuple(call for call in calls if call.slot >= told["own"][0])
    assert len(found) > len(calls) * 3 // 4
    return found


def test_the_debugger_walks_what_it_could_not(
    engine: Engine, setting: Setting, chain: Tuple[Path, Tuple[Call, ...]]
) -> None:
    told, before, after = healing(engine, setting, chain[0], "show")
    assert told["own"] == [call.slot for call in live(chain[1], told)]
    # It does not take the call through the table for one, so the frames that return there are passed over.
    assert told["after"] == [call.slot for call in live(chain[1], told)[1:] if call.caller != BY_TABLE]
    assert len(set(told["before"]) & set(told["own"])) < len(told["after"]) // 2
    assert (told["better"], told["kept"], told["undo"]) == (True, False, [])
    assert before == after
    assert before[2:] == ["", ""]


def test_the_rows_say_what_hogwalk_makes_of_them(
    engine: Engine, setting: Setting, chain: Tuple[Path, Tuple[Call, ...]]
) -> None:
    told, _, _ = healing(engine, setting, chain[0], "show")
    found = [ROW.search(line) for line in told["lines"]]
    rows = {int(row.group(1), 16) + 4: row.group(2) for row in found if row}
    calls = live(chain[1], told)[1:]
    assert sorted(rows) == [call.slot for call in calls]
    assert all((rows[call.slot] == "passed over") == (call.caller == BY_TABLE) for call in calls)
    assert all(line.isascii() and len(line) <= 100 for line in told["lines"])
    assert told["lines"][-1].startswith("Removed")


def test_kept_overrides_serve_the_debugger_until_they_are_undone(
    engine: Engine, setting: Setting, chain: Tuple[Path, Tuple[Call, ...]]
) -> None:
    told, before, during = healing(engine, setting, chain[0], "keep")
    assert told["kept"] is True
    assert before != during
    outputs = run(
        engine, setting, chain[0], "lm", *STATE, "!py healing keep", told["command"], "!py healing keep",
        "; ".join(told["undo"]), *STATE,
    )  # fmt: skip
    count = len(STATE)
    shown = [int(line.split()[-3], 16) + 4 for line in outputs[2 + count].splitlines() if "chain!" in line]
    assert set(told["after"]) <= set(shown)
    assert json.loads(outputs[3 + count])["failed"] == "BadInput"
    assert outputs[-count:] == outputs[1 : 1 + count] == before


@pytest.mark.parametrize("refused", [".fpo_-s 1", ".fpo_-s 2", "kf= 1", "kf= 2", ".fpo_-x 4", "!dbghelp 2"])
def test_a_failure_in_the_middle_leaves_nothing_behind(
    engine: Engine, setting: Setting, chain: Tuple[Path, Tuple[Call, ...]], refused: str
) -> None:
    told, before, after = healing(engine, setting, chain[0], f"refuse {refused}")
    assert told["failed"] == "CommandFailed"
    assert "refused for once" in told["line"]
    assert before == after


def test_a_walk_that_is_whole_is_left_alone(engine: Engine, setting: Setting) -> None:
    target = Target(DUMP, symbols=[SYMBOLS])
    before, healed, after = engine.host(
        target, [".fpo -o 0x80800000", "!py -m hogwalk heal", ".fpo -o 0x80800000"], setting
    )
    assert healed.output == (
        "hogwalk: nothing to heal: the debugger's own walk has all of hogwalk's frames; see `walk`\n"
    )
    assert before.output == after.output
