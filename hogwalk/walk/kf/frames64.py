"""Turns the rows of a `kf` answer of x64 into frames, as far as the stack bears them out.

Row n's return address lies right below row n+1's Child-SP, or in a machine frame that the processor pushed.  Where kf
meets code without unwind data it takes every following word for a return address and says nothing: compiled code keeps
RSP a multiple of 16 at its calls, so a slot elsewhere, or a RetAddr that no call precedes, is where it was lost.
"""

from __future__ import annotations

from typing import List, Optional, Tuple

from hogwalk.machine.words import shown
from hogwalk.model import Frame, Source, Triple, Trust
from hogwalk.targets.parsers.kf import KfText
from hogwalk.targets.parsers.kfrow import KfRow
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.facts.links import LinkJudge
from hogwalk.walk.facts.sites import CallSites, SiteKind
from hogwalk.walk.facts.traps import Traps
from hogwalk.walk.facts.unwinding import Unwinding
from hogwalk.walk.kf.frames import FrameReader, Walk

KERNEL_CODE = 0x10
USER_END = 1 << 47


class FrameReader64(FrameReader):
    """Reads frames out of parsed `kf` text for one x64 stack."""

    def __init__(
        self, image: StackImage, sites: CallSites, judge: LinkJudge, traps: Traps, unwinding: Unwinding
    ) -> None:
        super().__init__(image, sites, judge, traps)
        self._unwinding = unwinding

    def walk(self, triple: Triple, command: str, text: KfText) -> Walk:
        """The walk that `kf` printed for a start."""
        rows = [row for row in text.rows if not row.inline and row.frame_ptr is not None]
        frames: List[Frame] = []
        running, stop = triple.instruction_ptr, "the rows end there"
        for at, (row, older) in enumerate(zip(rows, rows[1:])):
            found, why = self._frame_of(row, older, running, at == 0)
            if found is None:
                stop = why
                break
            frames.append(found)
            running = found.return_address
        rest = rows[len(frames) :]
        return Walk(triple, command, tuple(frames), tuple(rest), text.notes, text.unparsed, stop)

    def _frame_of(self, row: KfRow, older: KfRow, running: int, first: bool) -> Tuple[Optional[Frame], str]:
        """A row's frame, or None and why the walk ends there."""
        image, region = self._image, self._image.region
        start, end, address = row.frame_ptr or 0, older.frame_ptr or 0, row.return_address or 0
        if not region.limit <= start < region.base and not first:
            return None, "it leaves the stack"
        slot, trapped = self._slot(start, end, address)
        if slot not in region:
            return None, "it leaves the stack" if end >= USER_END else "it reaches user mode"
        if image.word(slot) != address or (not trapped and slot % image.machine.slot_step != image.machine.slot_at):
            return None, f"kf was lost at {shown(start)}: what it shows next is no return address"
        trust = Trust.TRAP if trapped else self._trust(address, running)
        if trust in (Trust.NONE, Trust.PLAIN):
            return None, f"kf was lost at {shown(start)}: no call ends at {shown(address)}"
        top = min(end, region.base) if trapped and end in region else slot + image.machine.word
        size = top - max(start, region.limit)
        return Frame(start, slot, address, running, size, row.symbol, Source.KF, trust, top if trapped else None), ""

    def _slot(self, start: int, end: int, address: int) -> Tuple[int, bool]:
        """Where a row's return address lies, and whether the processor pushed it."""
        image = self._image
        word = image.machine.word
        slot = end - word
        if image.word(slot) == address:
            return slot, False
        low = max(start, image.region.limit)
        for at in range(low - low % word, min(low + MOST_HANDLER, image.region.base), word):
            if image.word(at) == address and image.word(at + 3 * word) == end:
                return at, True
        return slot, False

    def _trust(self, address: int, running: int) -> Trust:
        kind = self._sites.at(address).kind
        if kind is SiteKind.OUTSIDE:
            return Trust.NONE
        if kind in (SiteKind.UNREAD, SiteKind.PLAIN):
            return Trust.UNREAD if kind is SiteKind.UNREAD else Trust.PLAIN
        called = self._sites.at(address).target
        return Trust.LINKED if called is not None and called == self._unwinding.function(running) else Trust.CALL


MOST_HANDLER = 0x400  # bytes of a trap handler's frame
