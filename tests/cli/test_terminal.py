"""Colour, width and bars on a terminal; plain text, exit codes and quiet ends elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hogwalk.app.cli.options import COMMANDS
from tests.cli.running import HOGWALK, STACKHOG, hogwalk, on_terminal
from tests.stackhog import DEMO, HOGS, ROOT

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")


@posix
def test_a_terminal_gets_the_hog_the_bars_and_the_trust_in_colour() -> None:
    printed = on_terminal(120, [*STACKHOG])
    assert "\x1b[1;31mHog\x1b[0m        \x1b[1;31mStackHog (Stack Hog Software, Inc.): 4496 bytes" in printed
    assert "[\x1b[36m######\x1b[0m\x1b[2m....\x1b[0m]" in printed
    rows = on_terminal(120, [*STACKHOG, "walk"])
    assert "\x1b[32mlinked\x1b[0m" in rows
    assert "\x1b[35mtrap\x1b[0m" in rows


@posix
@pytest.mark.parametrize("settings", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_can_be_refused(settings: dict[str, str]) -> None:
    printed = on_terminal(120, [*STACKHOG], settings)
    assert "\x1b" not in printed
    assert "[######....]" in printed


@posix
def test_without_rich_a_terminal_gets_plain_text(tmp_path: Path) -> None:
    # A finder that hides the library, as in a Python that hogwalk was only copied to.
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nfound = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name == 'rich' else found(name, package)\n"
    )
    printed = on_terminal(120, [*STACKHOG], {"PYTHONPATH": str(tmp_path)})
    assert "\x1b" not in printed
    assert "StackHog (Stack Hog Software, Inc.): 4496 bytes" in printed


@posix
def test_a_hundred_columns_without_colour_and_bars_are_what_a_pipe_gets() -> None:
    assert COLOUR.sub("", on_terminal(100, [*STACKHOG, "candidates"])) == hogwalk(*STACKHOG, "candidates").out


@posix
def test_tables_are_as_wide_as_the_terminal() -> None:
    narrow = COLOUR.sub("", on_terminal(60, [*STACKHOG])).splitlines()
    assert max(map(len, narrow)) <= 60
    # What a slow machine announces ends so.
    assert [line for line in narrow if line.endswith("..") and not line.startswith("hogwalk: ")] == []
    wide = COLOUR.sub("", on_terminal(160, [*STACKHOG])).splitlines()
    assert any(line.endswith(", ".join(HOGS)) and line.startswith(" 4496") for line in wide)
    prose = [line for line in wide if line.startswith(" " * 11)]
    assert max(map(len, prose)) <= 100


def test_a_pipe_gets_plain_ascii_of_a_hundred_columns() -> None:
    ended = hogwalk(*STACKHOG)
    assert (ended.code, ended.errors) == (0, "")
    assert ended.out.isascii()
    assert "\x1b" not in ended.out
    assert "[##" not in ended.out
    assert max(map(len, ended.out.splitlines())) <= 100


def test_exit_codes(tmp_path: Path) -> None:
    silent = tmp_path / "empty.log"
    silent.write_text("nothing of a stack\n")
    foreign = tmp_path / "foreign.dmp"
    foreign.write_bytes(b"\x7fELF" + bytes(100))
    assert hogwalk("--version").code == 0
    assert hogwalk(str(silent)).code == 1
    assert hogwalk("walk", "1").code == 2
    assert hogwalk("nosuchcommand").code == 2
    assert hogwalk("-z", str(foreign)).code == 3
    assert hogwalk("-z", str(tmp_path / "none.dmp")).code == 3


def test_a_complaint_does_not_spoil_json(tmp_path: Path) -> None:
    ended = hogwalk("-z", str(tmp_path / "none.dmp"), "--json")
    assert (ended.code, ended.out) == (3, "")
    assert ended.errors.startswith("hogwalk: there is no dump file")


def test_a_reader_that_leaves_early_hears_nothing() -> None:
    command = [*HOGWALK, *STACKHOG, "stack", "--all"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_each_command_has_help(command: str) -> None:
    ended = hogwalk(command, "-h")
    assert (ended.code, ended.errors) == (0, "")
    for words in (COMMANDS[command].split(":")[0], "-z DUMP", "Exit codes"):
        assert " ".join(words.split()) in " ".join(ended.out.split())


def test_the_overview_names_every_command() -> None:
    overview = hogwalk("-h").out
    assert "hogwalk [FILE] [COMMAND] [OPTIONS]" in overview
    assert all(f"\n  {command} " in overview for command in COMMANDS)


SHOWN = (
    "",
    "walk",
    "walk --why",
    "stack",
    "candidates",
    "compare",
    "usage",
    "usage --by product",
    "frame 51",
    "charge",
)


@pytest.mark.parametrize("command", [*SHOWN, "usage --by function", "verdict"])
def test_on_eighty_columns_every_line_fits_and_no_name_loses_its_end(command: str) -> None:
    printed = on_terminal(80, [str(DEMO), *command.split()], {"NO_COLOR": "1"})
    lines = [line for line in printed.splitlines() if not line.startswith("hogwalk: ")]
    assert len(lines) > 2
    assert [line for line in lines if len(line) > 80] == []
    assert [line for line in lines if line.rstrip().endswith("..")] == []
