"""The command line's declaration: one table of commands, the options they share, their help."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any, Dict, NoReturn, Optional, Union

from hogwalk.app.cli.exports import add_exports
from hogwalk.app.cli.host import inside_debugger
from hogwalk.app.cli.output import write_lines
from hogwalk.errors import UsageError

COMMANDS = {
    "triage": "the whole job on one screen: who holds the stack, how sure that is, what to do next",
    "stack": "the annotated dps of the stack: links, return addresses, what they call",
    "candidates": "ranked BasePtr StackPtr InstructionPtr triples, each with its evidence",
    "walk": "the debugger's kf rows from the best triple, or from the one given, with module totals",
    "compare": "the debugger's walk and hogwalk's own side by side, and why they differ",
    "usage": "bytes per module, product or function",
    "frame": "why one frame is so big: the call, the prologue, its bytes by purpose",
    "heal": "the debugger's own kf, led through code without FPO data by overrides, removed again",
    "charge": "own and inclusive bytes, the price of a cycle, what would fit without whom",
    "verdict": "the triage in words, for a mail: what died, who holds the stack, why, and how sure",
    "summary": "the reports of many dumps (--json-lines) as one: products, paths, worst first",
    "threads": "all threads by the stack they have left, each with its top product",
}
TOPICS = {
    "reading": "what each line of the report means",
    "trust": "how sure a frame is, who found it, and how the reconstruction decides",
    "kf": "what kf= does, and where it is lost",
}
DETAILS: Dict[str, str] = {
    "triage": "Several dumps at once: --json-lines reads them in worker processes and prints one JSON document to a "
    "line, in the order given; a file that fails is a line with `error` and `remedy`.",
    "stack": "MEMORY CONTENTS KIND REMARK, one line for each word that is a link, a return address, an exception "
    "record or a trap frame.",
    "candidates": "The first one is what `triage` walks from; try the others with `walk`.",
    "walk": "The triple goes in the order of `kf=`; without one the best candidate is taken.  Each row says who found "
    "the frame (kf, hogwalk or both) and how well its return address is borne out; --why adds how likely it "
    "is, why, and what kf makes of it.",
    "compare": "Only differences are shown, unless --all.",
    "usage": "A module's bytes are its functions' frames; a product is CompanyName and ProductName together.",
    "frame": "Takes a ChildEBP or a number of `walk`, with or without #, or any address inside the frame.",
    "heal": "In the debugger only.  One override (.fpo -s) per call site, from hogwalk's own walk; kf then follows "
    "that walk, so it is no second proof of it.  With --keep they stay when kf walks better, and the line that removes "
    "them is printed.",
    "threads": "Reads dump files by hogwalk's own reader; in the debugger its target's lists of threads.  Used is Base "
    "minus the saved stack pointer, or, marked ~, minus the lowest word that is not 0.  The N worst are walked frame "
    "by frame; of the "
    "rest, marked ~, the return addresses are counted.",
}
VALUED = (
    "-z", "-y", "-i", "-k", "--engine", "--record", "--limit", "--base", "--thread", "--context", "--table", "-n",
    "--by", "--jobs", "--timeout", "--html", "--without",
)  # fmt: skip
EPILOG = (
    "Addresses are hexadecimal, with or without 0x, decimal after 0n, backticks allowed; in the debugger any "
    "expression (@esp, poi(@$t0), nt!X). In WinDbg: !py -g hogwalk [COMMAND] [OPTIONS]. "
    "hogwalk never writes to the target and leaves the debugger's settings as they were."
)
HELP_WIDTH = 98  # columns
DIGITS = "0123456789"
LONGEST_NUMBER = 20  # digits of 2^64 in decimal
EXAMPLES = """\
  hogwalk -z MEMORY.DMP -y SYMBOLS           a dump, read without a debugger
  hogwalk session.log                        a log, or text pasted into a file
  hogwalk MEMORY.DMP frame 50                why the frame with that number in `walk` is so big
  hogwalk MEMORY.DMP --limit b8ae6000 --base b8ae9000
  !py -g hogwalk walk kf=b8ae6100 b8ae60ec 8081df65 0x200
  as !hog !py -g hogwalk                     from then on: !hog, !hog frame 50, !hog stack @esp"""
CODES = "Exit codes: 0 done, 1 nothing found, 2 wrong command line, 3 bad input."


class _Formatter(argparse.RawDescriptionHelpFormatter):
    # Of a fixed width: to find out the terminal's, argparse would load modules that take a tenth of a triage's time.
    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=HELP_WIDTH)


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are UsageErrors instead of an exit."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_Formatter, **settings)

    def error(self, message: str) -> NoReturn:
        """Raises UsageError with argparse's reason."""
        raise UsageError(message, f"{self.prog} -h shows how")

    def _print_message(self, message: str, file: Any = None) -> None:
        write_lines(message.rstrip("\n").split("\n"))


class Expression(str):
    """A debugger expression that stands for an address: known only once there is a debugger to ask."""


def address(text: str) -> Union[int, Expression]:
    """An address as WinDbg writes it: hexadecimal, `0x`, decimal behind `0n`, backticks; inside it any expression."""
    number = literal(text)
    if number is not None:
        return number
    if inside_debugger() and text.strip():
        return Expression(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a hexadecimal address")


def literal(text: str) -> Optional[int]:
    """The number that is written out, None where none is."""
    plain = text.replace("`", "").lower()
    digits, base = (plain[2:], 10 if plain[:2] == "0n" else 16) if plain[:2] in ("0x", "0n") else (plain, 16)
    allowed = DIGITS if base == 10 else DIGITS + "abcdef"
    if not digits or digits.strip(allowed) or len(digits) > LONGEST_NUMBER:  # int() would take signs and underscores
        return None
    return int(digits, base)


def top_parser() -> Parser:
    """The parser of a command line without a command: its help is the overview."""
    from hogwalk import __version__

    lines = "\n".join(f"  {name:<11} {text}{_own_options(name)}" for name, text in COMMANDS.items())
    topics = "\n".join(f"  {name:<11} {text}" for name, text in TOPICS.items())
    parser = Parser(
        prog="hogwalk",
        usage="hogwalk [FILE] [COMMAND] [OPTIONS]; in WinDbg: !py -g hogwalk [COMMAND] [OPTIONS]",
        description="Who ate the kernel stack: finds the start of the walk that kv lost, and charges every byte.\n"
        "FILE is a crash dump, a debugger's log or pasted text (- reads a pipe), or a recording.",
        epilog=f"commands (hogwalk COMMAND -h shows a command's options):\n{lines}\n\n"
        f"pages (hogwalk help PAGE):\n{topics}\n\n"
        f"examples:\n{EXAMPLES}\n\n{textwrap.fill(EPILOG, 90)}\n{CODES}",
    )
    parser.add_argument("--version", action="version", version=f"hogwalk {__version__}")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="one JSON document, to FILE if named")
    parser.add_argument("--plain", action="store_true", help="no links in the debugger (no DML)")
    _add_ends(parser)
    _add_live(parser)
    _add_first(parser)
    add_exports(parser)
    _add_many(parser)
    _add_target(parser)
    return parser


def _own_options(command: str) -> str:
    # What only this command takes, as its usage shows it.
    parser = Parser(prog="", add_help=False)
    if command != "triage":
        _add_own(parser, command)
    words = " ".join(parser.format_usage().split()[1:])
    return f"\n{'':14}{words}" if words else ""


def command_parser(command: str) -> Parser:
    """The parser of one command's options."""
    description = COMMANDS[command] + ("\n\n" + textwrap.fill(DETAILS[command], 90) if command in DETAILS else "")
    parser = Parser(
        prog=f"hogwalk {command}",
        description=description,
        epilog=f"{textwrap.fill(EPILOG, 90)}\n{CODES}",
    )
    parser.set_defaults(
        json=None,
        json_lines=False,
        table=None,
        thread=None,
        context=None,
        limit=None,
        base=None,
        kf=False,
        cost=False,
        first=False,
    )
    _add_own(parser, command)
    if command in ("triage", "walk", "usage", "verdict"):
        add_exports(parser)
    if command not in ("stack", "heal", "verdict", "charge"):
        parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="one JSON document, to FILE if named")
    if command not in ("threads", "summary"):
        _add_ends(parser)
        _add_live(parser)
    parser.add_argument("--plain", action="store_true", help="no links in the debugger (no DML)")
    _add_target(parser)
    return parser


def _add_live(parser: Parser) -> None:
    group = parser.add_argument_group("a live machine")
    group.add_argument("--kf", action="store_true", help="the debugger's own walk, however long the line takes for it")
    group.add_argument("--cost", action="store_true", help="say what crossed the line: round trips, bytes, seconds")


def _add_first(parser: Parser) -> None:
    parser.add_argument("--first", action="store_true", help="only what the stack's words say; no code is read")


def _add_ends(parser: Parser) -> None:
    ends = parser.add_argument_group("the stack")
    ends.add_argument("--limit", type=address, metavar="A", help="the stack's low end, as !thread prints Limit")
    ends.add_argument("--base", type=address, metavar="A", help="the stack's high end, as !thread prints Base")
    ends.add_argument("--thread", type=address, metavar="A", help="a _KTHREAD other than the current one")
    ends.add_argument("--context", type=address, metavar="A", help="start at the CONTEXT or trap frame at A")
    ends.add_argument("--table", type=int, metavar="N", help="of a text's stack tables the Nth, not the longest")


def _add_own(parser: Parser, command: str) -> None:
    if command == "triage":
        _add_many(parser)
        _add_first(parser)
    elif command == "stack":
        parser.add_argument(
            "range",
            nargs="*",
            metavar="LIMIT BASE",
            help="the range to show: both ends, LIMIT L<words>, or only where to begin",
        )
        parser.add_argument("--all", action="store_true", help="every word, not only what matters")
    elif command == "compare":
        parser.add_argument("--all", action="store_true", help="every return slot, not only the differences")
    elif command == "candidates":
        parser.add_argument("-n", type=int, default=5, metavar="N", help="how many to show (5)")
    elif command == "walk":
        parser.add_argument("triple", nargs="*", metavar="PTR", help="BASEPTR STACKPTR INSTRUCTIONPTR, or a kf= line")
        parser.add_argument("--why", action="store_true", help="under each row how likely it is, and the reasons")
    elif command == "usage":
        parser.add_argument(
            "--by", type=str.lower, choices=("module", "product", "function"), default="module", help="module is usual"
        )
    elif command == "frame":
        parser.add_argument(
            "which", metavar="CHILDEBP|N", help="a ChildEBP, an address inside, or the number in walk (hex)"
        )
    elif command == "heal":
        parser.add_argument("--keep", action="store_true", help="leave the overrides set, and say how to undo them")
    elif command == "charge":
        parser.add_argument("--without", metavar="NAME", help="what if this product, module or function held nothing")
    elif command == "summary":
        parser.add_argument("reports", nargs="*", metavar="FILE", help="lines or documents of JSON (- reads a pipe)")
    elif command == "threads":
        parser.add_argument("-n", type=int, default=10, metavar="N", help="walk the N worst (10), estimate the rest")
        parser.add_argument(
            "--by", type=str.lower, choices=("left", "used"), default="left", help="least left (usual), or most used"
        )


def _add_many(parser: Parser) -> None:
    group = parser.add_argument_group("many dumps")
    group.add_argument("--json-lines", action="store_true", help="one JSON document a line; -z and FILE may repeat")
    group.add_argument("--jobs", type=int, metavar="N", help="worker processes (as many as processors)")
    group.add_argument("--timeout", type=float, metavar="SECONDS", help="give up on a dump after this long (never)")


def _add_target(parser: Parser) -> None:
    group = parser.add_argument_group("the target (outside the debugger; letters as kd's)")
    group.add_argument("-z", metavar="DUMP", action="append", help="a crash dump")
    group.add_argument("-y", metavar="PATH", default="", help="symbol path")
    group.add_argument("-i", metavar="PATH", default="", help="image path")
    group.add_argument("-k", metavar="CONNECT", help="a live kernel's connection string, as kd -k takes it")
    group.add_argument("--stay", action="store_true", help="leave the machine of -k stopped; else one that ran goes on")
    group.add_argument(
        "--engine", choices=("own", "pykd"), help="who reads the dump: the debugger (pykd, where it is), or hogwalk"
    )
    group.add_argument("--record", metavar="FILE", help="save every question and answer; `hogwalk FILE` replays them")
