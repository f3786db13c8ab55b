"""The command line's grammar: `hogwalk [FILE] [COMMAND] [OPTIONS]`; a bare call is `triage`."""

from __future__ import annotations

import argparse
import glob
import os
from typing import List, Optional, Sequence, Tuple

from hogwalk.app.cli.exports import OPTIONS
from hogwalk.app.cli.files import REPORT, is_own
from hogwalk.app.cli.options import COMMANDS, VALUED, Parser, command_parser, top_parser
from hogwalk.errors import UsageError

__all__ = ["COMMANDS", "expanded", "parse"]

WILD = "*?["  # cmd.exe and PowerShell leave patterns to the program
LINES = "--json-lines"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The parsed command line.

    `file` is a recording, dump or log, `z` a dump, `command` one of COMMANDS; `files` and `dumps` are all
    of either, more than one only with --json-lines.  Raises UsageError; exits (SystemExit) for -h and --version.
    """
    many = LINES in arguments
    files, command, rest = _split(arguments, many)
    if command is None and any(option in rest for option in ("-h", "--help", "--version")):
        top_parser().parse_args(list(rest))
    parser = command_parser(command or "triage")
    found = parser.parse_args(rest)
    dumps = [path for pattern in found.z or () for path in expanded(pattern)]
    found.command, found.files, found.dumps = command or "triage", files, dumps
    found.file, found.z = next(iter(files), None), next(iter(dumps), None)
    _check(parser, found, many)
    return found


def expanded(word: str) -> List[str]:
    """The files a pattern names, sorted; the word itself where it is no pattern or names none."""
    if os.path.exists(word) or not any(sign in word for sign in WILD):
        return [word]
    return sorted(glob.glob(word)) or [word]


def _split(arguments: Sequence[str], many: bool) -> Tuple[List[str], Optional[str], List[str]]:
    # The words before the command: the file to look at (with --json-lines any number of them).
    files: List[str] = []
    rest: List[str] = []
    tokens = list(arguments)
    while tokens:
        token = tokens.pop(0)
        if token in COMMANDS:
            return files, token, rest + tokens
        if token in VALUED and tokens:
            rest += [token, tokens.pop(0)]
        elif rest and rest[-1] in ("--json", *OPTIONS) and _names_output(token, files, rest):
            rest.append(token)  # the file to write; where none to read is named yet, one that exists is that
        elif token.startswith("-") and token != "-":
            rest.append(token)
        elif many or token == "-" or os.path.exists(expanded(token)[0]):
            files += expanded(token)
        else:
            raise UsageError(f"{token!r} is neither a command nor a file", f"commands: {', '.join(COMMANDS)}")
    return files, None, rest


def _names_output(token: str, files: Sequence[str], rest: Sequence[str]) -> bool:
    # Where none to read is named yet, a file that exists is that, unless hogwalk wrote it.
    if token.startswith("-"):
        return False
    return bool(files) or "-z" in rest or not os.path.exists(token) or is_own(token, REPORT)


def _check(parser: Parser, found: argparse.Namespace, many: bool) -> None:
    inputs = [*found.files, *found.dumps]
    if not many and len(inputs) > 1:
        raise UsageError(f"{len(inputs)} files at once ({', '.join(inputs[:3])})", f"give one, or ask for {LINES}")
    if not many:
        return
    for option in ("json", "record", "limit", "base", "thread", "k"):
        if getattr(found, option) is not None:
            parser.error(f"{LINES} does not go with {'-' if len(option) == 1 else '--'}{option}")
    if not inputs:
        parser.error(f"{LINES} needs dumps: -z FILE, or files before the options")
    if found.jobs is not None and found.jobs < 1:
        parser.error("--jobs wants a number above 0")
    if found.timeout is not None and not found.timeout > 0:
        parser.error("--timeout wants seconds above 0")
