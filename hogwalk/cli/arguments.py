"""The command line's declaration: one table of commands, the options they share, their help.

The grammar is `hogwalk [FILE] [COMMAND] [OPTIONS]`; a bare call is `triage`.
"""

from __future__ import annotations

import argparse
import os
import textwrap
from typing import List, NoReturn, Optional, Sequence, Tuple

from hogwalk.errors import UsageError

COMMANDS = {
    "triage": "the whole job on one screen: who holds the stack, how sure that is, what to do next",
    "stack": "the annotated dps of the stack: links, return addresses, what they call",
    "candidates": "ranked BasePtr StackPtr InstructionPtr triples, with the evidence behind each",
    "walk": "the debugger's kf rows from the best triple, or from the one given, with module totals",
    "compare": "the debugger's walk and hogwalk's own side by side, and why they differ",
    "usage": "bytes per module, product or function",
    "frame": "why one frame is so big: the call, the prologue, its bytes by purpose",
}
VALUED = ("-z", "-y", "-i", "-k", "--engine", "--record", "--limit", "--base", "--thread", "-n", "--by")
EPILOG = (
    "Addresses are hexadecimal, with or without 0x, backticks allowed. In WinDbg: !py hogwalk [COMMAND] [OPTIONS]. "
    "hogwalk never writes to the target and leaves the debugger's settings as they were."
)


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are UsageErrors instead of an exit."""

    def error(self, message: str) -> NoReturn:
        """Raises UsageError with argparse's reason."""
        raise UsageError(message, f"{self.prog} -h shows how")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The parsed command line; `file` is a recording, dump or log, `command` one of COMMANDS.

    Raises UsageError; exits (SystemExit) for -h and --version as argparse does.
    """
    file, command, rest = _split(arguments)
    if command is None and any(option in rest for option in ("-h", "--help", "--version")):
        _top().parse_args(list(rest))
    parser = _command_parser(command or "triage")
    found = parser.parse_args(rest)
    found.command, found.file = command or "triage", file
    return found


def address(text: str) -> int:
    """A hexadecimal address as WinDbg writes it."""
    plain = text.replace("`", "").lower()
    try:
        return int(plain[2:] if plain.startswith("0x") else plain, 16)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a hexadecimal address") from None


def _split(arguments: Sequence[str]) -> Tuple[Optional[str], Optional[str], List[str]]:
    # The words before the command: at most one, the file to look at.
    file: Optional[str] = None
    rest: List[str] = []
    tokens = list(arguments)
    while tokens:
        token = tokens.pop(0)
        if token in COMMANDS:
            return file, token, rest + tokens
        if token in VALUED and tokens:
            rest += [token, tokens.pop(0)]
        elif token.startswith("-") and token != "-":
            rest.append(token)
        elif file is None and (token == "-" or os.path.exists(token)):
            file = token
        elif file is None:
            raise UsageError(f"{token!r} is neither a command nor a file", f"commands: {', '.join(COMMANDS)}")
        else:
            rest.append(token)
    return file, None, rest


def _top() -> Parser:
    from hogwalk import __version__

    lines = "\n".join(f"  {name:<11} {text}" for name, text in COMMANDS.items())
    parser = Parser(
        prog="hogwalk",
        usage="hogwalk [FILE] [COMMAND] [OPTIONS]",
        description="Who ate the kernel stack: finds the start of the walk that kv lost, and charges every byte.",
        epilog=f"commands (hogwalk COMMAND -h shows a command's options):\n{lines}\n\n{textwrap.fill(EPILOG, 90)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"hogwalk {__version__}")
    _add_target(parser)
    return parser


def _command_parser(command: str) -> Parser:
    parser = Parser(prog=f"hogwalk {command}", description=COMMANDS[command], epilog=EPILOG)
    _add_own(parser, command)
    if command != "stack":
        parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="one JSON document, to FILE if named")
    ends = parser.add_argument_group("the stack")
    ends.add_argument("--limit", type=address, metavar="A", help="the stack's low end, as !thread prints Limit")
    ends.add_argument("--base", type=address, metavar="A", help="the stack's high end, as !thread prints Base")
    ends.add_argument("--thread", type=address, metavar="A", help="a _KTHREAD other than the current one")
    _add_target(parser)
    return parser


def _add_own(parser: Parser, command: str) -> None:
    if command == "stack":
        parser.add_argument("range", nargs="*", type=address, metavar="LIMIT BASE", help="the range to show")
        parser.add_argument("--all", action="store_true", help="every word, not only what matters")
    elif command == "compare":
        parser.add_argument("--all", action="store_true", help="every return slot, not only the differences")
    elif command == "candidates":
        parser.add_argument("-n", type=int, default=5, metavar="N", help="how many to show (5)")
    elif command == "walk":
        parser.add_argument("triple", nargs="*", type=address, metavar="PTR", help="BASEPTR STACKPTR INSTRUCTIONPTR")
    elif command == "usage":
        parser.add_argument("--by", choices=("module", "product", "function"), default="module", help="module is usual")
    elif command == "frame":
        parser.add_argument("which", metavar="CHILDEBP|#N", help="a frame's ChildEBP, or its number in walk (hex)")


def _add_target(parser: Parser) -> None:
    group = parser.add_argument_group("the target (outside the debugger; letters as kd's)")
    group.add_argument("-z", metavar="DUMP", help="a crash dump")
    group.add_argument("-y", metavar="PATH", default="", help="symbol path")
    group.add_argument("-i", metavar="PATH", default="", help="image path")
    group.add_argument("-k", metavar="CONNECT", help="a live kernel's connection string, as kd -k takes it")
    group.add_argument(
        "--engine", choices=("own", "pykd"), help="who reads the dump: the debugger (pykd, where it is), or hogwalk"
    )
    group.add_argument("--record", metavar="FILE", help="save every question and answer; `hogwalk FILE` replays them")
