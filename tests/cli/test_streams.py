"""Pipes, full disks, closed streams, and things that are no files: one line, and an exit code that says which."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Sequence, Tuple

import pytest

from hogwalk.errors import BadInput
from hogwalk.targets.images.source import MappedFile
from hogwalk.targets.text import open_text
from tests.cli.running import HOGWALK, hogwalk
from tests.stackhog import DUMP, ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX devices and shells")
FULL = "hogwalk: stdout cannot be written (No space left on device); make room, or name another file\n"


def shell(line: str) -> Tuple[int, str]:
    """A shell's exit code and what came out on stderr; `$HOGWALK` calls hogwalk."""
    words = " ".join(f"'{word}'" for word in HOGWALK)
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("$HOGWALK", words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    quiet = [said for said in done.stderr.splitlines(True) if not said.rstrip().endswith(" ..")]
    return done.returncode, "".join(quiet)


LINES = "--json-lines hogwalk/app/demo/stackhog.recording"


@pytest.mark.parametrize("command", ["", "demo --json", "demo walk", "-h", "frame -h", LINES])
def test_a_full_disk_is_one_line_on_stderr(command: str) -> None:
    assert shell(f"$HOGWALK {command} > /dev/full") == (3, FULL)


@pytest.mark.parametrize("command", ["", "demo --json", "nonsense"])
def test_a_closed_stdout_is_one_line_on_stderr(command: str) -> None:
    code, errors = shell(f"$HOGWALK {command} >&-")
    assert code == 3
    assert errors == "hogwalk: stdout is closed; name a file, with > FILE\n" or command == "nonsense"
    assert errors.count("\n") == 1


@pytest.mark.parametrize("command", ["", "demo --json", "demo stack --all", "-h"])
def test_a_reader_that_has_seen_enough_ends_it_quietly(command: str) -> None:
    assert shell(f"$HOGWALK {command} | head -1 > /dev/null") == (0, "")


@pytest.mark.parametrize("words", [["{}"], ["-z", "{}", "--engine", "own"]])
def test_what_is_no_file_is_one_line(tmp_path: Path, words: Sequence[str]) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in ("/dev/zero", str(tmp_path / "fifo"), str(tmp_path)):
        ended = hogwalk(*[word.format(path) for word in words])
        assert (ended.code, (ended.out + ended.errors).count("\n")) == (3, 1)
        assert "Traceback" not in ended.errors


def test_an_endless_stream_is_no_text() -> None:
    with open("/dev/zero", "rb") as stream, pytest.raises(BadInput, match="this is no text: no line of it ends"):
        open_text(stream)


def test_a_file_that_shrinks_while_it_is_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "memory.dmp"
    path.write_bytes(bytes(1 << 20))
    file = MappedFile(str(path))
    assert file.read(1 << 19, 16) == bytes(16)
    os.truncate(path, 4096)
    assert file.read(0, 4096) == bytes(4096)
    with pytest.raises(BadInput, match=r"memory\.dmp has become shorter while it was read"):
        file.read(1 << 19, 16)
    file.close()


def test_a_whole_run_over_a_file_cut_meanwhile_is_one_line(tmp_path: Path) -> None:
    script = (
        "import os, sys\nfrom hogwalk.__main__ import main\nfrom hogwalk.targets.dump import opened\n"
        "whole = opened._open\n"
        "def cut(file):\n    found = whole(file)\n    os.truncate(file.path, 65536)\n    return found\n"
        "opened._open = cut\nsys.exit(main(['-z', sys.argv[1], '--engine', 'own']))\n"
    )
    dump = tmp_path / "memory.dmp"
    dump.write_bytes(DUMP.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", script, str(dump)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert "has become shorter while it was read" in done.stdout
    assert done.stdout.count("\n") == 1
