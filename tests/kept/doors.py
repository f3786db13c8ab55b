"""What hogwalk answers to a dump by each way in, from its JSON report."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from hogwalk.__main__ import main
from tests.engine.engine import Engine, Target
from tests.engine.wine import Setting, windows_path
from tests.lab.cases import StoredCase
from tests.lab.score import WORD
from tests.stackhog import LAUNCHER, ROOT

SETTING = Setting(import_path=(ROOT,), search_path=(LAUNCHER,))


@dataclass(frozen=True)
class Answer:
    """A report: its rows (return slot, module, bytes), the bytes of each gap, what is printed as the hog, the range."""

    rows: Tuple[Tuple[int, str, Optional[int]], ...]
    gaps: Tuple[int, ...]
    hog: str
    size: int


def answer(document: str) -> Answer:
    """The answer that a JSON report holds; raises ValueError on anything else."""
    report: Dict[str, Any] = json.loads(document)
    rows = tuple((int(f["return_slot"], 16), str(f["module"]), f["bytes"]) for f in report["frames"])
    named = report["confidence"]["product"] if report["confidence"] else ""
    return Answer(rows, tuple(gap["bytes"] for gap in report["gaps"]), named, report["stack"]["bytes"])


def own(dump: Path, symbols: Path) -> Answer:
    """By hogwalk's own reader, as the command line prints it."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = main(["-z", str(dump), "-y", str(symbols), "--engine", "own", "--json"])
    assert code == 0, printed.getvalue()
    return answer(printed.getvalue())


def in_debugger(engine: Engine, dump: Path, symbols: Path) -> Answer:
    """By `!py hogwalk` in the real engine."""
    (step,) = engine.host(Target(dump, symbols=[symbols]), ["!py hogwalk --json"], SETTING)
    return answer(step.output)


def console(engine: Engine, dump: Path, symbols: Path, recording: Path) -> Tuple[Answer, Answer]:
    """By `hogwalk -z` of the Windows Python with pykd, and by replaying what that run recorded."""
    options = ["-z", windows_path(dump), "-y", windows_path(symbols), "--json", "--record", windows_path(recording)]
    done = engine.python(["-m", "hogwalk", *options], SETTING)
    assert done.code == 0, done.stdout + done.stderr
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main([str(recording), "--json"]) == 0
    document = done.stdout[: done.stdout.rindex("}") + 1]
    return answer(document), answer(printed.getvalue())


def found(case: StoredCase, given: Answer) -> List[Tuple[int, str]]:
    """An answer as the lab scores it.

    What ends in an unreadable page is nobody's, but for a frame known to end there.
    """
    pages = case.truth["unreadable_pages"]
    ends = [(int(page) + 0x1000 - WORD, "") for page in pages]
    return [*ends, *((slot, module) for slot, module, _ in given.rows)]
