"""The compiled modules that `!py` takes out of one file: the same code as ever, of today's sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Tuple

import pytest

from tests.stackhog import ROOT

DAMAGED = (b"", b"\xff\xff", b"{", b"i\x01\0\0\0", b"s\xff\0\0\0cut")


class Installed:
    """A copy of the package, run by its launcher as `!py` runs it; `cache` is where Python keeps compiled code."""

    def __init__(self, folder: Path) -> None:
        self.package, self.cache = folder / "hogwalk", folder / "cache"
        shutil.copytree(ROOT / "hogwalk", self.package, ignore=shutil.ignore_patterns("__pycache__"))

    def run(self, **settings: str) -> str:
        """What the demo prints; raises CalledProcessError where it fails."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        paths = {"PYTHONPATH": str(self.package.parent), "PYTHONPYCACHEPREFIX": str(self.cache)}
        command = [sys.executable, str(self.package / "app" / "launcher" / "hogwalk.py"), "demo"]
        done = subprocess.run(
            command,
            env={**kept, **paths, **settings},
            stdout=subprocess.PIPE,
            check=True,
            timeout=120,
            encoding="ascii",
        )
        return done.stdout

    def bundles(self) -> Tuple[Path, ...]:
        """The bundles there are: one, once it ran."""
        return tuple(self.cache.rglob("*.bundle"))


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    """A package of one's own."""
    return Installed(tmp_path)


def spoil(source: Path) -> None:
    """Makes a source that cannot be compiled, of the same size and time."""
    about = source.stat()
    source.write_bytes(b"(" * about.st_size)
    os.utime(source, ns=(about.st_atime_ns, about.st_mtime_ns))


def test_the_second_call_takes_its_code_out_of_one_file(installed: Installed) -> None:
    first = installed.run()
    (bundle,) = installed.bundles()
    written = bundle.stat().st_mtime_ns
    for compiled in installed.cache.rglob("*.pyc"):
        compiled.unlink()
    for source in (installed.package / "walk").rglob("*.py"):
        spoil(source)
    assert installed.run() == first
    assert bundle.stat().st_mtime_ns == written


def test_a_changed_source_is_compiled_anew(installed: Installed) -> None:
    installed.run()
    source = installed.package / "app" / "cli" / "one.py"
    source.write_text(source.read_text("ascii").replace("built-in demo", "newer demo"), "ascii")
    assert "this is the newer demo" in installed.run()
    assert "this is the newer demo" in installed.run()


def test_a_copied_folder_runs_its_own_sources(installed: Installed, tmp_path: Path) -> None:
    installed.run()
    moved = Installed(tmp_path / "moved")
    (bundle,) = installed.bundles()
    place = Path(str(moved.cache) + str(moved.package))
    place.mkdir(parents=True)
    shutil.copy(bundle, place / bundle.name)
    source = moved.package / "app" / "cli" / "one.py"
    about = source.stat()
    source.write_text(source.read_text("ascii").replace("built-in demo", "other-in demo"[:13]), "ascii")
    os.utime(source, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert "this is the other-in demo" in moved.run()


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_bundle_is_written_anew(installed: Installed, content: bytes) -> None:
    first = installed.run()
    (bundle,) = installed.bundles()
    bundle.write_bytes(content)
    assert installed.run() == first
    assert bundle.stat().st_size > 100_000


def test_nothing_is_written_where_python_may_not_either(installed: Installed) -> None:
    first = installed.run(PYTHONDONTWRITEBYTECODE="1")
    assert installed.bundles() == ()
    blocked = Path(str(installed.cache) + str(installed.package))
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where the folder should be", "ascii")
    assert installed.run() == first
