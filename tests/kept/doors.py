"""What hogwalk answers to a dump by each way in, from its JSON report."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from hogwalk.__main__ import main
from tests.engine.across import across
from tests.engine.engine import Engine, Target
from tests.engine.wine import Setting
from tests.lab.cases import StoredCase
from tests.lab.score import WORD
from tests.stackhog import LAUNCHER, ROOT

SETTING = Setting(import_path=(ROOT,), search_path=(LAUNCHER,), timeout=900)


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


def printed(*arguments: str) -> str:
    """What the command line prints; raises AssertionError where it fails."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        code = main(list(arguments))
    assert code == 0, shown.getvalue()
    return shown.getvalue()


def own(dump: Path, symbols: Path) -> Answer:
    """By hogwalk's own reader, as the command line prints it."""
    return answer(printed("-z", str(dump), "-y", str(symbols), "--engine", "own", "--json"))


def replayed(recording: Path) -> Answer:
    """By replaying a recording, without any dump."""
    return answer(printed(str(recording), "--json"))


def recorded_own(dump: Path, symbols: Path, recording: Path) -> Answer:
    """By replaying what a run of hogwalk's own reader recorded."""
    printed("-z", str(dump), "-y", str(symbols), "--engine", "own", "--record", str(recording))
    return replayed(recording)


def in_debugger(engine: Engine, dumps: Sequence[Target], *steps: str) -> List[List[str]]:
    """By `!py` in the real engine, all dumps in one session: what the steps print on each."""
    return [[step.output for step in done] for done in across(engine, dumps, [steps] * len(dumps), SETTING)]


def console(engine: Engine, dumps: Sequence[Target], folder: Path) -> List[Tuple[Answer, Answer]]:
    """By `hogwalk -z` of the Windows Python with pykd, and by replaying what each of those runs recorded."""
    named = [path for target in dumps for path in (target.dump, target.symbols[0]) if path is not None]
    done = engine.python(["-m", "tests.kept.console", folder, *named], SETTING)
    assert done.code == 0, done.stdout + done.stderr
    files = [folder / str(number) for number in range(len(dumps))]
    return [(answer(Path(f"{file}.json").read_text()), replayed(Path(f"{file}.recording"))) for file in files]


def logs(engine: Engine, dumps: Sequence[Target], documents: Sequence[str], folder: Path) -> List[Dict[str, Any]]:
    """By a log of the engine's own answers: what hogwalk makes of it, a JSON report each.

    `kf` starts where the other doors' report did, which its document says.
    """
    commands = [_asked(json.loads(document)) for document in documents]
    found: List[Dict[str, Any]] = []
    for number, done in enumerate(across(engine, dumps, commands, SETTING)):
        log = folder / f"{number}.log"
        log.write_text("".join(f"kd> {step.command}\n{step.output}\n" for step in done), "utf-8")
        found.append(json.loads(printed(str(log), "--json")))
    return found


def _asked(report: Dict[str, Any]) -> List[str]:
    ends = " ".join(report["stack"][end][2:] for end in ("limit", "base"))
    return ["!thread", f"dps {ends}", "lm", "lmv", report["start"]["command"]]


def found(case: StoredCase, given: Answer) -> List[Tuple[int, str]]:
    """An answer as the lab scores it.

    What ends in an unreadable page is nobody's, but for a frame known to end there.
    """
    pages = case.truth["unreadable_pages"]
    ends = [(int(page) + 0x1000 - WORD, "") for page in pages]
    return [*ends, *((slot, module) for slot, module, _ in given.rows)]
