"""The stack tables of a log, row by row: under a head, behind a command, under STACK_TEXT, or bare."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Callable, List, Optional

from hogwalk.model import PrintedRow, Symbol
from hogwalk.targets.parsers import dps, kfrow
from hogwalk.targets.parsers.kfrow import Columns, KfRow
from hogwalk.targets.parsers.remarks import DUMPSTACK, is_remark
from hogwalk.targets.parsers.words import ADDRESS, HEAD, address
from hogwalk.targets.text.answers import instruction_ptr

MOST_ROWS = 200_000  # of all tables together
MOST_REMARKS = 50  # kept of each table
MOST_BETWEEN = 3  # lines of other text that may stand between two rows of one table
FAR = 1 << 20  # bytes; further up no bare row goes on a table

ASKS = re.compile(r"(?:[~!.]\S*\s+)*(?:~[\d*.#]*\s?)?k[a-z]{0,4}(?![a-z!])", re.IGNORECASE)
_HEAD = re.compile(rf"\s(?={HEAD})")
_CUT_OUT = re.compile(r"\s*[<\[(*-]{0,4}\s?(?:\.{2,6}\s*$|\.\.\.\s|snip|cut\b|repeat|more of the same)", re.IGNORECASE)
_BEGUN = re.compile(rf"\s*(?:[0-9a-fA-F]{{1,4}}\s+){{0,2}}({ADDRESS})(?![0-9a-fA-F`])")
_ONE_BLANK = re.compile(r"\s*\S+\s\S")


@dataclass
class Table:
    """One stack table: what asked for it ("" when the log does not show that), its rows in printed order.

    `thread` counts the threads (`!thread`, `!teb`) that the log showed before it; `registers` the registers.
    `unreadable` counts lines that begin as a row does and cannot be read; `wide`: x64.
    """

    command: str
    thread: int
    registers: int
    rows: List[PrintedRow] = field(default_factory=list)
    remarks: List[str] = field(default_factory=list)
    unreadable: int = 0
    wide: bool = False


class TableReader:
    """Takes the rows of one log and puts them into `tables`."""

    def __init__(self, tables: List[Table], row_read: Callable[[KfRow, Optional[int]], None]) -> None:
        self.tables = tables
        self._row_read = row_read  # is handed each row, and the address that runs in it where that is known
        self._table: Optional[Table] = None
        self._columns = Columns(None, None, None)
        self._command = ""
        self._running: Optional[int] = None  # the address that runs in the next row: the newer row's return address
        self._last: Optional[KfRow] = None
        self._between = self._blank = 0
        self._spaced = False  # whether blank lines stand between all rows
        self._lost = False  # rows before the next one are cut out
        self._left = MOST_ROWS
        self._loose: Optional[KfRow] = None

    @property
    def inside(self) -> bool:
        """Whether the next row can go on a table."""
        return self._table is not None

    def command(self, text: str) -> None:
        """A prompt's command ends any table, and asks for the next."""
        self.leave()
        self._command = _HEAD.split(text, 1)[0].rstrip()  # pages put a table's head behind its command
        self._running = instruction_ptr(text)

    def label(self, text: str) -> None:
        """What the next table is called, where no command stands before it."""
        self.leave()
        self._command, self._running = text, None

    def heading(self, line: str, threads: int, registers: int) -> None:
        """A table's column heads."""
        again = self._table is not None and not self._table.rows
        if not again:
            self.leave(keep_command=not self._used)
            self.begin(threads, registers)
        self._columns = Columns(None, None, None).under(line)

    @property
    def _used(self) -> bool:
        # Whether the command has its table: a second head then belongs to no command that is shown, but to a loop's.
        return bool(self.tables) and self.tables[-1].command == self._command and not ASKS.search(self._command)

    def begin(self, threads: int, registers: int) -> None:
        """A table begins with the next row."""
        self._table = Table(self._command, threads, registers)
        self.tables.append(self._table)
        self._columns = Columns(None, None, None)
        self._last, self._between, self._blank, self._lost, self._spaced = None, 0, 0, False, False

    def leave(self, keep_command: bool = False) -> None:
        """The table ends."""
        if self._table is not None and not self._table.rows:
            self.tables.remove(self._table)
        self._table, self._loose = None, None
        if not keep_command:
            self._command, self._running = "", None

    def blank(self) -> None:
        """An empty line."""
        self._blank += 1

    def take(self, line: str) -> bool:
        """Whether this line is a row, a remark or a damaged row of the table; what is not may end it."""
        if self._table is None:
            return False
        row = kfrow.parse_row(line, 0, self._columns)
        if row is not None and self._goes_on(row, line):
            self._add(row)
        elif is_remark(line) and not _CUT_OUT.match(line):
            self.remark(line)
        elif row is None and self._damaged(line):
            return True
        else:
            self._lost = self._lost or _CUT_OUT.match(line) is not None
            self._between += 1
            if self._between > MOST_BETWEEN or row is not None:
                self.leave()
            return False
        return True

    def remark(self, line: str) -> None:
        """The debugger's remark; one between the rows of a table is kept with it."""
        if self._table is not None and len(self._table.remarks) < MOST_REMARKS:
            self._table.remarks.append(line.strip())

    def bare(self, row: KfRow, line: str, threads: int, registers: int) -> bool:
        """A row under no head: one that only a table has, or the second of two that rise as a table's do."""
        asked = bool(ASKS.match(self._command)) or self._command == STACK_TEXT
        sure = row.memory is not None or row.number is not None or bool(row.arguments) or row.inline or asked
        if not sure and (not _ONE_BLANK.match(line) or row.frame_ptr is None):
            return False
        before = self._loose
        if not sure and not _rises(before, row):
            self._loose = row
            return True
        self.begin(threads, registers)
        if before is not None and (not sure or _measured(before, row)):
            self._add(before)
        self._add(row)
        self._loose = None
        return True

    def not_loose(self, start: int) -> Optional[KfRow]:
        """The bare row before, if the words at `start` go on where it ends: then it was memory, too."""
        loose, self._loose = self._loose, None
        return loose if loose is not None and loose.frame_ptr is not None and start == loose.frame_ptr + 4 else None

    def _goes_on(self, row: KfRow, line: str) -> bool:
        last = self._last
        if last is None or self._table is None:
            return True
        if row.number == 0 and last.number not in (None, 0):
            return False
        if last.frame_ptr is None or row.frame_ptr is None:
            return True
        rises = last.frame_ptr <= row.frame_ptr <= last.frame_ptr + FAR
        alike = bool(last.arguments) == bool(row.arguments) and (last.number is None) == (row.number is None)
        if row.frame_ptr == last.frame_ptr + 4 and not alike and not _ONE_BLANK.match(line):
            return False  # a row of dps
        apart = self._between or (self._blank and not self._spaced and len(self._table.rows) > 1)
        return not apart or (rises and alike)

    def _damaged(self, line: str) -> bool:
        # A line that begins as the next row would, and whose end cannot be read.
        begun = _BEGUN.match(line)
        last = self._last.frame_ptr if self._last is not None else None
        if begun is None or self._table is None or last is None or self._between:
            return False
        if self._blank and not self._spaced:  # something else: !running shows each processor before its stack
            return False
        if any(word.value is not None for word in dps.parse_row(line)):
            return False
        at = address(begun.group(1))
        if not last < at <= last + FAR:
            return False
        self._table.rows.append(PrintedRow(at, None, None, lost=self._lost))
        self._table.unreadable += 1
        self._running, self._lost = None, False
        return True

    def _add(self, row: KfRow) -> None:
        table = self._table
        if table is None:
            return
        self._row_read(row, self._running)
        if self._blank and len(table.rows) == 1:
            self._spaced = True
        self._left -= 1
        if ", calling " in row.text and DUMPSTACK not in table.remarks:
            table.remarks.append(DUMPSTACK)
        if self._left > 0:
            last = self._last
            jumped = last is not None and None not in (last.number, row.number) and _jump(last.number, row.number)
            symbol: Optional[Symbol] = row.symbol
            trap = row.trap_frame is not None or bool(row.marks)
            lost = self._lost or jumped
            running = row.instruction if self._running is None else self._running
            table.rows.append(PrintedRow(row.frame_ptr, row.return_address, symbol, running, row.inline, trap, lost))
            table.wide = table.wide or kfrow.is_wide(row)
        if not row.inline:
            self._running = row.return_address
            self._lost = False
        self._last = row
        self._between = self._blank = 0


STACK_TEXT = "STACK_TEXT"


def _jump(last: Optional[int], number: Optional[int]) -> bool:
    return last is not None and number is not None and number > last + 1


def _measured(before: KfRow, row: KfRow) -> bool:
    """Whether a row's Memory is what lies between it and the one before, which has none: kf's first."""
    if None in (before.frame_ptr, row.frame_ptr, row.memory) or before.frame_ptr is None:
        return False
    return row.frame_ptr is not None and row.frame_ptr - before.frame_ptr == row.memory


def _rises(before: Optional[KfRow], row: KfRow) -> bool:
    if before is None or before.frame_ptr is None or row.frame_ptr is None:
        return False
    return before.frame_ptr < row.frame_ptr <= before.frame_ptr + FAR and row.frame_ptr - before.frame_ptr not in (4, 8)
