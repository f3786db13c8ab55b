"""The way in for `!py -m hogwalk`, `python -m hogwalk`, the console command and the launcher."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Optional, Sequence

from hogwalk.app.cli.arguments import parse
from hogwalk.app.cli.host import inside_debugger
from hogwalk.app.cli.output import complain, flush, write_lines
from hogwalk.errors import HogwalkError, OutputLost
from hogwalk.fault import guarded

INTERRUPTED = 130  # what shells report for a program ended by Ctrl+C


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs one command line and returns the exit code: 0 done, 1 nothing found, 2 usage, 3 bad input."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        return guarded(lambda: _run(words))
    except OutputLost as error:
        complain(error.line())
        return error.exit_code
    except HogwalkError as error:
        _complain(words, error.line())
        return error.exit_code
    except KeyboardInterrupt:
        if not inside_debugger():
            raise
        _complain(words, "interrupted")  # there nobody else would catch it
        return INTERRUPTED


def _run(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    if options.command == "summary":
        from hogwalk.app.batch.summary import summary_lines
        from hogwalk.app.cli.one import deliver
        from hogwalk.app.cli.output import look_here

        deliver(list(summary_lines(options.reports, options.json is not None, look_here())), options.json)
        return 0
    # Only now: -h and a mistyped command need none of what these bring in.
    if options.json_lines:
        from hogwalk.app.batch.command import run_many

        return run_many(options)
    from hogwalk.app.cli.one import run_one

    run_one(options)
    return 0


def _complain(arguments: Sequence[str], words: str) -> None:
    # Where a program reads stdout as JSON, a complaint would spoil it.
    if any(word.startswith("--json") for word in arguments):
        complain(words)
    else:
        write_lines([f"hogwalk: {words}"])


def console() -> None:
    """The console command; a reader that closes its pipe early ends it quietly, and so does Ctrl+C."""
    try:
        code = _exit_code()
        if code != OutputLost.exit_code:
            flush()
    except BrokenPipeError:
        code = 0
        _close()
    except OutputLost as error:
        complain(error.line())
        code = error.exit_code
    except KeyboardInterrupt:
        complain("interrupted")
        code = INTERRUPTED
    if code == OutputLost.exit_code:
        _close()
    sys.exit(code)


def _exit_code() -> int:
    try:
        return main()
    except SystemExit as ended:  # -h and --version
        return ended.code if isinstance(ended.code, int) else 0


def _close() -> None:
    # Or the interpreter's own flush fails again, and says so.  The debugger's stream has no file behind it.
    if hasattr(sys.stdout, "fileno"):
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    console()
