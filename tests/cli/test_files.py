"""What hogwalk writes: never over its input or another's file, and whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Iterator

import pytest

from hogwalk.app.cli.files import save
from hogwalk.errors import BadInput, UsageError
from tests.cli.running import hogwalk
from tests.stackhog import DEMO, DUMP

ASIDE = "exists and is no file of hogwalk's own; it will not be overwritten"


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    return Path(shutil.copy(DUMP, tmp_path / "MEMORY.DMP"))


@pytest.mark.parametrize(
    "words",
    [
        "--record MEMORY.DMP",
        "MEMORY.DMP --record MEMORY.DMP",
        "MEMORY.DMP --record same.dmp",
        "-z MEMORY.DMP --engine own --json MEMORY.DMP",
        "MEMORY.DMP --json same.dmp",
        "MEMORY.DMP --json notes.txt",
        "MEMORY.DMP --record notes.txt",
        "MEMORY.DMP --record .",
        "MEMORY.DMP --record new --json ./new",
    ],
)
def test_no_file_of_anothers_is_touched(dump: Path, words: str) -> None:
    (dump.parent / "notes.txt").write_text('not "schema": "hogwalk-report/2"\n')
    os.link(dump, dump.parent / "same.dmp")
    before = {path: path.read_bytes() for path in dump.parent.iterdir()}
    ended = hogwalk(*words.split(), cwd=dump.parent)
    assert ended.code == 2
    assert (ended.out + ended.errors).count("\n") == 1
    assert {path: path.read_bytes() for path in dump.parent.iterdir()} == before


def test_its_own_report_and_recording_are_replaced(dump: Path) -> None:
    for _ in range(2):
        for words in ("MEMORY.DMP --json out.json", "MEMORY.DMP --record out.recording"):
            ended = hogwalk(*words.split(), cwd=dump.parent)
            assert ended.code == 0, ended.errors
    assert json.loads((dump.parent / "out.json").read_text())["schema"] == "hogwalk-report/2"
    assert hogwalk("out.recording", cwd=dump.parent).code == 0
    assert sorted(path.name for path in dump.parent.iterdir()) == ["MEMORY.DMP", "out.json", "out.recording"]


@pytest.mark.parametrize("form", ["html", "markdown", "csv", "speedscope", "svg"])
def test_its_own_exports_are_replaced(tmp_path: Path, form: str) -> None:
    for _ in range(2):
        assert hogwalk(str(DEMO), f"--{form}", "out", cwd=tmp_path).code == 0
    assert len((tmp_path / "out").read_text().splitlines()) > 10


def test_a_recording_is_not_recorded_over_itself(tmp_path: Path) -> None:
    recording = Path(shutil.copy(DEMO, tmp_path / "demo.recording"))
    ended = hogwalk(str(recording), "--record", str(recording))
    assert ended.code == 2
    assert "is the file to read" in ended.out
    assert recording.read_bytes() == DEMO.read_bytes()


def test_what_was_there_stays_when_writing_fails(tmp_path: Path) -> None:
    place = tmp_path / "out.json"
    save(str(place), ['{"schema": "hogwalk-report/2"}'])
    kept = place.read_bytes()

    def lines() -> Iterator[str]:
        yield '{"schema": "hogwalk-report/2",'
        raise OSError(28, "No space left on device")

    with pytest.raises(BadInput, match="No space left on device"):
        save(str(place), lines())
    assert place.read_bytes() == kept
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
    place.write_text("mine\n")
    with pytest.raises(UsageError, match=ASIDE):
        save(str(place), ["{}"])
    assert place.read_text() == "mine\n"


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="POSIX only")
def test_a_device_may_be_named(dump: Path) -> None:
    assert hogwalk("MEMORY.DMP", "--json", "/dev/null", cwd=dump.parent).code == 0
