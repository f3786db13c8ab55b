"""The commands that hogwalk runs in the real engine: how numbers stand in them, what the user's settings do to them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import pytest

from tests.engine.asked import SUBCOMMANDS, without_remarks
from tests.engine.engine import Engine, Step, Target
from tests.engine.fixtures import MANNERS
from tests.engine.wine import Setting
from tests.kept.store import names, unpacked
from tests.stackhog import DUMP, ROOT, SYMBOLS

STACKHOG = Target(DUMP, symbols=[SYMBOLS])
FORCED = ".stkwalk_force_frame_pointer"
COUNTED = ("commands", "reads", "reconstructions")
# A 32-bit address of the upper half: the newer engine finds nothing there unless the sign fills all 64 bits.
UNSIGNED = re.compile(r"(?<![0-9a-z_`])(?:0x)?0*[89a-f][0-9a-f]{7}(?![0-9a-z_`])", re.IGNORECASE)


def asked(engine: Engine, how: str, dumps: Sequence[Path], *manners: Path) -> List[Dict[str, Any]]:
    """What tests.engine.asked finds in the engine of each dump and its symbols, with these manners laid over it."""
    setting = Setting(import_path=(*manners, ROOT), timeout=600)
    finished = engine.python(["-m", "tests.engine.asked", how, *dumps], setting)
    assert finished.code == 0, finished.stderr
    return [json.loads(line) for line in finished.stdout.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def session(engine: Engine) -> Dict[str, Any]:
    return asked(engine, "each", [DUMP, SYMBOLS])[0]


@pytest.fixture(scope="module")
def session_today(engine: Engine) -> Dict[str, Any]:
    return asked(engine, "each", [DUMP, SYMBOLS], MANNERS)[0]


# One of each style: two minutes less.
KEPT = [name for name in names() if name.endswith("7001")]


@pytest.fixture(scope="module")
def kept_sessions(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Tuple[Dict[str, Any], ...]]:
    """By kept case what its session is in the engine as it is, and with today's manners."""
    cases = [unpacked(name, tmp_path_factory.getbasetemp() / "kept") for name in KEPT]
    dumps = [path for case in cases for path in (case.dump, case.symbols)]
    older, newer = asked(engine, "session", dumps), asked(engine, "session", dumps, MANNERS)
    assert len(older) == len(newer) == len(KEPT)
    return dict(zip(KEPT, zip(older, newer)))


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
    assert [newer[what] for what in COUNTED] == [older[what] for what in COUNTED]


@pytest.mark.parametrize("name", KEPT)
def test_nor_on_a_kept_case(kept_sessions: Dict[str, Tuple[Dict[str, Any], ...]], name: str) -> None:
    older, newer = kept_sessions[name]
    assert set(older) == set(newer) == set(SUBCOMMANDS)
    for subcommand in SUBCOMMANDS:
        assert without_remarks(newer[subcommand]["printed"]) == without_remarks(older[subcommand]["printed"])
        assert [newer[subcommand][what] for what in COUNTED] == [older[subcommand][what] for what in COUNTED]
    commands = [command for session in (older, newer) for one in session.values() for command in one["commands"]]
    assert [command for command in commands if UNSIGNED.search(command)] == []


def test_overrides_of_the_frame_data_have_their_sign(kept_sessions: Dict[str, Tuple[Dict[str, Any], ...]]) -> None:
    # In StackHog there is nothing to heal; here kf is led by an override for each call site, and those are removed.
    for name, (older, newer) in kept_sessions.items():
        for session in (older, newer):
            overrides = "\n".join(session["heal"]["commands"])
            assert re.search(r"\.fpo -s [^;\n]* 0xffffffff", overrides), name
            assert ".fpo -x 0xffffffff" in overrides, name
            assert any(line.startswith("Removed") for line in session["heal"]["printed"]), name


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


ALIASES = ("as hogwalk !py -g hogwalk", "as lm .echo", "as dt dt -v", "as r r eax", "as n n 8", "as .expr .expr /s c++")


@pytest.mark.parametrize("subcommand", ["", "frame 50", "compare", "heal"])
def test_the_users_aliases_change_nothing_and_stay(engine: Engine, subcommand: str) -> None:
    call, shown = f"!py -m hogwalk {subcommand}", "al; n; .expr"
    (usual,) = hogwalk(engine, call)
    before, aliased, after = hogwalk(engine, *ALIASES, shown, call, shown)[-3:]
    assert unwrapped(aliased) == unwrapped(usual)
    assert after.output == before.output
    assert "!py -g hogwalk" in after.output


def unwrapped(step: Step) -> List[str]:
    """The lines with those that were wrapped made whole, without what is announced on a slow machine."""
    lines = step.output.replace("\n           ", " ").splitlines()
    return [line for line in lines if not (line.startswith("hogwalk: ") and line.endswith(" .."))]


def test_a_setting_comes_back_when_kf_fails(engine: Engine) -> None:
    failing = (
        "from hogwalk.targets.attach import open_engine\n"
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
