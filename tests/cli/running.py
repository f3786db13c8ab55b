"""Runs hogwalk as a user does: as a process of its own, with its output in a pipe or on a terminal."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, Optional, Sequence, Tuple

from tests.stackhog import DUMP, ROOT, SYMBOLS

STACKHOG = ("-z", str(DUMP), "-y", str(SYMBOLS), "--engine", "own")
HOGWALK = (sys.executable, "-m", "hogwalk")


@dataclass(frozen=True)
class Ended:
    """How a run ended and what it printed."""

    code: int
    out: str
    errors: str


def hogwalk(*arguments: str, text: Optional[str] = None, cwd: Path = ROOT) -> Ended:
    """A run in a folder with its output in pipes and `text`, or nothing, on its input."""
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [*HOGWALK, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": paths},
        **({"stdin": subprocess.DEVNULL} if text is None else {"input": text}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def on_terminal(columns: int, arguments: Sequence[str], settings: Optional[Dict[str, str]] = None) -> str:
    """What a run prints on a terminal of so many columns (POSIX only)."""
    with terminal(columns) as (ours, theirs):
        with _process(arguments, theirs, theirs, settings) as process:
            os.close(theirs)
            printed = "".join(pieces(ours))
        assert process.returncode == 0, printed[-500:]
        return printed


def fed_on_terminal(columns: int, arguments: Sequence[str], until: str, text: str) -> str:
    """What a run prints on a terminal when its input comes only after it has printed `until`."""
    with terminal(columns) as (ours, theirs):
        with _process(arguments, subprocess.PIPE, theirs, None) as process:
            os.close(theirs)
            printed = ""
            for piece in pieces(ours):
                printed += piece
                if until in printed and process.stdin is not None and not process.stdin.closed:
                    process.stdin.write(text.encode())
                    process.stdin.close()
        assert process.returncode == 0, printed[-500:]
        return printed


def _process(
    arguments: Sequence[str], source: int, shown: int, settings: Optional[Dict[str, str]]
) -> subprocess.Popen[bytes]:
    plain = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment = {**plain, "TERM": "xterm-256color", **(settings or {})}
    command = [*HOGWALK, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdin=source, stdout=shown, stderr=shown, env=environment)


@contextlib.contextmanager
def terminal(columns: int) -> Iterator[Tuple[int, int]]:
    """A pseudo-terminal's two ends: the one to read from, and the one for the program, which the caller closes."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    try:
        yield ours, theirs
    finally:
        os.close(ours)


def pieces(ours: int) -> Iterator[str]:
    """What arrives on a terminal until the program's end closes; fails when nothing does for a minute."""
    while True:
        ready, _, _ = select.select([ours], [], [], 60)
        assert ready, "nothing printed for a minute"
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux says so when the other side is closed
            return
        if not piece:
            return
        yield piece.decode("utf-8", "replace").replace("\r\n", "\n")
