"""Which FPO overrides lead the debugger's walk along given frames.

An override describes code, not a frame: where two frames run behind the same return address with their own return
slots at different distances (a recursion through an alloca), one override cannot serve both.  Then a frame is passed
over: the newer frame's override leads past it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Callable, Dict, FrozenSet, List, Sequence, Set, Tuple

from hogwalk.model import Frame

WORD = 4
SEARCHED = 32  # words above the place an override names in which the debugger was seen to look for a return address
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


def plan(frames: Sequence[Frame], hidden: FrozenSet[int], is_return: IsReturn) -> Plan:
    """The overrides for a walk that passes over the slots in `hidden`; the first frame is where kf starts.

    `is_return` tells whether the word at a stack address is one that the debugger takes for a return address.
    """
    left = [frame for frame in frames if frame is frames[0] or frame.return_slot not in hidden]
    while True:
        chosen, misled = _choose(list(zip(left, left[1:])), is_return)
        if not misled:
            return Plan(chosen, tuple(frame.return_slot for frame in left))
        left = [frame for frame in left if frame.return_slot not in misled]


def _choose(steps: Sequence[Step], is_return: IsReturn) -> Tuple[Dict[int, int], Set[int]]:
    """For each return address the distance that serves most frames, and the slots of some it would mislead."""
    by_address: Dict[int, List[Step]] = {}
    for step in steps:
        by_address.setdefault(step[0].return_address, []).append(step)
    chosen: Dict[int, int] = {}
    misled: Set[int] = set()
    for address, group in by_address.items():
        first = group[0] is steps[0]
        counted = Counter(map(distance, group[:1] if first else group))  # the start cannot be passed over
        chosen[address] = max(counted, key=lambda one: (_served(one, group, is_return), counted[one]))
        wrong = [step[0].return_slot for step in group if not _leads(chosen[address], step, is_return)]
        misled.update(wrong[:1])
    return chosen, misled


def distance(step: Step) -> int:
    """Dwords from behind the newer frame's return slot to the older one's."""
    newer, older = step
    return (older.return_slot - newer.return_slot) // WORD - 1


def _served(dwords: int, group: Sequence[Step], is_return: IsReturn) -> int:
    return sum(1 for step in group if _leads(dwords, step, is_return))


def _leads(dwords: int, step: Step, is_return: IsReturn) -> bool:
    """Whether an override leads from one frame to the next: at once, or by the debugger's search from there upward."""
    missing = distance(step) - dwords
    if not 0 <= missing <= SEARCHED:
        return False
    named = step[1].return_slot - missing * WORD
    return not any(is_return(named + WORD * at) for at in range(missing))


def not_reached(shown: Sequence[int], rows: Sequence[int]) -> FrozenSet[int]:
    """The planned slots that the debugger's rows miss although they show the slot right before."""
    following = dict(zip(rows, rows[1:]))
    start = shown[0]
    if start not in following and rows:
        following[start] = rows[0]
    return frozenset(older for newer, older in zip(shown, shown[1:]) if following.get(newer, older) != older)
