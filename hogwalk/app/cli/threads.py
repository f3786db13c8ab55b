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
from hogwalk.targets.parsers.remarks import is_remark, meaning
from hogwalk.targets.protocol import Target
from hogwalk.targets.recording import Replay


def thread_lines(target: Target, options: argparse.Namespace, look: Look, progress: Progress) -> Iterable[str]:
    """The table of threads, or its JSON document; raises BadInput for a recording and a text."""
    if options.n < 0:
        raise UsageError("-n wants 0 or more")
    if options.record:
        raise UsageError("threads cannot be recorded", "keep the dump itself")
    if isinstance(target, Replay) or target.about().kind == "text":
        raise BadInput(
            "`threads` looks at a dump or a live machine, not at a recording or a text", "run it where the threads are"
        )
    uses = survey(target, options.by, options.n, progress, progress.advance)
    notes = [note for note in target.notes if not is_remark(note)]
    notes += meaning(filter(is_remark, target.notes))
    if options.json is not None:
        return written(threads_document(target.about(), uses, notes)).split("\n")
    return render_threads(target.about(), uses, notes, look)
