"""The commands a log shows and what they answered: kept for the few commands hogwalk asks or reports."""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Tuple

from hogwalk.model import Triple
from hogwalk.targets.parsers.kf import KfText, parse_kf
from hogwalk.targets.parsers.words import address, unsigned

MOST_CHARACTERS = 8 << 20

_KEPT = re.compile(r"(?:k|ub?\b|uf\b|lm|!thread|!teb|\.bugcheck|vertarget|version|\.tss|\.trap|r\b|ln\b)")
_FROM_TRIPLE = re.compile(
    r"(k[a-z]*)\s*=\s*(?:0x)?(\w+)[ ,]+(?:0x)?(\w+)[ ,]+(?:0x)?(\w+)(?:[ ,]+(?:0x)?([0-9a-f]+))?$"
)
_UNASKED = "(stack table "
_DEPTHS = (0x14, 0x100, 0x200)  # default depths seen; a walk of exactly that many rows may have been cut short


class Answers:
    """Commands and answers in log order; the last answer to a command counts."""

    def __init__(self) -> None:
        self._answers: Dict[str, List[str]] = {}
        self._current: Optional[List[str]] = None
        self._unasked = False
        self._left = MOST_CHARACTERS

    def begin(self, command: str) -> None:
        """A prompt with this command, "" for an empty one."""
        self._current, self._unasked = None, False
        if _KEPT.match(command.lower()) and self._left > 0:
            self._current = []
            self._answers[_spaced(command)] = self._current

    def table(self, header: str) -> None:
        """A stack table's column heads; where no kept command asked, the table is kept under a name of its own."""
        if self._current is None and self._left > 0:
            self._current = self._answers[f"{_UNASKED}{len(self._answers) + 1})"] = []
            self._unasked = True
        self.add(header)

    def leave_table(self) -> None:
        """The table ends, and with it an answer that no command asked for."""
        if self._unasked:
            self._current, self._unasked = None, False

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
        """The answer to this very command, or to the same `kf=` triple with another count if nothing was cut."""
        lines = self._answers.get(_spaced(command))
        if lines is None:
            asked = _kind(command), start_of(command)
            walks = [(name, rows) for name, rows in self._answers.items() if asked == (_kind(name), start_of(name))]
            tables = [rows for name, rows in walks if _whole(name, rows)]
            lines = tables[-1] if asked[1] and tables else None
        return None if lines is None else "\n".join(lines).strip("\n") + "\n"

    def walks(self) -> Tuple[Tuple[str, KfText], ...]:
        """The stack tables of the log with their commands (a name in parentheses where none is shown), in log order."""
        shown = [name for name in self._answers if name.lower().startswith(("k", _UNASKED))]
        tables = [(name, parse_kf("\n".join(self._answers[name]))) for name in shown]
        return tuple((name, table) for name, table in tables if table.rows)


def instruction_ptr(command: str) -> Optional[int]:
    """The InstructionPtr of a `k... = BasePtr StackPtr InstructionPtr` command, or None."""
    start = start_of(command)
    return start.instruction_ptr if start else None


def start_of(command: str) -> Optional[Triple]:
    """The triple of a `k... = BasePtr StackPtr InstructionPtr` command, or None."""
    words = _triple(command)
    try:
        return Triple(*(unsigned(address(word)) for word in words[1:])) if words else None
    except ValueError:
        return None


def _kind(command: str) -> str:
    words = _triple(command)
    return words[0] if words else ""


def _spaced(command: str) -> str:
    return " ".join(command.split())


def _triple(command: str) -> Optional[Tuple[str, ...]]:
    found = _FROM_TRIPLE.match(_spaced(command).lower())
    return found.group(1, 2, 3, 4) if found else None


def _whole(command: str, lines: List[str]) -> bool:
    found = _FROM_TRIPLE.match(command.lower())
    count = found.group(5) if found else None
    rows = len(parse_kf("\n".join(lines)).rows)
    return rows < int(count, 16) if count else rows not in _DEPTHS
