"""Fixtures for the whole suite."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.fixtures import engine, manners

__all__ = ["engine", "manners", "wheel"]

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built from this tree as a user would build it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)]
    subprocess.run(command, check=True, timeout=300)
    (built,) = folder.glob("hogwalk-*.whl")
    return built
