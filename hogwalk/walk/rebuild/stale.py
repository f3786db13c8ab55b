"""A whole chain of an earlier call's frames inside one large live frame: more frames are no evidence of their own.

Frames of calls that have returned link as well as live ones do.  So a step that passes over a chain of likely steps is
given what that chain would gain, less the odds against an earlier call's having left one: paid once for each chain,
however many frames it lies in, but for the least that hiding a part of it takes.  A step that the code or a saved EBP
places pays next to nothing: what is proven is not for sale, and large frames often hold what earlier calls left.
"""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from typing import List, NamedTuple, Sequence, Tuple

from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.nodes import Edge

# Natural logarithms: the odds against a chain, the least for a part of it in one frame, and those in a frame that the
# code or EBP places; and what a chain may lose by one of its steps.  By trial on walks of real code with 2 or 5 of 8
# modules' code hidden (tests.real.stacks; 255 and, for the last two, 160) and of lab dumps (162, 102).
HELD, LEAST, PLACED, DIP = 10.0, 4.0, 0.5, 3.0
MOST_GAINED = 1.0  # by a step itself: it is STEP and the logarithm of a share
FEWEST = LEAST / MOST_GAINED  # nodes of a chain that is worth a step's while
OPEN = int(Clue.DEPTH_AT_LEAST)
ALLOCA = OPEN | int(Clue.CHAINED)
PLACING = int(
    Clue.DEPTH | Clue.DEPTH_ALONE | Clue.DEPTH_LIKELY | Clue.DEPTH_TOLD | Clue.CHAINED | Clue.EBP_FRAME | Clue.EBP_CHAIN
)
Step = Tuple[int, float]  # the older node's number and the score


class Run(NamedTuple):
    """A chain of likely steps: its nodes' numbers, rising, and what the steps up to each have gained."""

    numbers: List[int]
    gained: List[float]

    def explained(self, newer: int, older: int, placed: bool) -> float:
        """What a frame between two nodes gains as one that holds the part of the chain between them.

        `placed`: the code or a saved EBP tells where it ends.
        """
        first, last = bisect_left(self.numbers, newer + 1), bisect_left(self.numbers, older) - 1
        gain = self.gained[last] - self.gained[first] if first < last else 0.0
        return gain - (PLACED if placed else max(LEAST, HELD * gain / self.gained[-1]))


def held(steps: Sequence[Sequence[Step]], clues: Sequence[Sequence[Edge]]) -> List[Sequence[Step]]:
    """The scores of all steps (for each node those to older ones), whatever whole chains they pass over.

    A step over an alloca of any size that no saved EBP places explains a chain no better than it does anything else.
    """
    wide = [number for number, own in enumerate(steps) if any(older - number > FEWEST for older, _ in own)]
    chains = sorted(runs(steps), key=lambda run: -run.numbers[0]) if wide else []
    near: List[Run] = []
    found = list(steps)
    for number in wide:
        oldest = max(older for older, _ in steps[number])
        while chains and chains[-1].numbers[0] < oldest:
            near.append(chains.pop())
        near = [run for run in near if run.numbers[-1] > number]
        if near:
            masks = dict(clues[number])
            found[number] = [
                (older, score + _passed(near, number, older, masks[older])) for older, score in steps[number]
            ]
    return found


def _passed(chains: Sequence[Run], newer: int, older: int, clues: int) -> float:
    if older - newer <= FEWEST or clues & ALLOCA == OPEN:
        return 0.0
    placed = bool(clues & PLACING)
    return max(0.0, max(run.explained(newer, older, placed) for run in chains))


def runs(steps: Sequence[Sequence[Step]]) -> List[Run]:
    """The chains of likely steps that gain more than HELD; where two come together the one that has gained less ends.

    So what an earlier call left is a chain of its own, though its last step may lead into a live frame.
    """
    gained, newer, ended = [0.0] * len(steps), [-1] * len(steps), []
    for number, own in enumerate(steps):
        older, gain = max(own, key=lambda step: step[1], default=(-1, -inf))
        last, so_far = number, gained[number] + gain
        if gain > -DIP and so_far > 0 and (newer[older] < 0 or so_far > gained[older]):
            last, newer[older], gained[older] = newer[older], number, so_far
        if last >= 0 and gained[last] > HELD:
            ended.append(last)
    return [_run(last, newer, gained) for last in ended]


def _run(last: int, newer: Sequence[int], gained: Sequence[float]) -> Run:
    numbers = [last]
    while newer[numbers[-1]] >= 0:
        numbers.append(newer[numbers[-1]])
    numbers.reverse()
    return Run(numbers, [gained[number] for number in numbers])
