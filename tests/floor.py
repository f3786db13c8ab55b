"""Run hogwalk and a part of its tests on the oldest Python it supports, where there is one: python -m tests.floor."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator, Optional

ROOT = Path(__file__).parent.parent
FLOOR = "3.8"
# Every command on every fixture, the public face, the readers of dumps, logs and images: each line that a user's
# run can reach, without the engine (which brings its own Python 3.9), the lab and the fuzzers.
PARTS = ("tests/goldens", "tests/core", "tests/parsers", "tests/explain", "tests/symbols", "tests/stitch")
NEEDS = ("pytest>=7.4,<9", "hypothesis>=6.100", "unicorn>=2.0.1", "pefile>=2023.2.7")


def found() -> Optional[Path]:
    """The interpreter of that very version, on PATH or where pyenv and uv keep theirs."""
    return next((path for path in _interpreters() if _version(path) == FLOOR), None)


def _interpreters() -> Iterator[Path]:
    name = f"python{FLOOR}"
    on_path = shutil.which(name)
    if on_path:
        yield Path(on_path)
    for folder in (Path.home() / ".pyenv/versions", Path.home() / ".local/share/uv/python"):
        yield from sorted(folder.glob(f"*{FLOOR}*/bin/{name}"))


def _version(interpreter: Path) -> str:
    question = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    asked = subprocess.run([str(interpreter), "-c", question], capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def run_on_the_floor() -> int:
    """The exit code of the tests in an environment of their own; 0, and a line that says so, without that Python."""
    interpreter = found()
    if interpreter is None:
        own = ".".join(map(str, sys.version_info[:2]))
        print(f"floor: no Python {FLOOR} on this machine; the suite runs on {own} only", file=sys.stderr, flush=True)
        return 0
    print(f"floor: {interpreter}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "bin" / "python"
        for command in (
            [str(interpreter), "-m", "venv", folder],
            [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-e", str(ROOT), *NEEDS],
        ):
            subprocess.run(command, check=True, stdout=sys.stderr)
        tests = ["-q", "-p", "no:cacheprovider", "-k", "not debugger", *PARTS]
        return subprocess.run([str(python), "-m", "pytest", *tests], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(run_on_the_floor())
