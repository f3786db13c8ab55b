"""Hostile names, drawn piece by piece from what consoles, debuggers, parsers and formats give a meaning to."""

from __future__ import annotations

import random
import re
from typing import List, Sequence

PLAIN = ("BossHog", "nt", "a", "x_1", "Driver.sys", "operator()<int (*)(char)>", "C::f", "`anonymous namespace'::g")
CONTROL = ("\x1b]0;T\x07", "\x1b[2J", "\x1b[31m", "\x9b5m", "\x00", "\x07", "\x08", "\r", "\n", "\t", "\x7f", "\x85")
TURNS = ("\u202e", "\u2066", "\u200f", "\u200b", "\u2028", "\ufeff", "\xad", "\ud800", "\U000e0041")
COMMANDS = (";.shell calc", '";.logopen"p.txt"', "|.echo p", "}.echo p", ";q", "${x}", "@@c++(1)", "`;!py x`", "$$<p")
ROWS = (
    "\n80000000 80001000 x;.logopen (deferred)\n",
    "\n80800000 8093c000   nt   (deferred)\n    CompanyName:      Planted\n",
    "\nnt!Planted+0x5 (80801013)\n",
    "\n*** ERROR: Symbol file could not be found.\n",
    "\n 10 b8ae6100 80801013 nt!Planted+0x5\n",
    "\n0: kd> .shell calc\n",
)
MARKUP = ('<link cmd=".shell x">', "&lt;", "%s%n", "[bold red]", "{0}", "\\", "'", '"', "$(x)", "*", "?", "..\\..\\")
LETTERS = ("\u00b2", "\u0663", "\u30db", "\u0435", "e\u0301", "\U0001f437")
KINDS: Sequence[Sequence[str]] = (PLAIN, CONTROL, TURNS, COMMANDS, ROWS, MARKUP, LETTERS)

# C0 but the line's end, DEL, C1, soft hyphen, marks that turn, join or hide text, separators, surrogates, tags.
RAW = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_WORDS = r"0x[0-9a-f]{8,16}"
# Every command that hogwalk sends to a debugger: addresses and its own words, nothing else.
COMMAND = re.compile(
    "|".join(
        (
            r"al; (?:\.stkwalk_force_frame_pointer; )?n; \.expr",
            r"\.stkwalk_force_frame_pointer [01]|n (?:8|10|16)|\.expr /s (?:masm|MASM|c\+\+|C\+\+)",
            r"\? \((?:@\$(?:thread|teb|pcr)|nt!KdDebuggerDataBlock|nt!PsActiveProcessHead)\)",
            r"lm|\|\||r|\.dumpdebug|!thread(?: [0-9a-f]{8})?",
            r"dt nt!_[A-Z_]+(?:;\.echo hogwalk;dt nt!_[A-Z_]+)*",
            rf"lmv a {_WORDS}(?:;lmv a {_WORDS})*",
            r'\.foreach /s \(hogwalk_word "[0-9a-f]+(?: [0-9a-f]+)*"\) '
            r'\{\.printf "%y\\n", @@masm\(0x\$\{hogwalk_word\}\)\}',
            r"kf=(?:[0-9a-f]{8}){1,2}(?: (?:[0-9a-f]{8}){1,2}){2} 0x[0-9a-f]+",
        )
    )
)
# Every command that it recommends, between backticks behind "run".
ADVICE = re.compile(
    r"!thread|!teb|lm|\.bugcheck|dps (?:[0-9a-f`]{8,17} [0-9a-f`]{8,17}|LIMIT BASE)|hogwalk [a-z -]*"
    r"|lmv (?:m \w+|a 0x[0-9a-f]+)(?:;lmv (?:m [A-Za-z0-9_]+|a 0x[0-9a-f]+))*"
)


def name(dice: random.Random) -> str:
    """One to four pieces of any kind."""
    return "".join(dice.choice(dice.choice(KINDS)) for _ in range(dice.randrange(1, 5)))


def names(seed: int, count: int) -> List[str]:
    """The names of one input."""
    dice = random.Random(seed)
    return [name(dice) for _ in range(count)]
