"""Leads the debugger's own walk along hogwalk's, by FPO overrides, and takes them away again.

The debugger takes a word for a return address only when a call that it knows ends before it (dbgeng 10.0.15063 does
not know the seven bytes of `call dword ptr [reg*4+table]`), else it looks further up.  So the walk is tried a few
times: a frame that the debugger will not show is passed over in the next round.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import FrozenSet, List, Optional, Sequence, Tuple

from hogwalk.analysis import Evidence
from hogwalk.errors import NothingFound
from hogwalk.evidence.sites import SiteKind
from hogwalk.heal.overrides import Overrides
from hogwalk.heal.plan import Plan, not_reached, plan
from hogwalk.model import Frame, Triple
from hogwalk.stitch.compare import keeps_ebp
from hogwalk.stitch.walks import Walks
from hogwalk.target.protocol import Target
from hogwalk.walk.choose import frame_count, walk_from
from hogwalk.walk.frames import FrameReader, Walk

MODES = ((False, False), (False, True), (True, True), (True, False))
ROUNDS = 6  # most stacks settle in two
TAKEN = (SiteKind.CALL, SiteKind.UNREAD)  # the debugger takes what it cannot read on trust


@dataclass(frozen=True)
class Healed:
    """The debugger's walk before and after.

    `before` are the rows of its best walk without help, `after` the walk with `overrides` FPO overrides in force;
    `own` are hogwalk's frames, the start included.  `kept` tells that the overrides are still set; `undo` are the
    commands that remove them.
    """

    before: Tuple[Frame, ...]
    after: Walk
    own: Tuple[Frame, ...]
    overrides: int
    kept: bool
    undo: Tuple[str, ...]

    @property
    def better(self) -> bool:
        """Whether the overrides brought the debugger's walk closer to hogwalk's."""
        slots = slots_of(self.own)
        return _merit(self.after.frames, slots) > _merit(self.before, slots)


@dataclass(frozen=True)
class _Try:
    plan: Plan
    frame_data: bool
    walk: Walk
    merit: int
    free: int


def heal(target: Target, evidence: Evidence, walks: Walks, keep: bool) -> Healed:
    """The debugger's walk from hogwalk's start under FPO overrides, which are gone afterwards unless kept.

    They are kept only where they help.  Raises NothingFound where there is nothing to lead the debugger along,
    BadInput where overrides are set already, NoDebugger and CommandFailed as the target does.
    """
    own = walks.own.frames if walks.own is not None else ()
    frames = [frame for frame in own if evidence.modules.at(frame.return_address) is not None]
    if len(frames) < 2:
        raise NothingFound("hogwalk's own walk has no frames to lead the debugger along", "see `compare`")
    within = {evidence.modules.at(frame.return_address) for frame in frames}
    overrides = Overrides(target, sorted(module.start for module in within if module is not None))
    before = tuple(frame for walk in walks.segments for frame in walk.frames)
    kept = False
    try:
        best = _Healer(target, evidence, overrides, frames).best()
        healed = Healed(before, best.walk, own, len(best.plan.locals), False, ())
        if keep and healed.better:
            overrides.use(best.plan.locals)
            overrides.follow_frame_data(best.frame_data)
            healed = replace(healed, kept=True, undo=overrides.undo())
            kept = True
    finally:
        if not kept:
            overrides.put_back()
    return healed


class _Healer:
    """Looks for the overrides that serve one stack best."""

    def __init__(
        self, target: Target, evidence: Evidence, overrides: Overrides, frames: Sequence[Frame]
    ) -> None:
        self._target = target
        self._evidence = evidence
        self._overrides = overrides
        self._frames = frames
        self._slots = slots_of(frames)
        self._reader = FrameReader(evidence.image, evidence.sites, evidence.judge)

    def best(self) -> _Try:
        """The best walk of all ways to lead the debugger; a way is not tried once one shows every frame."""
        by_ebp = self._by_ebp()
        tried: List[_Try] = []
        for frame_data, free in MODES:
            if self._overrides.follow_frame_data(frame_data) or frame_data:
                tried += self._rounds(frame_data, by_ebp if free else frozenset())
            if max((one.merit for one in tried), default=0) == len(self._frames) - 1:
                break
        import sys; print('MODES',[(t.frame_data,t.free,t.merit) for t in tried])
        return max(tried, key=lambda one: one.merit)

    def _rounds(self, frame_data: bool, free: FrozenSet[int]) -> List[_Try]:
        hidden: FrozenSet[int] = frozenset()
        tried: List[_Try] = []
        runs = {frame.return_slot: frame.return_address for frame in self._frames}
        for _ in range(ROUNDS):
            wanted = plan(self._frames, hidden, self._is_return, free)
            self._overrides.use(wanted.locals)
            walk = walk_from(
                self._target, self._reader, self._start(frame_data or bool(free)), frame_count(self._evidence.region.size)
            )
            tried.append(_Try(wanted, frame_data, walk, _merit(walk.frames, self._slots), len(free)))
            rows = [frame.return_slot for frame in walk.frames if frame.return_slot not in hidden]
            missed = not_reached(wanted.shown, rows)
            if not missed:
                break
            hidden |= {older for newer, older in missed if runs[newer] not in free}
            free -= {runs[newer] for newer, _ in missed}
        return tried

    def _by_ebp(self) -> FrozenSet[int]:
        """The return addresses in functions that keep EBP frames, as their first instructions tell."""
        found = set()
        for frame in self._frames:
            start = self._evidence.judge.function_start(frame.return_address)
            if start is not None and keeps_ebp(self._evidence.reader, start):
                found.add(frame.return_address)
        return frozenset(found)

    def _start(self, by_ebp: bool) -> Triple:
        # Without EBP frames no BasePtr is needed, and a wrong but readable one would be passed on and on.
        first = self._frames[0]
        saved: Optional[int] = self._evidence.image.word(first.return_slot - 4) if by_ebp else None
        return Triple(saved or 0, first.return_slot - 4, first.return_address)

    def _is_return(self, slot: int) -> bool:
        word = self._evidence.image.word(slot)
        return word is not None and self._evidence.sites.at(word).kind in TAKEN


def slots_of(frames: Sequence[Frame]) -> FrozenSet[int]:
    """The return slots of frames."""
    return frozenset(frame.return_slot for frame in frames)


def _merit(rows: Sequence[Frame], slots: FrozenSet[int]) -> int:
    """Rows that hogwalk's walk has too, less those it has not."""
    return sum(1 if frame.return_slot in slots else -1 for frame in rows)
