"""The wheel, installed as a user installs it: the console command, the module, and the file that `!py` finds."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import List

import pytest


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts folder of a fresh environment that holds the wheel."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    folder = home / ("Scripts" if os.name == "nt" else "bin")
    command = [sys.executable, "-m", "pip", "--python", str(folder / "python"), "install", "-q", "--no-deps"]
    subprocess.run([*command, str(wheel)], check=True, timeout=120)
    return folder


def printed(command: List[str], folder: Path) -> str:
    """What a program of that environment prints, hogwalk's requirements lent by this one."""
    environment = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")}
    done = subprocess.run(
        command, cwd=folder.parent, env=environment, stdout=subprocess.PIPE, check=True, encoding="ascii", timeout=120
    )
    return done.stdout


def test_every_door_leads_to_the_same_triage(scripts: Path) -> None:
    by_name = printed([str(scripts / "hogwalk")], scripts)
    assert "Hog        StackHog" in by_name
    python = str(scripts / "python")
    assert printed([python, "-m", "hogwalk"], scripts) == by_name
    assert printed([python, str(scripts / "hogwalk.py")], scripts) == by_name


def test_the_version_is_the_wheel_s(scripts: Path, wheel: Path) -> None:
    version = wheel.name.split("-")[1]
    assert printed([str(scripts / "hogwalk"), "--version"], scripts) == f"hogwalk {version}\n"
