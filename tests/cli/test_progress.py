"""What is said of a run that takes its time."""

from __future__ import annotations

import sys

import pytest

from hogwalk.app.cli import progress as module
from hogwalk.app.cli.progress import Progress
from hogwalk.walk.evidence import Request, gather
from hogwalk.walk.rebuild import rebuild
from tests.bench.scale import BASE, Plain, stack_of
from tests.cli.running import fed_on_terminal

LOG = "kd> dds b8ae6000 b8ae9000\n" + "".join(f"b8ae{at:04x}  00000000\n" for at in range(0x6000, 0x9000, 4))
ENDS = ("--limit", "b8ae6000", "--base", "b8ae9000")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_slow_run_shows_a_bar_and_takes_it_away() -> None:
    printed = fed_on_terminal(100, ["-", "stack", *ENDS], "hogwalk: reading the log", LOG)
    bar, result = printed.rindex("hogwalk: reading the log"), printed.index("stack b8ae6000..b8ae9000")
    assert bar < result
    assert "\x1b[2K" in printed[bar:result]  # the bar's line is cleared


def test_a_quick_run_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(quiet=False) as progress:
        progress("thinking")
        progress.advance()
    assert capsys.readouterr().err == ""


def test_without_a_terminal_each_late_step_is_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", -1.0)
    with Progress(quiet=False) as progress:
        progress("thinking", 2)
        progress.advance()
    with Progress(quiet=True) as progress:
        progress("hushed")
    assert capsys.readouterr().err == "hogwalk: thinking ..\n"


def test_a_large_stack_says_how_far_its_walk_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", -1.0)
    stack = stack_of(128 << 10)
    with Progress(quiet=False) as progress:
        rebuild(gather(Plain(stack), Request(BASE - len(stack), BASE), progress), announce=progress)
    said = [line for line in capsys.readouterr().err.splitlines() if "rebuilding the frames" in line]
    counts = [int(line.partition("code: ")[2].partition(" of ")[0]) for line in said]
    assert counts == [0, 1000, 2000, 3000] * 2  # the likeliest candidates first; then more, where that is not enough
