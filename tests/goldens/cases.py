"""Which command lines have a golden, and what each prints now."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

from hogwalk.__main__ import main
from tests.engine.engine import unannounced
from tests.stackhog import ROOT, TRIPLE

EXPECTED = Path(__file__).parent / "expected"
# The file's stem, the command line and its options.  The JSON of triage, candidates, walk and usage is one document,
# so they share one file.  Help is not here: argparse words it differently from one Python to the next.
TEXTS: Tuple[Tuple[str, str], ...] = (
    ("triage", "triage"),
    ("stack", "stack"),
    ("stack-all", "stack --all"),
    ("candidates", "candidates -n 50"),
    ("walk", "walk"),
    ("walk-why", "walk --why"),
    ("walk-triple", f"walk {TRIPLE}"),
    ("compare", "compare"),
    ("compare-all", "compare --all"),
    ("usage-module", "usage"),
    ("usage-product", "usage --by product"),
    ("usage-function", "usage --by function"),
    ("frame", "frame #50"),
    ("frame-first", "frame #0"),
    ("frame-trap", "frame b8ae6578"),
    ("frame-none", "frame #ffff"),
    ("heal", "heal"),
    ("threads", "threads"),
    ("verdict", "verdict"),
    ("charge", "charge"),
    ("charge-without", "charge --without MamaHog"),
)
DOCUMENTS: Tuple[Tuple[str, str], ...] = (
    ("report", "triage --json"),
    ("report", "candidates --json"),
    ("report", "walk --json"),
    ("report", "usage --json"),
    ("compare", "compare --json"),
    ("frame", "frame #50 --json"),
    ("threads", "threads --json"),
)
DOORS = {
    "recording": "hogwalk/app/demo/stackhog.recording",  # which the real engine recorded
    "own": "-z fixtures/stackhog/memory.dmp -y fixtures/stackhog/symbols --engine own",
}
# What the debugger alone can do.
ENGINE: Tuple[Tuple[str, str], ...] = (("heal", "heal"),)


@dataclass(frozen=True)
class Case:
    """One command line and the file, relative to EXPECTED, that holds what it prints."""

    file: str
    arguments: str


def cases() -> Iterator[Case]:
    """Every command line that runs without a debugger."""
    for door, options in DOORS.items():
        for stem, words in TEXTS:
            yield Case(f"{door}/{stem}.txt", f"{options} {words}")
        for stem, words in DOCUMENTS:
            yield Case(f"{door}/{stem}.json", f"{options} {words}")
    for log in texts("logs"):
        for stem, words in (("triage.txt", "triage"), ("walk.txt", "walk"), ("report.json", "triage --json")):
            yield Case(f"logs/{log.stem}.{stem}", f"{log.relative_to(ROOT).as_posix()} {words}")
    for log in texts("kf"):
        yield Case(f"kf/{log.stem}.txt", f"{log.relative_to(ROOT).as_posix()} walk")


def texts(folder: str) -> List[Path]:
    """The logs and tables of a folder of fixtures."""
    return sorted(path for path in (ROOT / "fixtures" / folder).iterdir() if path.suffix in (".log", ".txt"))


def engine_steps() -> Dict[str, str]:
    """The `!py` steps that run on the StackHog dump in the debugger, and the file that each must print.

    What it recorded it must say again: all but ENGINE are the recording's own files.
    """
    again = [(f"recording/{stem}.txt", words) for stem, words in TEXTS if stem not in ("heal", "threads")]
    again += [("recording/report.json", "--json"), ("recording/frame.json", "frame #50 --json")]
    own = [(f"engine/{stem}.txt", words) for stem, words in ENGINE]
    return {f"!py hogwalk {words}": file for file, words in again + own}


def printed(arguments: str) -> str:
    """What a command line prints on both streams, from the project's folder; a code other than 0 is the last line.

    The project's own folder reads as PROJECT.
    """
    shown = io.StringIO()
    here = os.getcwd()
    os.chdir(ROOT)
    try:
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
            code = main(shlex.split(arguments))
    finally:
        os.chdir(here)
    return unannounced(shown.getvalue()).replace(str(ROOT), "PROJECT") + (f"exit code {code}\n" if code else "")


def expected(file: str) -> str:
    """A golden's text, "" where there is none yet."""
    path = EXPECTED / file
    return path.read_text(encoding="ascii") if path.is_file() else ""


def kept(file: str, text: str) -> bool:
    """Writes a golden anew; whether it was the same already."""
    if expected(file) == text:
        return True
    path = EXPECTED / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("ascii"))
    return False
