"""Every command prints what its golden says; refresh: python -m tests.goldens --refresh."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Tuple

import pytest

from tests.engine.asked import without_remarks
from tests.engine.engine import Engine, Target, unannounced
from tests.engine.wine import Setting
from tests.goldens.__main__ import on_disk
from tests.goldens.cases import Case, cases, engine_steps, expected, printed
from tests.stackhog import DUMP, LAUNCHER, ROOT, SYMBOLS

REFRESH = "refresh: python -m tests.goldens --refresh, then read git diff"


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: f"{case.file}-{case.arguments.partition(' -z')[0]}")
def test_a_command_prints_its_golden(case: Case) -> None:
    assert printed(case.arguments) == expected(case.file), REFRESH


def test_the_debugger_prints_its_goldens(engine: Engine, manners: Tuple[Path, ...]) -> None:
    steps: Dict[str, str] = engine_steps()
    setting = Setting(import_path=(ROOT, *manners), search_path=(LAUNCHER,), timeout=400)
    same = without_remarks if manners else list
    for step in engine.host(Target(DUMP, symbols=[SYMBOLS]), list(steps), setting):
        # The debugger has no exit codes.
        said = [line for line in expected(steps[step.command]).splitlines() if line[:10] != "exit code "]
        assert same(unannounced(step.output).splitlines()) == same(said), f"{step.command}: {REFRESH}"


def test_no_golden_is_without_a_command() -> None:
    assert set(on_disk()) == {case.file for case in cases()} | set(engine_steps().values())
