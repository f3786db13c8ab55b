"""The commands that hogwalk runs in the real engine: how numbers stand in them, what the user's settings do to them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List

import pytest

from tests.engine.asked import SUBCOMMANDS, without_remarks
from tests.engine.engine import Engine, Step, Target
from tests.engine.fixtures import MANNERS
from tests.engine.wine import Setting
from tests.stackhog import DUMP, ROOT, SYMBOLS

STACKHOG = Target(DUMP, symbols=[SYMBOLS])
FORCED = ".stkwalk_force_frame_pointer"
# A 32-bit address of the upper half: the newer engine finds nothing there unless the sign fills all 64 bits.
UNSIGNED = re.compile(r"(?<![0-9a-z_`])(?:0x)?0*[89a-f][0-9a-f]{7}(?![0-9a-z_`])", re.IGNORECASE)


def asked(engine: Engine, *manners: Path) -> Dict[str, Any]:
    """What tests.engine.asked finds in the engine, with these manners laid over it."""
    finished = engine.python(["-m", "tests.engine.asked", DUMP, SYMBOLS], Setting(import_path=(*manners, ROOT)))
    assert finished.code == 0, finished.stderr
    found: Dict[str, Any] = json.loads(finished.stdout)
    return found


@pytest.fixture(scope="module")
def session(engine: Engine) -> Dict[str, Any]:
    return asked(engine)


@pytest.fixture(scope="module")
def session_today(engine: Engine) -> Dict[str, Any]:
    return asked(engine, MANNERS)


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_every_number_that_is_typed_has_its_sign(session: Dict[str, Any], subcommand: str) -> None:
    commands = session[subcommand]["commands"]
    assert [command for command in commands if UNSIGNED.search(command)] == []
    assert any("ffffffff" in command for command in commands)


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_todays_manners_change_nothing_but_the_note_on_remarks(
    session: Dict[str, Any], session_today: Dict[str, Any], subcommand: str
) -> None:
    older, newer = session[subcommand], session_today[subcommand]
    assert without_remarks(newer["printed"]) == without_remarks(older["printed"])
    assert newer["commands"] == older["commands"]
    assert newer["reads"] == older["reads"]


def test_lines_to_type_stay_short_where_every_engine_takes_them(session: Dict[str, Any]) -> None:
    assert any(line.split()[-4:] == START.split() for line in session["triage"]["printed"] if "Start" in line)


START = "kf=b8ae6100 b8ae60ec 8081df65 0x200"


def hogwalk(engine: Engine, *steps: str) -> List[Step]:
    return engine.host(STACKHOG, steps, Setting(import_path=(ROOT,)))


@pytest.mark.parametrize("subcommand", ["", "compare", "heal", "walk 1 2 3"])
def test_a_walk_by_frame_pointers_alone_is_set_aside_and_said(engine: Engine, subcommand: str) -> None:
    (usual,) = hogwalk(engine, f"!py -m hogwalk {subcommand}")
    _, forced, state = hogwalk(engine, f"{FORCED} 1", f"!py -m hogwalk {subcommand}", FORCED)
    assert '"enabled"' in state.output
    noted = [line for line in unwrapped(forced) if FORCED not in line]
    assert noted == unwrapped(usual)
    assert len(unwrapped(forced)) - len(noted) == (0 if subcommand else 1)


def unwrapped(step: Step) -> List[str]:
    """The lines with those that were wrapped made whole, without what is announced on a slow machine."""
    lines = step.output.replace("\n           ", " ").splitlines()
    return [line for line in lines if not (line.startswith("hogwalk: ") and line.endswith(" .."))]


def test_a_setting_comes_back_when_kf_fails(engine: Engine) -> None:
    failing = (
        "from hogwalk.targets.engine import open_engine\n"
        "target = open_engine()\n"
        "try:\n    target.command('kf=,')\nexcept Exception as error:\n    print(type(error).__name__)\n"
    )
    settings = ("n 10", ".expr /s c++", f"{FORCED} 1")
    steps = engine.host(
        STACKHOG, [*settings, f"n; .expr; {FORCED}", "!py failing", f"n; .expr; {FORCED}"], _script(engine, failing)
    )
    assert steps[4].output.strip() == "CommandFailed"
    assert steps[5].output == steps[3].output


def _script(engine: Engine, text: str) -> Setting:
    folder = engine.prefix.drive / "scripts"
    folder.mkdir(exist_ok=True)
    (folder / "failing.py").write_text(text)
    return Setting(import_path=(ROOT,), search_path=(folder,))
