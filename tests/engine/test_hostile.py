"""Dumps made to mislead, in the real engine: no name of theirs becomes a command, a row or a control sequence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest

from fixtures.build.dumpfile import DumpFile
from fixtures.build.variants import rename
from tests.core.test_printable import EVIL, RAW
from tests.engine.engine import Engine, Target
from tests.engine.wine import Setting
from tests.stackhog import CHARGED, DUMP, HOG_BYTES, ROOT, SYMBOLS

# Planted where the engine prints the image's name: rows of `lm` and of symbols that would send a command back.
PLANTED = (
    'a\n80000000 80001000 x;.logopen"pwned.txt" (deferred)\n'
    'b80ba000 b80d5000 q;.logopen"pwned.txt" (deferred)\n'
    'x;.logopen"pwned.txt"!f (8081df65)\nz.sys'
)
NAMES = {"planted": PLANTED, "dots": ".sys", "escapes": f"e{EVIL}.sys", "command": 'x;.logopen"pwned.txt";.sys'}


def renamed(name: str, folder: Path) -> Target:
    """The StackHog dump with BossHog01.sys under another name."""
    dump = DumpFile(DUMP)
    rename(dump, "BossHog01.sys", name)
    dump.save(folder / "memory.dmp")
    return Target(folder / "memory.dmp", symbols=[SYMBOLS])


@pytest.fixture(scope="module")
def setting(manners: Tuple[Path, ...]) -> Setting:
    return Setting(import_path=(ROOT, *manners))


@pytest.fixture(params=sorted(NAMES))
def hostile(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    return renamed(NAMES[request.param], tmp_path)


def test_a_hostile_name_runs_nothing_and_changes_no_sum(
    engine: Engine, setting: Setting, hostile: Target, tmp_path: Path
) -> None:
    commands = ("triage", "--json", "stack", "walk", "compare", "frame #50", "heal")
    # Twice: the engine prints the planted rows once it has tried to load the module's symbols.
    steps = [f"!py -m hogwalk {command}" for command in (*commands, "--json", "triage")]
    printed = engine.host(hostile, steps, replace(setting, cwd=tmp_path))
    assert not list(tmp_path.rglob("pwned*"))
    for step in printed:
        assert not RAW.search(step.output), step.command
        assert "fault of hogwalk" not in step.output
    first, again = (json.loads(printed[at].output) for at in (1, len(commands)))
    for document in (first, again):
        sums = held(document)
        assert {name: sums[name] for name in CHARGED if name in sums} == {
            name: count for name, count in CHARGED.items() if name != "BossHog01"
        }
        assert sum(sums.values()) == sum(CHARGED.values())
        assert all("pwned" not in command for command in document["commands"])
    assert held(first) == held(again)


def held(document: Dict[str, Any]) -> Dict[str, int]:
    """Bytes by module."""
    return {module["name"]: module["bytes"] for module in document["modules"]}


def test_a_driver_without_a_name_is_a_module_with_its_product(engine: Engine, setting: Setting, tmp_path: Path) -> None:
    (step,) = engine.host(renamed(".sys", tmp_path), ["!py -m hogwalk --json"], setting)
    document = json.loads(step.output)
    assert held(document)["Unknown_Module_b76f4000"] == CHARGED["BossHog01"]
    (product,) = [product for product in document["products"] if "Unknown_Module_b76f4000" in product["modules"]]
    assert (product["name"], product["bytes"]) == ("StackHog", HOG_BYTES)


def test_planted_rows_are_left_out_and_said(engine: Engine, setting: Setting, tmp_path: Path) -> None:
    first, again = engine.host(renamed(PLANTED, tmp_path), ["!py -m hogwalk --json"] * 2, setting)
    notes = json.loads(again.output)["notes"]
    assert any(note.startswith("2 rows of `lm` left out, for no such module is loaded: 80000000") for note in notes)
    (product,) = [found for found in json.loads(first.output)["products"] if found["name"] == "StackHog"]
    assert product["bytes"] == HOG_BYTES
