"""Which stacks the rows of a log's tables lie on, and which table is the one that is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Container, List, Optional, Sequence, Tuple

from hogwalk.machine.words import shown
from hogwalk.model import PrintedRow, PrintedWalk, Region, Triple
from hogwalk.printable import printable
from hogwalk.targets.text.answers import cut, start_of
from hogwalk.targets.text.facts import FIRST_PAGES, Facts
from hogwalk.targets.text.memory import Memory
from hogwalk.targets.text.naming import as_function
from hogwalk.targets.text.region import DUMPED, GUARD_BYTES, LARGEST_STACK, PAGE_BYTES, limits_said, said_regions
from hogwalk.targets.text.tables import Table

LARGEST_KERNEL_FRAME = 0x12000  # bytes: KERNEL_LARGE_STACK_SIZE of x64, the largest kernel stack of all
LARGEST_LAST = 0x100000  # bytes: what most threads' stacks have in all
KERNEL = {4: 0x80000000, 8: 1 << 47}  # where the kernel's half begins
DOUBLE_FAULT = "KiDoubleFaultAbort", "KiTrap08"  # handlers of x64 and x86 with a stack of their own
MORE = 0x400  # bytes dumped beyond a table that was cut off
MOST_NAMED = 6  # other tables named
ROWS = "the printed rows' pages: the text shows no Base and Limit"
LIMIT = "Limit as the text shows it; Base is not shown: the last row's page"

Rows = Tuple[PrintedRow, ...]


@dataclass(frozen=True)
class Placed:
    """A table, its rows by stack, the one that counts first, and that stack's range; `said`: by the text itself."""

    table: Table
    number: int
    stacks: Tuple[Rows, ...]
    unplaced: Rows
    region: Region
    said: bool

    @property
    def span(self) -> int:
        """Bytes from the first to the last row of the stack that counts."""
        first, last = self.stacks[0][0].frame_ptr, self.stacks[0][-1].frame_ptr
        return (last or 0) - (first or 0)


@dataclass(frozen=True)
class Choose:
    """What the command line says of the table: its number, counted from 1, its thread, an address on its stack."""

    table: Optional[int] = None
    thread: Optional[int] = None
    limit: Optional[int] = None
    base: Optional[int] = None


def split(rows: Sequence[PrintedRow], width: int, user: bool) -> Tuple[Rows, ...]:
    """The rows by the stack they lie on, in printed order; rows without a frame of their own are left out.

    Addresses rise along a stack.  A table leaves a stack where they turn back, step further than a frame can reach, or
    change between user and kernel mode, and may come back to it.  A return address of 0 ends a stack.
    """
    stacks: List[List[PrintedRow]] = []
    ended = set()
    current = -1
    for row in rows:
        if row.inline or row.frame_ptr is None:
            continue
        fits = [at for at in range(len(stacks)) if at not in ended and _follows(stacks[at][-1], row, width, user)]
        if current not in fits:
            current = fits[-1] if fits else len(stacks)
        if current == len(stacks):
            stacks.append([])
        stacks[current].append(row)
        if row.return_address == 0:
            ended.add(current)
    return tuple(map(tuple, stacks))


def _on_stack(stacks: Sequence[Rows], said: Sequence[Region]) -> Tuple[Rows, ...]:
    """The stacks, a last row apart that no frame can lead to: EBP was no frame pointer in the function before it.

    Where frames that large are, what calls them follows; and a stack whose range the text states has its own end.
    """
    found: List[Rows] = []
    for rows in stacks:
        before, last = (row.frame_ptr or 0 for row in rows[-2:]) if len(rows) > 1 else (0, 0)
        far = last - before > LARGEST_LAST and not any(before in one and last in one for one in said)
        found.extend((rows[:-1], rows[-1:]) if far else (rows,))
    return tuple(found)


def _follows(last: PrintedRow, row: PrintedRow, width: int, user: bool) -> bool:
    if last.frame_ptr is None or row.frame_ptr is None or last.frame_ptr < FIRST_PAGES:
        return False
    kernel = [not user and address >= KERNEL[width] for address in (last.frame_ptr, row.frame_ptr)]
    reach = LARGEST_KERNEL_FRAME if kernel[0] else LARGEST_STACK
    return kernel[0] == kernel[1] and 0 <= row.frame_ptr - last.frame_ptr <= reach


def place(facts: Facts, tables: Sequence[Table]) -> List[Placed]:
    """Every table with rows on a stack, in log order."""
    found = []
    for number, table in enumerate(tables, 1):
        stacks = _on_stack(split(table.rows, 8 if table.wide else 4, facts.kernel is False), said_regions(facts))
        usable = [stack for stack in stacks if (stack[-1].frame_ptr or 0) >= FIRST_PAGES]
        if usable:
            found.append(_placed(facts, table, number, stacks, usable))
    return found


def _placed(facts: Facts, table: Table, number: int, stacks: Sequence[Rows], usable: Sequence[Rows]) -> Placed:
    # Of equal ones the last: a handler's own stack comes before the stack that it interrupted.
    main = max(
        reversed(usable), key=lambda rows: (_said(facts, rows) is not None, not _handles(rows), len(rows), _span(rows))
    )
    unplaced = tuple(row for row in table.rows if row.frame_ptr is None and not row.inline)
    rest = [rows for rows in stacks if rows is not main]
    said = _said(facts, main)
    region = said if said is not None else _lower_bound(facts, main)
    return Placed(table, number, (main, *rest), unplaced, region, said is not None)


def _handles(rows: Rows) -> bool:
    """Whether rows are of the double fault's own stack, which its handler's row ends: not of the one that ran out."""
    last = rows[-1].symbol
    return last is not None and last.module == "nt" and last.name.startswith(DOUBLE_FAULT)


def _span(rows: Rows) -> int:
    return (rows[-1].frame_ptr or 0) - (rows[0].frame_ptr or 0)


def _said(facts: Facts, rows: Rows) -> Optional[Region]:
    # The Base and Limit that the text states for the stack these rows lie on; one that ran out begins below Limit.
    for region in reversed(said_regions(facts)):
        low = region.limit - GUARD_BYTES
        inside = sum(1 for row in rows if row.frame_ptr is not None and low <= row.frame_ptr < region.base)
        if inside * 2 > len(rows):
            return region
    return None


def _lower_bound(facts: Facts, rows: Rows) -> Region:
    first, last = rows[0].frame_ptr or 0, rows[-1].frame_ptr or 0
    base = (last // PAGE_BYTES + 1) * PAGE_BYTES
    for limit in limits_said(facts):
        if limit - GUARD_BYTES <= first and limit <= last <= limit + LARGEST_STACK:
            return Region(limit, base, None, LIMIT)
    return Region(first // PAGE_BYTES * PAGE_BYTES, base, None, ROWS)


ANY = Choose()


def choose(placed: Sequence[Placed], wanted: Choose) -> Optional[Placed]:
    """The table asked for, else the longest on a stack whose range the text states, else the longest."""
    fitting = [one for one in placed if _fits(one, wanted)]
    return max(fitting, key=lambda one: (one.said, len(one.stacks[0]), one.span), default=None)


def _fits(one: Placed, wanted: Choose) -> bool:
    if wanted.table is not None:
        return one.number == wanted.table
    if wanted.thread is not None and one.region.thread != wanted.thread:
        return False
    first = one.stacks[0][0].frame_ptr or 0
    low, high = wanted.limit, wanted.base
    return (low is None or first >= low - GUARD_BYTES) and (high is None or first < high)


def printed(chosen: Placed, placed: Sequence[Placed], region: Region, functions: Container[str]) -> PrintedWalk:
    """The record of the chosen table; `functions` are names that look like modules and are none."""

    def named_anew(rows: Rows) -> Rows:
        return tuple(
            replace(row, symbol=as_function(row.symbol, functions)) if row.symbol is not None else row for row in rows
        )

    table = chosen.table
    others = [other for other in placed if other is not chosen]
    named = [_name(other) for other in others[:MOST_NAMED]]
    if len(others) > MOST_NAMED:
        named.append(f"{len(others) - MOST_NAMED} more, --table {placed[0].number} to {placed[-1].number}")
    triple = start_of(table.command)
    if triple is not None and table.wide:  # k = StackPtr InstructionPtr FrameCount
        triple = Triple(None, triple.base_ptr or 0, triple.stack_ptr)
    stacks, unplaced = tuple(map(named_anew, chosen.stacks)), named_anew(chosen.unplaced)
    remarks = tuple(dict.fromkeys(map(printable, table.remarks)))
    return PrintedWalk(
        table.command, triple, region, stacks, unplaced, remarks, tuple(map(printable, named)), chosen.said
    )


def _name(one: Placed) -> str:
    first = one.stacks[0][0].frame_ptr or 0
    thread = f", thread {shown(one.region.thread)}" if one.region.thread is not None else ""
    command = f"`{one.table.command[:40]}`" if one.table.command else "a table"
    count = len(one.stacks[0])
    return f"{command} with {count} row{'s' * (count != 1)} from {shown(first)}{thread}: --table {one.number}"


def wider(chosen: Placed, dumped: Region) -> bool:
    """Whether a dumped range is a better guess of the table's stack than its rows' pages: it holds all of them."""
    first, last = chosen.stacks[0][0].frame_ptr or 0, chosen.stacks[0][-1].frame_ptr or 0
    return not chosen.said and dumped.source == DUMPED and first in dumped and last in dumped


def dump_wins(chosen: Placed, dumped: Memory) -> bool:
    """Whether the dumped words show more than the table: more than twice its bytes are dumped beyond its last row.

    Of x64, where a walk from words begins with the table's rows, it is enough that the table was cut off by its count.
    """
    last = chosen.stacks[0][-1].frame_ptr or 0
    table, region = chosen.table, chosen.region
    if table.wide and dumped.has(last, MORE) and cut(table.command, len(table.rows)):
        return True
    beyond = sum(max(0, min(start + len(data), region.base) - max(start, last)) for start, data in dumped.segments)
    return beyond > 2 * chosen.span
