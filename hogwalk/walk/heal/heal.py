"""Leads the debugger's own walk along hogwalk's, by FPO overrides, and takes them away again.

The debugger takes a word for a return address only when a call that it believes in ends before it (dbgeng 10.0.15063
does not believe in `call dword ptr [reg*4+table]` with a table outside every module), else it looks further up.  So
the walk is tried a few times: a frame that the debugger will not show is passed over in the next round.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import FrozenSet, List, Optional, Sequence, Tuple

from hogwalk.errors import NoDebugger, NothingFound
from hogwalk.machine.words import X86
from hogwalk.model import Frame, Triple
from hogwalk.targets.protocol import Target
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.sites import SiteKind
from hogwalk.walk.heal.overrides import Overrides
from hogwalk.walk.heal.plan import Plan, not_reached, plan
from hogwalk.walk.kf.choose import frame_count, walk_from
from hogwalk.walk.kf.frames import FrameReader, Walk
from hogwalk.walk.merge.walks import Walks

WORD = X86.word

REMEDY = "open the dump in WinDbg and run `!py hogwalk heal` there"
ROUNDS = 6  # most stacks settle in two or three
ROUNDS_WITH_FRAME_DATA = 2
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


def heal(target: Target, evidence: Evidence, walks: Walks, keep: bool) -> Healed:
    """The debugger's walk from hogwalk's start under FPO overrides, which are gone afterwards unless kept.

    They are kept only where they help.  Raises NothingFound where there is nothing to lead the debugger along, or no
    need to,
    BadInput where overrides are set already, NoDebugger and CommandFailed as the target does.
    """
    own = walks.own.frames if walks.own is not None else ()
    frames = [frame for frame in own if evidence.modules.at(frame.return_address) is not None]
    if len(frames) < 2:
        raise NothingFound("hogwalk's own walk has no frames to lead the debugger along", "see `compare`")
    within = {evidence.modules.at(frame.return_address) for frame in frames}
    try:
        overrides = Overrides(target, sorted(module.start for module in within if module is not None))
    except NoDebugger as error:
        raise NoDebugger("heal sets overrides in a debugger, and here is none", REMEDY) from error
    before = tuple(frame for walk in walks.segments for frame in walk.frames)
    kept = False
    try:
        if slots_of(before) == slots_of(frames[1:]):
            raise NothingFound("nothing to heal: the debugger's own walk has all of hogwalk's frames", "see `walk`")
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

    def __init__(self, target: Target, evidence: Evidence, overrides: Overrides, frames: Sequence[Frame]) -> None:
        self._target = target
        self._evidence = evidence
        self._overrides = overrides
        self._frames = frames
        self._slots = slots_of(frames)
        self._reader = FrameReader(evidence.image, evidence.sites, evidence.judge, evidence.traps)

    def best(self) -> _Try:
        """The best walk with symbols' frame data ignored, where it would stand above overrides, or else followed."""
        tried: List[_Try] = []
        if self._overrides.follow_frame_data(False):
            tried += self._rounds(False, ROUNDS)
        if not tried or max(one.merit for one in tried) < len(self._frames) - 1:
            self._overrides.follow_frame_data(True)
            tried += self._rounds(True, ROUNDS_WITH_FRAME_DATA)
        return max(tried, key=lambda one: one.merit)

    def _rounds(self, frame_data: bool, most: int) -> List[_Try]:
        hidden: FrozenSet[int] = frozenset()
        tried: List[_Try] = []
        start, count = self._start(frame_data), frame_count(self._evidence.region.size)
        for _ in range(most):
            wanted = plan(self._frames, hidden, self._is_return)
            self._overrides.use(wanted.locals)
            walk = walk_from(self._target, self._reader, start, count)
            tried.append(_Try(wanted, frame_data, walk, _merit(walk.frames, self._slots)))
            missed = not_reached(wanted.shown, [frame.return_slot for frame in walk.frames])
            if not missed:
                break
            hidden |= missed
        return tried

    def _start(self, frame_data: bool) -> Triple:
        # Without frame data no BasePtr is needed, and a wrong but readable one would be passed on and on.
        first = self._frames[0]
        saved: Optional[int] = self._evidence.image.word(first.return_slot - WORD) if frame_data else None
        return Triple(saved or 0, first.return_slot - WORD, first.return_address)

    def _is_return(self, slot: int) -> bool:
        word = self._evidence.image.word(slot)
        return word is not None and self._evidence.sites.at(word).kind in TAKEN


def slots_of(frames: Sequence[Frame]) -> FrozenSet[int]:
    """The return slots of frames."""
    return frozenset(frame.return_slot for frame in frames)


def _merit(rows: Sequence[Frame], slots: FrozenSet[int]) -> int:
    """Rows that hogwalk's walk has too, less those it has not."""
    return sum(1 if frame.return_slot in slots else -1 for frame in rows)
