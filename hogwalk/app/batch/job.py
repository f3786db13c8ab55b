"""One dump of many: the line that it becomes."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import Any, Dict

from hogwalk.analysis import Run
from hogwalk.answer.render.json_report import document
from hogwalk.app.cli.open import open_target
from hogwalk.app.cli.progress import Progress
from hogwalk.app.cli.watch import Watch
from hogwalk.errors import HogwalkError, UsageError
from hogwalk.fault import guarded
from hogwalk.printable import printable_document
from hogwalk.walk.evidence import Request


@dataclass(frozen=True)
class Job:
    """A file to read and how to read it; `dump` is False where it may be a log or a recording, too.

    Plain data, for it travels to another process.
    """

    path: str
    symbols: str
    images: str
    engine: str
    dump: bool


@dataclass(frozen=True)
class Answer:
    """A job's line, and whether it holds a report rather than an error."""

    line: str
    good: bool


def answer(job: Job) -> Answer:
    """The report of a job's file as a line of JSON, or what is wrong with it."""
    try:
        return Answer(_line(job.path, guarded(lambda: _report(job))), True)
    except HogwalkError as error:
        return failed(job, error.wrong, error.remedy)


def failed(job: Job, wrong: str, remedy: str) -> Answer:
    """The line of a file that could not be read."""
    return Answer(_line(job.path, {"error": wrong, "remedy": remedy}), False)


def _line(path: str, rest: Dict[str, Any]) -> str:
    return json.dumps(printable_document({"file": path, **rest}), separators=(",", ":"))


def _report(job: Job) -> Dict[str, Any]:
    if job.path == "-":
        raise UsageError("a pipe cannot be one of many files", "save it to a file first")
    options = argparse.Namespace(
        command="triage",
        z=job.path if job.dump else None,
        k=None,
        file=job.path,
        y=job.symbols,
        i=job.images,
        engine=job.engine or None,
        table=None,
        thread=None,
        limit=None,
        base=None,
    )
    silent = Progress(quiet=True)
    return document(Run(open_target(options, silent, Watch()), Request(), None, silent).report())
