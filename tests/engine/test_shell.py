"""The door without pykd: WinDbg's `.shell -ci` hands the answers of commands to hogwalk's stdin, in the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.engine import Engine, Target
from tests.engine.wheel import install_wheel
from tests.engine.wine import Setting, windows_path
from tests.stackhog import DUMP, SYMBOLS, TRIPLE

STACKHOG = Target(DUMP, symbols=[SYMBOLS])


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return install_wheel(wheel, tmp_path_factory.mktemp("python"))


def piped(engine: Engine, installed: Setting, commands: str) -> str:
    """What hogwalk prints of the answers, which come without prompts and without the commands."""
    python = windows_path(engine.prefix.python / "python.exe")
    (step,) = engine.kd(STACKHOG, [f'.shell -ci "{commands}" {python} -m hogwalk - --engine own'], installed)
    return step.output


def test_the_documented_line_with_a_kf_gives_the_published_sums(engine: Engine, installed: Setting) -> None:
    said = piped(engine, installed, f"!thread; .bugcheck; lmv; kf={TRIPLE} 200")
    assert "StackHog (Stack Hog Software, Inc.): 4496 bytes" in said, said
    assert "Bug check  7F (8, 80042000, 0, 0)" in said
