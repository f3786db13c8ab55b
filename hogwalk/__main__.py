"""The way in for `!py -m hogwalk`, `python -m hogwalk`, the console command and the launcher."""

from __future__ import annotations

import sys
from typing import List, Optional, Sequence

from hogwalk.analysis import Wanted
from hogwalk.cli.arguments import parse
from hogwalk.cli.commands import given_triple, lines
from hogwalk.cli.open import open_target
from hogwalk.cli.output import Progress, write_lines
from hogwalk.cli.run import Run
from hogwalk.errors import HogwalkError
from hogwalk.target.recording import Recorder


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs one command line and returns the exit code: 0 done, 1 nothing found, 2 usage, 3 bad input."""
    try:
        _run(sys.argv[1:] if arguments is None else arguments)
        return 0
    except HogwalkError as error:
        write_lines([f"hogwalk: {error.line()}"])
        return error.exit_code


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
    where = getattr(options, "json", None)
    if where not in (None, "-"):
        _save(where, output)
        output = [f"report written to {where}"]
    write_lines(output)
    if recorder is not None:
        _save(options.record, recorder.lines())
        write_lines([f"recording written to {options.record}"])


def _save(path: str, output: List[str]) -> None:
    from hogwalk.errors import BadInput

    try:
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write("\n".join(output) + "\n")
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror})", "name a file in a folder you can write to") from error


def console() -> None:
    """The console command."""
    sys.exit(main())


if __name__ == "__main__":
    sys.exit(main())
