"""Turns the rows of a `kf` answer into frames on the stack, each with the trust its return address earns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from hogwalk.machine.words import X86
from hogwalk.model import Frame, Region, Source, Symbol, Triple, Trust
from hogwalk.targets.parsers.kf import KfText
from hogwalk.targets.parsers.kfrow import KfRow
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.facts.links import Link, LinkJudge
from hogwalk.walk.facts.sites import CallSites, SiteKind
from hogwalk.walk.facts.traps import TrapFrame, Traps

WORD = X86.word
PROVEN = (Trust.LINKED, Trust.CALL, Trust.TRAP)
MOST_PLANTED = 8  # rows that one name may plant: a file name is short


@dataclass(frozen=True)
class Walk:
    """What one `kf=` produced.

    `frames` are the rows on the stack, newest first; `rest` the printed rows after them, off the stack, out of
    order or not borne out, which no sum includes; `stop` says why the walk ends where it ends.
    """

    triple: Triple
    command: str
    frames: Tuple[Frame, ...]
    rest: Tuple[KfRow, ...]
    notes: Tuple[str, ...]
    unparsed: Tuple[str, ...]
    stop: str

    @property
    def bytes(self) -> int:
        """Bytes from the first frame's return slot to the last one's."""
        return sum(frame.bytes or 0 for frame in self.frames)

    @property
    def proven_bytes(self) -> int:
        """Bytes of the frames whose return address is borne out by a call or a trap frame."""
        return sum(frame.bytes or 0 for frame in self.frames if frame.trust in PROVEN)


class FrameReader:
    """Reads frames out of parsed `kf` text for one stack."""

    def __init__(self, image: StackImage, sites: CallSites, judge: LinkJudge, traps: Traps) -> None:
        self._image = image
        self._traps = traps
        self._sites = sites
        self._judge = judge

    def walk(self, triple: Triple, command: str, text: KfText) -> Walk:
        """The walk that `kf` printed for a triple."""
        printed, planted = unplanted(text.rows, self._image)
        count, stop = on_stack(printed, self._image.region)
        rows = [row for row in printed[:count] if not row.inline]  # an inline row has no frame of its own
        frames: List[Frame] = []
        running = triple.instruction_ptr
        newer: Optional[int] = None
        for number, row in enumerate(rows):
            if row.frame_ptr is None or row.return_address is None:
                continue
            older = rows[number + 1].frame_ptr or 0 if number + 1 < len(rows) else None
            slot, _ = self.slot(row.frame_ptr, row.return_address, newer, older)
            frames.append(self._frame(row, slot, running, None if newer is None else slot - newer))
            running, newer = row.return_address, slot
        kept = len(frames)
        while kept > 1 and frames[kept - 1].trust is Trust.NONE:
            kept -= 1
        if kept < len(frames):
            stop = "no return address in the stack bears out the rows that follow"
        rest = (*rows[kept:], *printed[count:])
        unparsed = (*text.unparsed, *(row.text for row in planted))
        return Walk(triple, command, tuple(frames[:kept]), rest, text.notes, unparsed, stop)

    def slot(
        self, frame_ptr: int, return_address: int, newer: Optional[int], older: Optional[int]
    ) -> Tuple[int, Optional[TrapFrame]]:
        """Where the address that a row returns to lies, and the trap frame that holds it.

        `newer` is the newer row's slot, `older` the older row's ChildEBP, None where there is no such row.  A handler's
        row repeats the ChildEBP of the function that it called, or has its trap frame's: its own stack ends at that
        trap frame's Eip.  What entered from user mode keeps no bytes of its own.
        """
        slot = frame_ptr + WORD if newer is None else max(frame_ptr + WORD, newer)
        trap = self._traps.returning_to(frame_ptr, return_address)
        if trap is None or (older is not None and not trap.user and older + WORD < trap.slot):
            return slot, None
        return (trap.slot if not trap.user else slot if newer is None else newer), trap

    def _frame(self, row: KfRow, slot: int, running: int, distance: Optional[int]) -> Frame:
        frame_ptr, return_address = row.frame_ptr or 0, row.return_address or 0
        trust = self.trust(frame_ptr, return_address, running)
        symbol = row.symbol or self._module(running)
        return Frame(frame_ptr, slot, return_address, running, distance, symbol, Source.KF, trust)

    def _module(self, address: int) -> Optional[Symbol]:
        # A module without a name of its own is printed as "!Function+0x5" or "+0x1196".
        module = self._sites.modules.at(address)
        return None if module is None else Symbol(module.name, "", address - module.start)

    def trust(self, frame_ptr: int, return_address: int, running: int) -> Trust:
        """How well the return address of a frame is borne out."""
        if self._traps.returning_to(frame_ptr, return_address) is not None:
            return Trust.TRAP
        if self._image.word(frame_ptr + WORD) != return_address:
            return Trust.NONE
        kind = self._sites.at(return_address).kind
        if kind is SiteKind.OUTSIDE:
            return Trust.NONE
        if kind is SiteKind.UNREAD:
            return Trust.UNREAD
        if kind is SiteKind.PLAIN:
            return Trust.PLAIN
        return Trust.LINKED if self._judge.judge(return_address, running) is Link.MATCH else Trust.CALL


def unplanted(rows: Sequence[KfRow], image: StackImage) -> Tuple[List[KfRow], List[KfRow]]:
    """The rows without those that a file's name planted among them, and these.

    A planted row lies off the stack or out of order, the stack does not hold its return address, and the walk goes on
    behind it with a row whose return address it holds; a row that ends the walk is none.
    """
    kept: List[KfRow] = []
    planted: List[KfRow] = []
    newest = image.region.limit
    for index, row in enumerate(rows):
        if row.frame_ptr is None or newest <= row.frame_ptr <= image.region.base - 2 * WORD:
            newest = newest if row.frame_ptr is None else row.frame_ptr
            kept.append(row)
        elif image.word(row.frame_ptr + WORD) != row.return_address and any(
            _goes_on(later, newest, image) for later in rows[index + 1 : index + 1 + MOST_PLANTED]
        ):
            planted.append(row)
        else:
            return [*kept, *rows[index:]], planted
    return kept, planted


def _goes_on(row: KfRow, newest: int, image: StackImage) -> bool:
    if row.frame_ptr is None or not newest <= row.frame_ptr <= image.region.base - 2 * WORD:
        return False
    return image.word(row.frame_ptr + WORD) == row.return_address


def on_stack(rows: Sequence[KfRow], region: Region) -> Tuple[int, str]:
    """How many leading rows lie on the stack in rising order, and why the walk ends there."""
    newest = region.limit
    for index, row in enumerate(rows):
        if row.frame_ptr is None:
            continue
        if not region.limit <= row.frame_ptr <= region.base - 8:  # the pair must lie on the stack, not just its start
            if row.frame_ptr < 0x80000000 <= region.limit:
                return index, "it reaches user mode"
            return index, "it leaves the stack"
        if row.frame_ptr < newest:
            return index, "it turns back towards Limit"
        newest = row.frame_ptr
    return len(rows), "the debugger found no older frame" if rows else "the debugger printed no frame"
