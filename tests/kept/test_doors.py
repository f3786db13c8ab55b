"""One answer at every way in, on StackHog and the kept cases, all dumps of a door in one process.

`!py hogwalk` and `!py -g hogwalk` in the real engine, pykd's console, the own reader, the recordings of both, and a log
made of the engine's own answers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

import pytest

from tests.engine.engine import Engine, Target
from tests.kept.doors import Answer, answer, console, in_debugger, logs, own, recorded_own
from tests.kept.store import names, unpacked
from tests.stackhog import DUMP, SYMBOLS

NAMES = ["stackhog", *names()]
FEWEST_ALIKE = 13  # of the 21 logs: without the dump's code, and with kf's table, the others name another hog


class Doors(NamedTuple):
    """What each door in the engine says of one dump."""

    target: Target
    local: str
    shared: str
    console: Answer
    replayed: Answer
    log: Dict[str, Any]


@pytest.fixture(scope="module")
def doors(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Doors]:
    folder = tmp_path_factory.mktemp("doors")
    cases = [unpacked(name, folder) for name in names()]
    dumps = [Target(DUMP, symbols=[SYMBOLS]), *(Target(case.dump, symbols=[case.symbols]) for case in cases)]
    inside = in_debugger(engine, dumps, "!py hogwalk --json", "!py -g hogwalk --json")
    told = logs(engine, dumps, [local for local, _ in inside], folder)
    rows = zip(NAMES, dumps, inside, console(engine, dumps, folder), told)
    return {name: Doors(dump, said[0], said[1], run[0], run[1], log) for name, dump, said, run, log in rows}


def reader(target: Target) -> Tuple[Path, Path]:
    assert target.dump is not None
    return target.dump, target.symbols[0]


@pytest.mark.parametrize("name", NAMES)
def test_rows_and_sums_are_the_same_at_every_door(doors: Dict[str, Doors], name: str, tmp_path: Path) -> None:
    here = doors[name]
    first = answer(here.local)
    assert here.shared == here.local
    assert sum(size or 0 for _, _, size in first.rows) + sum(first.gaps) == first.size
    assert [here.console, own(*reader(here.target))] == [first] * 2
    assert [here.replayed, recorded_own(*reader(here.target), tmp_path / "own.recording")] == [first] * 2


def test_a_log_names_the_same_hog_or_says_what_it_lacks(doors: Dict[str, Doors]) -> None:
    hogs = {name: (answer(here.local).hog, here.log["hog"]["name"], here.log["notes"]) for name, here in doors.items()}
    alike = [name for name, (dump, log, _) in hogs.items() if dump == log]
    assert "stackhog" in alike
    assert len(alike) >= FEWEST_ALIKE
    for name, (dump, log, notes) in hogs.items():
        assert explained(notes), f"{name}: {dump} and {log}"


def explained(notes: List[str]) -> bool:
    """Whether a log's notes say why its answer may differ: code that is not there, or rows that are kf's own."""
    return any("lie in code that cannot be read" in note or "rows are the debugger's own" in note for note in notes)
