"""`threads`: the one command that looks at more than one stack."""

from __future__ import annotations

import argparse
from typing import Iterable

from hogwalk.answer.render.json_report import written
from hogwalk.answer.render.json_threads import threads_document
from hogwalk.answer.render.table import Look
from hogwalk.answer.render.threads import render_threads
from hogwalk.answer.threads.survey import survey
from hogwalk.app.cli.progress import Progress
from hogwalk.errors import BadInput, UsageError
from hogwalk.targets.dump import DumpTarget
from hogwalk.targets.protocol import Target


def thread_lines(target: Target, options: argparse.Namespace, look: Look, progress: Progress) -> Iterable[str]:
    """The table of threads, or its JSON document; raises BadInput for anything but a dump read by hogwalk itself."""
    if options.n < 0:
        raise UsageError("-n wants 0 or more")
    if options.record:
        raise UsageError("threads cannot be recorded", "keep the dump itself")
    if not isinstance(target, DumpTarget):
        raise BadInput("`threads` reads a dump file only", "run `hogwalk -z DUMP threads` outside the debugger")
    uses = survey(target, options.by, options.n, progress, progress.advance)
    if options.json is not None:
        return written(threads_document(target.about(), uses, target.notes)).split("\n")
    return render_threads(target.about(), uses, target.notes, look)
