"""The command line's grammar: `hogwalk [FILE] [COMMAND] [OPTIONS]`; a bare call is `triage`."""

from __future__ import annotations

import argparse
import os
import re
from typing import List, Optional, Sequence, Tuple

from hogwalk.app.cli.exports import OPTIONS
from hogwalk.app.cli.files import REPORT, is_own
from hogwalk.app.cli.host import inside_debugger
from hogwalk.app.cli.options import COMMANDS, TOPICS, VALUED, Parser, command_parser, top_parser
from hogwalk.app.cli.output import write_lines
from hogwalk.errors import UsageError

__all__ = ["COMMANDS", "expanded", "parse"]

WILD = "*?["  # cmd.exe and PowerShell leave patterns to the program
LINES = "--json-lines"
DEMO = "demo"
# Kinds of connections and what each cannot do without; USB's target name and 1394's channel have usual values.
TRANSPORTS = {"com": ("port",), "net": ("port", "key"), "usb": (), "usb2": (), "1394": (), "exdi": ()}
CONNECTIONS = "as kd -k takes it: com:port=\\\\.\\pipe\\com_1,pipe or net:port=50000,key=1.2.3.4"
HELP = ("help", "?", "/?", "-?", "/h", "/help", "-help", "-h", "--help")
PAGES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "help")
WORDED = ("stack", "walk", "frame")  # commands with words of their own
_ADDRESS = re.compile(r"(?:kf=?|#|L)?(?:0[xn])?[0-9a-fA-F`]*$")
SHORTEST = 2  # letters of a command's beginning that stand for it


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The parsed command line.

    `file` is a recording, dump or log, `z` a dump, `command` one of COMMANDS; `files` and `dumps` are all
    of either, more than one only with --json-lines.  Raises UsageError; exits (SystemExit) for -h, a page of help
    and --version.
    """
    many = LINES in arguments
    files, command, rest = _split(_helped(arguments), many)
    if command is None and any(option in rest for option in ("-h", "--help", "--version")):
        top_parser().parse_args(["--version"] if "--version" in rest else ["-h"])
    parser = command_parser(command or "triage")
    found = parser.parse_args(rest)
    found.demo = DEMO in files or not (arguments or inside_debugger())
    files = [file for file in files if file != DEMO]
    dumps = [path for pattern in found.z or () for path in expanded(pattern)]
    found.command, found.files, found.dumps = command or "triage", files, dumps
    found.file, found.z = next(iter(files), None), next(iter(dumps), None)
    _check(parser, found, many)
    return found


def _helped(arguments: Sequence[str]) -> List[str]:
    # `help`, `?` and the like: of the program, or of the command beside them.
    words = list(arguments)
    if not words or not any(word.lower() in HELP for word in (words[0], words[-1])):
        return words
    asked = [word for word in words if word.lower() not in HELP]
    if words[0].lower() in HELP and asked:
        _page(asked[0])
    names = [_command(word) for word in asked]
    return [*(name for name in names[:1] if name), "-h"]


def _page(word: str) -> None:
    # Prints the page of that topic and ends there; goes on where the word is a command.
    if word.lower() in TOPICS:
        with open(os.path.join(PAGES, f"{word.lower()}.txt"), encoding="ascii") as page:
            write_lines(page.read().rstrip("\n").split("\n"))
        raise SystemExit(0)
    if _command(word) is None and not word.startswith("-"):
        raise UsageError(
            f"there is no help on {word!r}", f"topics: {', '.join(TOPICS)}; commands: {', '.join(COMMANDS)}"
        )


def _command(word: str) -> Optional[str]:
    # The command of that name in any case, or the only one that begins so.
    name = word.lower()
    if name in COMMANDS:
        return name
    begun = [command for command in COMMANDS if len(name) >= SHORTEST and command.startswith(name)]
    return begun[0] if len(begun) == 1 else None


def _unknown(word: str) -> UsageError:
    from difflib import get_close_matches

    if os.path.splitext(word)[1] or os.path.dirname(word) or "\\" in word:
        return UsageError(f"there is no file {word}", "check the path")
    begun = [command for command in COMMANDS if word and command.startswith(word.lower())]
    close = begun or get_close_matches(word.lower(), COMMANDS, 2, 0.6)
    meant = f"did you mean {' or '.join(close)}?" if close else f"commands: {', '.join(COMMANDS)}"
    return UsageError(f"{word!r} is neither a command nor a file", meant)


def expanded(word: str) -> List[str]:
    """The files a pattern names, sorted; the word itself where it is no pattern or names none."""
    if os.path.exists(word) or inside_debugger() or not any(sign in word for sign in WILD):
        return [word]
    import glob  # here, for few command lines have a pattern

    return sorted(glob.glob(word)) or [word]


def _split(arguments: Sequence[str], many: bool) -> Tuple[List[str], Optional[str], List[str]]:
    # The file to look at (with --json-lines any number of them), which stands before the command or behind it.
    files: List[str] = []
    rest: List[str] = []
    command: Optional[str] = None
    tokens = list(arguments)
    while tokens:
        token = tokens.pop(0)
        named = _command(token) if token.lower() in COMMANDS or not os.path.exists(token) else None
        if command is None and named is not None:
            command = named
            if command == "summary" or inside_debugger():
                return files, command, rest + tokens
        elif token in VALUED and tokens:
            rest += [token, tokens.pop(0)]
        elif rest and rest[-1] in ("--json", *OPTIONS) and _names_output(token, files, rest + tokens):
            rest.append(token)  # the file to write; where none to read is named yet, one that exists is that
        elif (
            (token.startswith("-") and token != "-")
            or named is not None
            or (command in WORDED and (_ADDRESS.match(token) or not _is_input(token)))
        ):
            rest.append(token)
        elif many or _is_input(token):
            files += expanded(token)
        else:
            raise _unknown(token)
    return files, command, rest


def _is_input(token: str) -> bool:
    return token in ("-", DEMO) or os.path.exists(expanded(token)[0])


def _names_output(token: str, files: Sequence[str], rest: Sequence[str]) -> bool:
    # Where none to read is named yet, a file that exists is that, unless hogwalk wrote it.
    if token.startswith("-"):
        return False
    return bool(files) or "-z" in rest or not os.path.exists(token) or is_own(token, REPORT)


def _check_connection(found: argparse.Namespace, inputs: Sequence[str]) -> None:
    if found.k is None:
        if found.stay:
            raise UsageError("--stay goes with -k alone", "it leaves a machine stopped that -k attached to")
        return
    if inputs or found.demo:
        raise UsageError(f"-k does not go with a file ({inputs[0] if inputs else DEMO})", "give one of the two")
    if found.engine == "own":
        raise UsageError("-k does not go with --engine own", "only the debugger (pykd) can connect to a machine")
    kind, _, settings = found.k.strip().lower().partition(":")
    if not found.k.strip():
        raise UsageError("-k wants a connection string", CONNECTIONS)
    if kind not in TRANSPORTS:
        dump = "; a dump is opened by -z" if os.path.exists(found.k) else ""
        raise UsageError(f"-k {found.k} is no connection to a machine", CONNECTIONS + dump)
    names = [setting.partition("=")[0].strip() for setting in settings.split(",")]
    missing = [name for name in TRANSPORTS[kind] if name not in names]
    if missing:
        raise UsageError(f"the connection {found.k} has no {' and no '.join(missing)}", CONNECTIONS)


def _check(parser: Parser, found: argparse.Namespace, many: bool) -> None:
    inputs = [*found.files, *found.dumps]
    _check_connection(found, inputs)
    if not many and len(inputs) > 1:
        raise UsageError(f"{len(inputs)} files at once ({', '.join(inputs[:3])})", f"give one, or ask for {LINES}")
    if not many:
        return
    for option in ("json", "record", "limit", "base", "thread", "context", "k"):
        if getattr(found, option) is not None:
            parser.error(f"{LINES} does not go with {'-' if len(option) == 1 else '--'}{option}")
    if not inputs:
        parser.error(f"{LINES} needs dumps: -z FILE, or files before the options")
    if found.jobs is not None and found.jobs < 1:
        parser.error("--jobs wants a number above 0")
    if found.timeout is not None and not found.timeout > 0:
        parser.error("--timeout wants seconds above 0")
