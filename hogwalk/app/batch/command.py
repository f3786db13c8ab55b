"""`--json-lines`: every file and dump named on the command line, one line each."""

from __future__ import annotations

import argparse
import os
import sys

from hogwalk.app.batch.job import Job
from hogwalk.app.batch.pool import Plan, Pool
from hogwalk.app.cli.host import has_pykd, inside_debugger
from hogwalk.app.cli.output import on_terminal, write_lines
from hogwalk.app.cli.progress import Progress
from hogwalk.errors import BadInput, UsageError


def run_many(options: argparse.Namespace) -> int:
    """Prints a line for each of the files, then for each -z, in order; returns 0, or 3 when any of them is an error."""
    if inside_debugger():
        raise UsageError("--json-lines is for use outside the debugger", "run `python -m hogwalk` from a shell")
    engine = options.engine or ""
    jobs = [Job(path, options.y, options.i, engine, dump=False) for path in options.files]
    jobs += [Job(path, options.y, options.i, engine, dump=True) for path in options.dumps]
    plan = Plan(min(options.jobs or processors(), len(jobs)), options.timeout, _debugger_reads(engine))
    bad = 0
    with Progress(quiet=on_terminal()) as progress:  # a bar would be in the lines' way
        progress("reading dumps", len(jobs))
        for answer in Pool(jobs, plan).answers():
            progress.advance()
            write_lines([answer.line])
            bad += not answer.good
    return BadInput.exit_code if bad else 0


def processors() -> int:
    """How many processors this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _debugger_reads(engine: str) -> bool:
    # The debugger's engine serves one dump in a process: the next one needs a new process.
    return engine != "own" and has_pykd()
