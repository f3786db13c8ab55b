"""The way in for `!py -m hogwalk`, `python -m hogwalk`, the console command and the launcher."""

from __future__ import annotations

import os
import sys
from typing import List, Optional, Sequence

from hogwalk.analysis import Wanted
from hogwalk.cli.arguments import parse
from hogwalk.cli.commands import given_triple, lines
from hogwalk.cli.open import open_target
from hogwalk.cli.output import Progress, write_lines
from hogwalk.cli.run import Run
from hogwalk.errors import BadInput, HogwalkError
from hogwalk.target.recording import Recorder


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs one command line and returns the exit code: 0 done, 1 nothing found, 2 usage, 3 bad input."""
    try:
        _run(sys.argv[1:] if arguments is None else arguments)
        return 0
    except HogwalkError as error:
        write_lines([f"hogwalk: {error.line()}"])
        return error.exit_code
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - the one place: a live triage must see one line, not a traceback
        write_lines([f"hogwalk: {_fault(error)}"])
        return 3


def _fault(error: Exception) -> str:
    """Where hogwalk itself went wrong, in one line."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace is not None else "?"
    return f"a fault of hogwalk's own ({type(error).__name__} at {where}: {error}); report it with a --record file"


def _run(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    wanted = Wanted(options.limit, options.base, options.thread)
    if options.command == "stack" and options.range:
        wanted = Wanted(options.range[0], options.range[1] if len(options.range) > 1 else None, options.thread)
    triple = given_triple(options.triple) if options.command == "walk" and options.triple else None
    target = open_target(options)
    recorder = Recorder(target) if options.record else None
    run = Run(recorder or target, wanted, triple, Progress(getattr(options, "json", None) == "-"))
    output = list(lines(run, options))
    where: Optional[str] = getattr(options, "json", None)
    if where is not None and where != "-":
        _save(where, output)
        output = [f"report written to {where}"]
    write_lines(output)
    if recorder is not None:
        run.complete()
        _save(options.record, recorder.lines())
        write_lines([f"recording written to {options.record}"])


def _save(path: str, output: List[str]) -> None:
    try:
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write("\n".join(output) + "\n")
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror})", "name a file in a writable folder") from error


def console() -> None:
    """The console command; a reader that closes its pipe early ends it quietly."""
    try:
        code = main()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter's own flush fails again
        code = 0
    sys.exit(code)


if __name__ == "__main__":
    console()
