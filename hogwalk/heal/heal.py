"""Leads the debugger's own walk along hogwalk's, by FPO overrides, and takes them away again.

The debugger takes a word for a return address only when a call that it knows ends before it (dbgeng 10.0.15063 does
not know `call dword ptr [reg*4+table]`), else it looks further up.  What it takes cannot be known beforehand, so the
walk is tried a few times: frames that it will not show are passed over in the next round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, List, Optional, Sequence, Set, Tuple

from hogwalk.analysis import Evidence
from hogwalk.errors import NothingFound
from hogwalk.evidence.sites import SiteKind
from hogwalk.heal.overrides import Overrides
from hogwalk.heal.plan import Plan, not_reached, plan
from hogwalk.model import Frame, Triple
from hogwalk.stitch.walks import Walks
from hogwalk.target.protocol import Target
from hogwalk.walk.choose import frame_count, walk_from
from hogwalk.walk.frames import FrameReader

ROUNDS = 8


@dataclass(frozen=True)
class Healed:
    """The debugger's walk before and after.

    `before` are the rows of its best walk without help, `after` those from `start` with `overrides` (return address,
    dwords), newest first; `own` is hogwalk's walk, the start included.  `kept` tells that the overrides are still
    set; `undo` are the commands that remove them.
    """

    start: Triple
    command: str
    before: Tuple[Frame, ...]
    after: Tuple[Frame, ...]
    own: Tuple[Frame, ...]
    overrides: Tuple[Tuple[int, int], ...]
    kept: bool
    undo: Tuple[str, ...]

    @property
    def better(self) -> bool:
        """Whether the overrides brought the debugger's walk closer to hogwalk's."""
        slots = _slots(self.own)
        return _merit(self.after, slots) > _merit(self.before, slots)


@dataclass(frozen=True)
class _Try:
    plan: Plan
    command: str
    frames: Tuple[Frame, ...]


def heal(target: Target, evidence: Evidence, walks: Walks, keep: bool) -> Healed:
    """The debugger's walk from hogwalk's start under FPO overrides, which are gone afterwards unless kept.

    They are kept only where they help.  Raises NothingFound without an own walk, BadInput where overrides are set
    already, NoDebugger and CommandFailed as the target does.
    """
    frames = _leadable(evidence, walks)
    modules = sorted({module.start for module in map(evidence.modules.at, _addresses(frames)) if module is not None})
    overrides = Overrides(target, modules)
    before = tuple(frame for walk in walks.segments for frame in walk.frames)
    own = walks.own.frames if walks.own is not None else ()
    start = _start(evidence, frames[0])
    kept = False
    try:
        overrides.frame_data_off()
        best = _best(target, evidence, overrides, frames, start)
        healed = Healed(
            start, best.command, before, best.frames, own, tuple(best.plan.locals.items()), False, overrides.undo()
        )
        if keep and healed.better:
            overrides.use(best.plan.locals)
            kept = True
    finally:
        if not kept:
            overrides.put_back()
    return Healed(**{**healed.__dict__, "kept": kept})


def _leadable(evidence: Evidence, walks: Walks) -> List[Frame]:
    """The own frames that an override can lead to and on from: their return addresses lie in modules."""
    frames = walks.own.frames if walks.own is not None else ()
    found = [frame for frame in frames if evidence.modules.at(frame.return_address) is not None]
    if len(found) < 2:
        raise NothingFound("hogwalk's own walk has no frames to lead the debugger along", "see `compare`")
    return found


def _addresses(frames: Sequence[Frame]) -> Set[int]:
    return {frame.return_address for frame in frames}


def _start(evidence: Evidence, first: Frame) -> Triple:
    # BasePtr 0: the walk needs none, and the debugger prefers a readable one to the overrides.
    return Triple(0, first.return_slot - 4, first.return_address)


def _best(
    target: Target, evidence: Evidence, overrides: Overrides, frames: Sequence[Frame], start: Triple
) -> _Try:
    """The best walk of some rounds, in each of which the debugger is spared the frames it would not show before."""
    reader = FrameReader(evidence.image, evidence.sites, evidence.judge)
    count = frame_count(evidence.region.size)
    slots = _slots(frames)
    hidden: FrozenSet[int] = frozenset()
    best: Optional[_Try] = None
    for _ in range(ROUNDS):
        wanted = plan(frames, hidden, lambda slot: _is_return(evidence, slot))
        overrides.use(wanted.locals)
        walk = walk_from(target, reader, start, count)
        tried = _Try(wanted, walk.command, walk.frames)
        if best is None or _merit(tried.frames, slots) > _merit(best.frames, slots):
            best = tried
        missed = not_reached(wanted.shown, [frame.return_slot for frame in walk.frames])
        if not missed:
            break
        hidden |= missed
    assert best is not None
    return best


def _is_return(evidence: Evidence, slot: int) -> bool:
    word = evidence.image.word(slot)
    return word is not None and evidence.sites.at(word).kind is SiteKind.CALL


def _slots(frames: Sequence[Frame]) -> FrozenSet[int]:
    return frozenset(frame.return_slot for frame in frames)


def _merit(rows: Sequence[Frame], slots: FrozenSet[int]) -> int:
    """Rows that hogwalk's walk has too, less those it has not."""
    return sum(1 if frame.return_slot in slots else -1 for frame in rows)
