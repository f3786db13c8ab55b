"""The commands a log shows and what they answered: kept for the few commands hogwalk asks or reports."""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Tuple

from hogwalk.model import Triple
from hogwalk.targets.parsers.kf import parse_kf
from hogwalk.targets.parsers.words import address, unsigned

MOST_CHARACTERS = 8 << 20

_KEPT = re.compile(r"(?:k|ub?\b|uf\b|lm|!thread|!teb|\.bugcheck|vertarget|version|\.tss|\.trap|r\b|ln\b|\.fnent)")
# k[b|p|P|v] [c] [n] [f] [L] [M] = BasePtr StackPtr InstructionPtr [FrameCount], the last of several commands at most.
_FROM_TRIPLE = re.compile(
    r"(?:.*;\s*)?(k[a-z]*)(?: [a-z]{1,5})* ?= ?"
    r"(?:0x)?([\w`]+)[ ,]+(?:0x)?([\w`]+)[ ,]+(?:0x)?([\w`]+)(?:[ ,]+(?:[l ]|0x)*([0-9a-f]+))?$"
)
_FROM_PAIR = re.compile(r"k[a-z]* ?= ?(?:0x)?([\w`]{9,})[ ,]+(?:0x)?[\w`]{9,}(?:[ ,]+(?:0x)?[0-9a-f]{1,8})?$")  # x64
_ASKS_ROWS = re.compile(r"(?:.*;\s*)?k[a-z]*(?: [a-z]{1,5})*(?: ?=.*)?[ ,]+(?:[l ]|0x)*([0-9a-f]{1,4})$")
_DEPTHS = (0x14, 0x100, 0x200)  # default depths seen; a walk of exactly that many rows may have been cut short


class Answers:
    """Commands and answers in log order; the last answer to a command counts."""

    def __init__(self) -> None:
        self._answers: Dict[str, List[str]] = {}
        self._current: Optional[List[str]] = None
        self._left = MOST_CHARACTERS

    def begin(self, command: str) -> None:
        """A prompt with this command, "" for an empty one."""
        self._current = None
        if _KEPT.match(command.lower()) and self._left > 0:
            self._current = []
            self._answers[_spaced(command)] = self._current

    def add(self, line: str) -> None:
        """The next line of the answer."""
        if self._current is None:
            return
        self._left -= len(line) + 1
        if self._left > 0:
            self._current.append(line)
        else:
            self._current = None

    def find(self, command: str) -> Optional[str]:
        """The answer to this very command, or to the same `kf=` triple with another count if nothing was cut.

        On x64 also the table of a plain `k` whose first row stands at the StackPtr, however short: its rows are those
        of the same walk.
        """
        lines = self._answers.get(_spaced(command))
        if lines is None:
            asked = start_of(command)
            walks = [(name, rows) for name, rows in self._answers.items() if asked == start_of(name)]
            tables = [rows for name, rows in walks if _whole(name, rows)]
            wide = _FROM_PAIR.match(_spaced(command).lower())
            if wide is not None:
                tables = [rows for rows in self._answers.values() if _starts_at(rows, address(wide.group(1)))]
            lines = tables[-1] if tables and (asked or wide) else None
        return None if lines is None else "\n".join(lines).strip("\n") + "\n"

    def all_of(self, command: str) -> str:
        """The answers to every command that begins so, in log order."""
        return "\n".join("\n".join(lines) for name, lines in self._answers.items() if name.lower().startswith(command))

    def starts(self) -> Tuple[Triple, ...]:
        """The triples of the commands whose tables are kept, in log order."""
        found = [start_of(command) for command in self._answers]
        return tuple(start for start in found if start is not None)


def instruction_ptr(command: str) -> Optional[int]:
    """The InstructionPtr of a `k... = BasePtr StackPtr InstructionPtr` command, or None."""
    start = start_of(command)
    return start.instruction_ptr if start is not None else None


def start_of(command: str) -> Optional[Triple]:
    """The triple of a `k... = BasePtr StackPtr InstructionPtr` command, or None."""
    words = _triple(command)
    try:
        return Triple(*(unsigned(address(word)) for word in words)) if words else None
    except ValueError:
        return None


def _spaced(command: str) -> str:
    return " ".join(command.split())


def _triple(command: str) -> Optional[Tuple[str, ...]]:
    found = _FROM_TRIPLE.match(_spaced(command).lower())
    return found.group(2, 3, 4) if found else None  # the same rows, whatever columns the command prints


def cut(command: str, rows: int) -> bool:
    """Whether a table has as many rows as its command asks for, or as debuggers print unasked."""
    asked = _ASKS_ROWS.match(_spaced(command).lower())
    return rows in _DEPTHS if asked is None else rows >= int(asked.group(1), 16)


def _starts_at(lines: List[str], stack_ptr: int) -> bool:
    rows = [row for row in parse_kf("\n".join(lines)).rows if not row.inline]
    return bool(rows) and rows[0].frame_ptr == stack_ptr


def _whole(command: str, lines: List[str]) -> bool:
    found = _FROM_TRIPLE.match(command.lower())
    count = found.group(5) if found else None
    rows = len(parse_kf("\n".join(lines)).rows)
    return rows < int(count, 16) if count else rows not in _DEPTHS
