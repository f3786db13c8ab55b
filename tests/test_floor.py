"""Nothing in the project needs a newer Python than the oldest that it names."""

from __future__ import annotations

import subprocess
import sys

from tests.floor import FLOOR, ROOT, found


def test_the_sources_need_no_newer_python() -> None:
    options = (f"-t={FLOOR}-", "--no-tips", "--violations", "hogwalk", "tests", "fixtures")
    command = [sys.executable, "-c", "from vermin import main; main()", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Minimum required versions: {FLOOR}" in done.stdout


def test_the_package_names_the_same_floor() -> None:
    assert f'requires-python = ">={FLOOR}"' in (ROOT / "pyproject.toml").read_text()


def test_a_python_of_another_version_is_not_taken_for_it() -> None:
    path = found()
    assert path is None or FLOOR in path.name
