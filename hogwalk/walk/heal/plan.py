"""Which FPO overrides lead the debugger's walk along given frames.

An override describes code, not a frame: where two frames run behind the same return address with their own return
slots at different distances (a recursion through an alloca), one override cannot serve both.  Then a frame is passed
over: the newer frame's override leads past it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Callable, Dict, FrozenSet, List, NamedTuple, Sequence, Tuple

from hogwalk.machine.words import X86
from hogwalk.model import Frame

WORD = X86.word
SEARCHED = 32  # words above the place an override names in which the debugger was seen to look for a return address
BRANCHES = 3  # conflicts in which both ways out are tried to the end
IsReturn = Callable[[int], bool]
Step = Tuple[Frame, Frame]


@dataclass(frozen=True)
class Plan:
    """Overrides and the walk they should give.

    `locals` maps a return address to the dwords between the stack pointer behind that call and the return slot of the
    function that runs there; `shown` are the return slots the debugger should visit, lowest first, the start included.
    """

    locals: Dict[int, int]
    shown: Tuple[int, ...]


class _Way(NamedTuple):
    """An override for one return address, and the frames behind it that it would mislead."""

    dwords: int
    misled: FrozenSet[int]


def plan(frames: Sequence[Frame], hidden: FrozenSet[int], is_return: IsReturn) -> Plan:
    """The overrides for a walk that passes over the slots in `hidden`; the first frame is where kf starts.

    `is_return` tells whether the word at a stack address is one that the debugger takes for a return address.
    """
    left = _settled(_without(frames, hidden), is_return, BRANCHES)
    overrides = {address: ways[0].dwords for address, ways in _ways(left, is_return).items()}
    return Plan(overrides, tuple(frame.return_slot for frame in left))


def not_reached(shown: Sequence[int], rows: Sequence[int]) -> FrozenSet[int]:
    """The planned slots that the debugger's rows miss although they show the slot right before."""
    following = dict(zip((shown[0], *rows), rows))
    return frozenset(older for newer, older in zip(shown, shown[1:]) if following.get(newer, older) != older)


def _settled(left: List[Frame], is_return: IsReturn, branches: int) -> List[Frame]:
    """The frames less those that conflicts between overrides cost, few of them."""
    while True:
        conflicts = [ways for ways in _ways(left, is_return).values() if ways[0].misled]
        if not conflicts:
            return left
        smallest = min(conflicts, key=lambda ways: len(ways[0].misled))
        if branches and len(smallest) > 1:
            tried = (_settled(_without(left, way.misled), is_return, branches - 1) for way in smallest[:2])
            return max(tried, key=len)
        left = _without(left, smallest[0].misled)


def _without(frames: Sequence[Frame], hidden: FrozenSet[int]) -> List[Frame]:
    """The frames that are not hidden; the start always stays."""
    return [frame for frame in frames if frame is frames[0] or frame.return_slot not in hidden]


def _ways(frames: Sequence[Frame], is_return: IsReturn) -> Dict[int, List[_Way]]:
    """By return address the overrides that serve one of its frames, those that mislead the fewest others first."""
    groups: Dict[int, List[Step]] = {}
    for step in zip(frames, frames[1:]):
        groups.setdefault(step[0].return_address, []).append(step)
    found: Dict[int, List[_Way]] = {}
    for address, group in groups.items():
        pinned = group[0][0] is frames[0]  # the start cannot be passed over, so its own override it must be
        counted = Counter(_distance(step) for step in (group[:1] if pinned else group))
        ways = [_Way(dwords, _misled(dwords, group, is_return)) for dwords in counted]
        found[address] = sorted(ways, key=lambda way: (len(way.misled), -counted[way.dwords]))
    return found


def _misled(dwords: int, group: Sequence[Step], is_return: IsReturn) -> FrozenSet[int]:
    return frozenset(step[0].return_slot for step in group if not _leads(dwords, step, is_return))


def _leads(dwords: int, step: Step, is_return: IsReturn) -> bool:
    """Whether an override leads from one frame to the next: at once, or by the debugger's search from there upward."""
    missing = _distance(step) - dwords
    if not 0 <= missing <= SEARCHED:
        return False
    named = step[1].return_slot - missing * WORD
    return not any(is_return(named + WORD * at) for at in range(missing))


def _distance(step: Step) -> int:
    """Dwords from behind the newer frame's return slot to the older one's."""
    newer, older = step
    return (older.return_slot - newer.return_slot) // WORD - 1
