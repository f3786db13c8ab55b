"""What each clue weighs on x64: natural log-likelihoods.

tests/lab64/train.py fits them as tests/rebuild/train.py fits those of x86, on seeds 201-230 of the x64 lab.  What no
training case shows was set by hand: UNFITTED names it.
"""

from __future__ import annotations

from math import inf
from typing import Dict, List, Sequence, Tuple

from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.collect import Candidates
from hogwalk.walk.rebuild.graph import Graph
from hogwalk.walk.rebuild.scale import shares

WEIGHTS: Dict[Clue, float] = {
    Clue.CALL: -5.93,
    Clue.UNREAD: -6.26,
    Clue.TRAP_FRAME: -2.85,
    Clue.KF: 0.50,
    Clue.ALIGNED: 0.04,
    Clue.ALIGNED_8: -2.07,
    Clue.CONVERGED: -0.22,
    Clue.CROSSED: -0.37,
    Clue.AT_POINTER: 1.00,
    Clue.SKIPS_NONE: -0.06,
    Clue.SKIPS_MANY: -0.16,
    Clue.REACHED: 8.22,
    Clue.NEAR_TARGET: 2.44,
    Clue.TAIL_POSSIBLE: -0.28,
    Clue.OTHER_TARGET: -6.22,
    Clue.ANY_TARGET: 0.07,
    Clue.REPEATED_ALONE: -3.69,
    Clue.SIZE_NEARBY: 3.06,
    Clue.FARTHER_TARGET: -2.72,
    Clue.NO_RETURN: 3.10,
    Clue.DEPTH: -1.61,
    Clue.DEPTH_AT_LEAST: -5.01,
    Clue.DEPTH_OTHER: -12.08,
    Clue.LOST_80: 4.52,
    Clue.LOST_200: 2.92,
    Clue.LOST_400: 2.75,
    Clue.OTHER_EXACT: -2.32,
    Clue.DEPTH_STARTED: 1.06,
    Clue.DEPTH_UNKNOWN: 2.42,
    Clue.DEPTH_UNREAD: 1.06,
    Clue.UP_TO_20: -3.60,
    Clue.UP_TO_40: 0.65,
    Clue.UP_TO_80: 4.38,
    Clue.UP_TO_100: 4.28,
    Clue.UP_TO_200: 3.95,
    Clue.UP_TO_400: 1.27,
    Clue.UP_TO_800: -0.60,
    Clue.OVER_800: -9.37,
    Clue.NO_TRAP: -6.00,
    Clue.SAME_MODULE: 0.30,
    Clue.OTHER_MODULE: 0.00,
    Clue.REPEATED_PAIR: -0.62,
    Clue.REPEATED_SIZE: -8.70,
    Clue.NOT_REPEATED: -14.33,
    Clue.FROM_REGISTERS: 4.84,
    Clue.NOT_REGISTERS: -14.01,
    Clue.MAY_REACH_NEAR: 3.44,
    Clue.MAY_REACH: -1.71,
    Clue.MAY_REACH_FAR: -10.94,
    Clue.REACHES_LIMIT: 5.93,
    Clue.FAR_FROM_LIMIT: -5.01,
    Clue.ANY_START: 0.00,
    Clue.HOLE: -2.80,
    Clue.USER_MODE: 5.94,
    Clue.NEAR_BASE: -1.78,
    Clue.SHADOWED: 6.0,
    Clue.SHADOW_OTHER: -25.0,
    Clue.LAST: 6.97,
    Clue.FOREIGN: -1.00,
    Clue.EARLY_END: -7.47,
    Clue.PREDICTED_ON: -6.74,
}
UNFITTED: Tuple[Clue, ...] = (
    Clue.KF,
    Clue.AT_POINTER,
    Clue.DEPTH_UNKNOWN,
    Clue.SAME_MODULE,
    Clue.OTHER_MODULE,
    Clue.HOLE,
    Clue.ANY_START,
    Clue.SHADOWED,
    Clue.SHADOW_OTHER,
    Clue.FOREIGN,
)
STEP = 7.11  # what a step adds beside the log-probability of its clues
SEARCHED_STEP = 7.21  # the same where the start is searched for: a stack that ran out is full of live frames
BLIND_STEP = 2.94  # the same where the code below the newer slot cannot be read
HEAT = 1.0
_PLAIN = tuple((int(clue), weight) for clue, weight in WEIGHTS.items())
_UNREAD = int(Clue.UNREAD)


def weigh(mask: int) -> float:
    """The log-likelihood of a set of clues."""
    return sum([weight for clue, weight in _PLAIN if mask & clue])


def graph(found: Candidates, started: bool) -> Graph:
    """The scores of all starts, steps and ends; `started` says that registers name the start."""
    own = [node.clues for node in found.nodes]
    known: Dict[int, float] = {}

    def weighed(mask: int) -> float:
        weight = known.get(mask)
        if weight is None:
            weight = known[mask] = weigh(mask)
        return weight

    starts = [-inf] * len(own)
    for number, mask in found.starts.items():
        starts[number] = weighed(mask)
    steps = []
    for number, ways in enumerate(found.edges.steps):
        gain = BLIND_STEP if own[number] & _UNREAD else STEP if started else SEARCHED_STEP
        parts: Sequence[float] = shares([weighed(mask | own[older]) for older, mask in ways])
        steps.append([(older, gain + part) for (older, _), part in zip(ways, parts)])
    ends: List[float] = [weighed(mask) for mask in found.ends]
    return Graph(starts, ends, steps)
