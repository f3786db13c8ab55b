"""What each clue weighs on x64: natural log-likelihoods.

tests/lab64/train.py fits them as tests/rebuild/train.py fits those of x86, on seeds 201-222 of the x64 lab, on dumps
and on logs of their words, and then makes the sizes of frames more like real code's.  What no training case shows was
set by hand: UNFITTED names it; so were TAIL_POSSIBLE, near what a fit without logs gives, OTHER_TARGET as OTHER_KEPT
(-6, near such a fit, left chains of calls that have returned in a walk; tried on seeds 9801 to 9836, with registers and
without) and SHOWN_STEP, by trial on seeds 1 to 4.  RBP_LEADS and RBP_ASTRAY were fitted apart, on seeds 101 to 130,
RBP_SEEN, RBP_UNSEEN and KEEPS_RETURN on seeds 1 to 15 and 101 to 110 of the styles whose code can be read; OTHER_KEPT
on seeds 1 to 15, 101 to 105 and (code missing) 201 to 212, without registers.  An alloca is taken to be as likely of
any size between 20h and 40h as between 40h and 80h and so on.
"""

from __future__ import annotations

from math import inf, log
from typing import Dict, Optional, Sequence, Tuple

from hogwalk.machine.words import X64
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.collect import Candidates
from hogwalk.walk.rebuild.graph import Graph
from hogwalk.walk.rebuild.scale import Weighing, shares

WEIGHTS: Dict[Clue, float] = {
    Clue.CALL: -5.32,
    Clue.UNREAD: -5.56,
    Clue.TRAP_FRAME: -7.01,
    Clue.KF: 6.00,
    Clue.ALIGNED: -0.08,
    Clue.ALIGNED_8: -2.48,
    Clue.CONVERGED: -0.18,
    Clue.CROSSED: -0.60,
    Clue.AT_POINTER: 1.00,
    Clue.SKIPS_NONE: -0.90,
    Clue.SKIPS_MANY: 0.17,
    Clue.REACHED: 6.61,
    Clue.NEAR_TARGET: 3.79,
    Clue.TAIL_POSSIBLE: 0.00,
    Clue.OTHER_TARGET: -9.00,
    Clue.ELSEWHERE_TARGET: -2.99,
    Clue.ANY_TARGET: 0.48,
    Clue.OTHER_KEPT: -9.00,
    Clue.REPEATED_ALONE: -2.54,
    Clue.SIZE_NEARBY: 1.89,
    Clue.FARTHER_TARGET: -3.45,
    Clue.NO_RETURN: 3.11,
    Clue.DEPTH: -2.83,
    Clue.DEPTH_AT_LEAST: -4.80,
    Clue.DEPTH_OTHER: -13.97,
    Clue.LOST_80: 5.62,
    Clue.LOST_200: 3.74,
    Clue.LOST_400: 3.29,
    Clue.OTHER_EXACT: -3.66,
    Clue.DEPTH_STARTED: 1.06,
    Clue.DEPTH_UNKNOWN: 2.72,
    Clue.DEPTH_UNREAD: 0.81,
    Clue.RBP_LEADS: 2.44,
    Clue.RBP_ASTRAY: -4.07,
    Clue.RBP_SEEN: 3.34,
    Clue.RBP_UNSEEN: -1.69,
    Clue.KEEPS_RETURN: -5.06,
    Clue.ALLOCA_40: 3.50,
    Clue.ALLOCA_100: 2.50,
    Clue.ALLOCA_400: 1.00,
    Clue.UP_TO_20: -4.01,
    Clue.UP_TO_40: 3.33,
    Clue.UP_TO_80: 4.10,
    Clue.UP_TO_100: 3.61,
    Clue.UP_TO_200: 3.01,
    Clue.UP_TO_400: 0.66,
    Clue.UP_TO_800: -1.06,
    Clue.OVER_800: -4.94,
    Clue.NO_TRAP: -5.99,
    Clue.SAME_MODULE: 0.30,
    Clue.OTHER_MODULE: 0.00,
    Clue.REPEATED_PAIR: -0.74,
    Clue.REPEATED_SIZE: -6.06,
    Clue.NOT_REPEATED: -5.81,
    Clue.FROM_REGISTERS: 4.84,
    Clue.NOT_REGISTERS: -14.01,
    Clue.REACHES_LIMIT: 7.35,
    Clue.FAR_FROM_LIMIT: -5.01,
    Clue.ANY_START: 0.00,
    Clue.HOLE: -2.80,
    Clue.USER_MODE: 7.47,
    Clue.NEAR_BASE: -3.29,
    Clue.SIZE_BORNE_OUT: 3.58,
    Clue.SIZE_SURE: 4.26,
    Clue.RETURNED_TO: 0.28,
    Clue.SIZE_HELD: -0.89,
    Clue.SIZE_DENIED: -1.37,
    Clue.SIZE_OPPOSED: -2.40,
    Clue.CALLED: 0.52,
    Clue.SHADOWED: 6.00,
    Clue.SHADOW_OTHER: -25.00,
    Clue.LAST: 8.87,
    Clue.FOREIGN: -1.00,
    Clue.EARLY_END: -7.49,
    Clue.PREDICTED_ON: -6.75,
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
STEP = 7.44  # what a step adds beside the log-probability of its clues
SEARCHED_STEP = 7.43  # the same where the start is searched for: a stack that ran out is full of live frames
BLIND_STEP = 3.02  # the same where the code below the newer slot cannot be read
SHOWN_STEP = 8.50  # the same where it cannot be, but a log shows the function's unwind data
# What a start that is searched for weighs each time that it lies e times as far above where the stack ends.  Starts by
# themselves, on seeds 9801 to 9836 of all styles without registers, are likeliest with -5.0, or with -4.1 beside the
# share of the stack's frames that are large enough, which tells little then; walks (these, 8001 to 8100 of retcfg and
# 8001 to 8038 of sym) have fewest wrong frames with -3 and -4.
NEARNESS = -4.0
TEMPERATURE = 1.0
_UNREAD, _SETTLED = int(Clue.UNREAD), int(Clue.DEPTH | Clue.DEPTH_OTHER)


def nearness(slot: int, bottom: Optional[int]) -> float:
    """What a start weighs by how near it lies above where the stack ends; None where that says nothing."""
    return 0.0 if bottom is None else NEARNESS * log(slot - bottom + X64.word)


def graph(found: Candidates, started: bool, bottom: Optional[int] = None, known: Optional[Weighing] = None) -> Graph:
    """The scores of all starts, steps and ends; `started` says that registers name the start.

    Where a start is searched for it is the likelier the nearer it lies above `bottom`.  `known` keeps what the sets of
    clues weigh for a second weighing.
    """
    own = [node.clues for node in found.nodes]
    weights = Weighing(WEIGHTS) if known is None else known
    starts = [-inf] * len(own)
    for number, mask in found.starts.items():
        starts[number] = weights[mask] + nearness(found.nodes[number].slot, bottom)
    steps = []
    for number, ways in enumerate(found.edges.steps):
        gain = STEP if started else SEARCHED_STEP
        if own[number] & _UNREAD:
            gain = SHOWN_STEP if ways and ways[0][1] & _SETTLED else BLIND_STEP
        parts: Sequence[float] = shares([weights[mask | own[older]] for older, mask in ways])
        steps.append([(older, gain + part) for (older, _), part in zip(ways, parts)])
    return Graph(starts, [weights[mask] for mask in found.ends], steps)
