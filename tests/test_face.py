"""The public face: the docstring's session runs, and each way in gives what the command line gives."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from pathlib import Path

import pytest

import hogwalk
from hogwalk import analyze, open_dump, open_engine, open_log
from hogwalk.errors import BadInput, NoDebugger
from tests.stackhog import DEMO, DUMP, HOG_BYTES, ROOT, SYMBOLS


def test_the_session_in_the_docstring_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = doctest.testmod(hogwalk)
    assert found.attempted >= 6
    assert found.failed == 0


def test_a_recording_and_a_log_are_told_apart() -> None:
    for path in (DEMO, ROOT / "fixtures" / "logs" / "stackhog.log"):
        report = analyze(open_log(str(path)))
        assert report.hog is not None
        assert (report.hog.product.name, report.hog.share.bytes) == ("StackHog", HOG_BYTES)


def test_another_range_can_be_asked_for() -> None:
    target = open_dump(str(DUMP), str(SYMBOLS))
    report = analyze(target, limit=0xB8AE7000, base=0xB8AE9000)
    assert (report.region.limit, report.region.size) == (0xB8AE7000, 0x2000)


def test_what_goes_wrong_is_one_line_and_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as missing:
        open_dump(str(tmp_path / "none.dmp"))
    assert missing.value.remedy
    if not os.environ.get("PYKD") and sys.platform != "win32":
        with pytest.raises(NoDebugger):
            open_engine()


def test_importing_the_package_brings_nothing_in() -> None:
    asked = "import sys, hogwalk; print(sorted(name for name in sys.modules if name.startswith('hogwalk')))"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['hogwalk']"
