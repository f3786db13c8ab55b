"""What each clue weighs on x64: natural log-likelihoods.

They were searched, one after the other, for recall and precision on 33 dumps of the x64 lab (tests/lab64: dark2,
dark4, wiped and fp, seeds 1-10), then rounded; clues that these do not show keep what was set by hand.
"""

from __future__ import annotations

from math import inf
from typing import Dict, List, Sequence

from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.collect import Candidates
from hogwalk.walk.rebuild.graph import Graph
from hogwalk.walk.rebuild.scale import shares

WEIGHTS: Dict[Clue, float] = {
    Clue.CALL: 0.0,
    Clue.UNREAD: 1.0,
    Clue.TRAP_FRAME: 1.0,
    Clue.KF: 0.5,
    Clue.ALIGNED: 0.0,
    Clue.REACHED: 5.0,
    Clue.NEAR_TARGET: 3.5,
    Clue.TAIL_POSSIBLE: -1.0,
    Clue.OTHER_TARGET: -3.0,
    Clue.ANY_TARGET: 2.0,
    Clue.DEPTH: 7.0,
    Clue.DEPTH_AT_LEAST: -1.5,
    Clue.DEPTH_OTHER: -9.5,
    Clue.DEPTH_UNKNOWN: -1.7,
    Clue.DEPTH_UNREAD: 0.8,
    Clue.UP_TO_20: -0.5,
    Clue.UP_TO_40: 0.8,
    Clue.UP_TO_80: 2.0,
    Clue.UP_TO_100: 2.8,
    Clue.UP_TO_200: 2.2,
    Clue.UP_TO_400: -0.5,
    Clue.UP_TO_800: -1.5,
    Clue.OVER_800: -3.0,
    Clue.NO_TRAP: -6.0,
    Clue.SAME_MODULE: 0.3,
    Clue.OTHER_MODULE: 0.0,
    Clue.REPEATED_PAIR: 3.5,
    Clue.REPEATED_SIZE: 2.5,
    Clue.NOT_REPEATED: -6.0,
    Clue.FROM_REGISTERS: 4.0,
    Clue.NOT_REGISTERS: -9.0,
    Clue.MAY_REACH_NEAR: 0.0,
    Clue.MAY_REACH: -2.5,
    Clue.MAY_REACH_FAR: -6.7,
    Clue.REACHES_LIMIT: 2.0,
    Clue.FAR_FROM_LIMIT: -5.0,
    Clue.ANY_START: 0.0,
    Clue.HOLE: -2.8,
    Clue.USER_MODE: 3.0,
    Clue.NEAR_BASE: 0.8,
    Clue.EARLY_END: -7.0,
    Clue.PREDICTED_ON: -4.0,
}
STEP = 0.4  # what a step adds beside the log-probability of its clues
SEARCHED_STEP = 1.9  # the same where the start is searched for: a stack that ran out is full of live frames
BLIND_STEP = 0.2  # the same where the code below the newer slot cannot be read
HEAT = 1.0
_PLAIN = tuple((int(clue), weight) for clue, weight in WEIGHTS.items())
_UNREAD = int(Clue.UNREAD)


def weigh(mask: int) -> float:
    """The log-likelihood of a set of clues."""
    return sum(weight for clue, weight in _PLAIN if mask & clue)


def graph(found: Candidates, started: bool) -> Graph:
    """The scores of all starts, steps and ends; `started` says that registers name the start."""
    own = [node.clues for node in found.nodes]
    starts = [-inf] * len(own)
    for number, mask in found.starts.items():
        starts[number] = weigh(mask)
    steps = []
    for number, ways in enumerate(found.edges.steps):
        gain = BLIND_STEP if own[number] & _UNREAD else STEP if started else SEARCHED_STEP
        parts: Sequence[float] = shares([weigh(mask | own[older]) for older, mask in ways])
        steps.append([(older, gain + part) for (older, _), part in zip(ways, parts)])
    ends: List[float] = [weigh(mask) for mask in found.ends]
    return Graph(starts, ends, steps)
