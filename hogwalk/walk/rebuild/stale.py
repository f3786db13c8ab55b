"""A whole chain of an earlier call's frames inside one large live frame: more frames are no evidence of their own.

Frames of calls that have returned link as well as live ones do.  So a step that passes over a chain of likely steps is
given what that chain would gain, less the odds against a frame's holding any.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import List, NamedTuple, Sequence, Tuple

from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.graph import reached
from hogwalk.walk.rebuild.nodes import Edge

HELD = 10.0  # natural logarithms: the odds against it, by trial on 200 stacks of real code with some of it hidden
OPEN = int(Clue.DEPTH_AT_LEAST)
ALLOCA = OPEN | int(Clue.CHAINED)
Step = Tuple[int, float]  # the older node's number and the score


class Run(NamedTuple):
    """A chain of likely steps: its nodes' numbers, rising, and what the steps up to each have gained."""

    numbers: List[int]
    gained: List[float]

    def between(self, newer: int, older: int) -> float:
        """What its steps among the nodes that lie between two have gained."""
        first, last = bisect_left(self.numbers, newer + 1), bisect_left(self.numbers, older) - 1
        return self.gained[last] - self.gained[first] if first < last else 0.0


def held(steps: Sequence[Sequence[Step]], clues: Sequence[Sequence[Edge]]) -> List[Sequence[Step]]:
    """The scores of all steps (for each node those to older ones), whatever whole chains they pass over.

    A step over an alloca of any size that no saved EBP places explains a chain no better than it does anything else.
    """
    wide = [number for number, own in enumerate(steps) if any(older - number > HELD for older, _ in own)]
    chains = runs(steps) if wide else []
    if not chains:
        return list(steps)
    highest, found = max(run.numbers[-1] for run in chains), list(steps)
    for number in wide:
        if number < highest:
            masks = dict(clues[number])
            found[number] = [
                (older, score if masks[older] & ALLOCA == OPEN else score + _passed(chains, number, older))
                for older, score in steps[number]
            ]
    return found


def _passed(chains: Sequence[Run], newer: int, older: int) -> float:
    if older - newer <= HELD:  # no step gains more than 1
        return 0.0
    return max(0.0, max(run.between(newer, older) for run in chains) - HELD)


def runs(steps: Sequence[Sequence[Step]]) -> List[Run]:
    """The chains of likely steps that gain more than HELD; of those with the same end the one that gains most."""
    gained, newer, sums = [0.0] * len(steps), [-1] * len(steps), reached([0.0] * len(steps), steps)
    found: List[Run] = []
    for number, own in enumerate(steps):
        older, gain = max(own, key=lambda step: step[1], default=(-1, 0.0))
        if gain <= 0:
            if gained[number] > HELD:
                numbers = [number]
                while newer[numbers[-1]] >= 0:
                    numbers.append(newer[numbers[-1]])
                numbers.reverse()
                found.append(Run(numbers, [sums[one] for one in numbers]))
        elif gained[number] + gain > gained[older]:
            gained[older], newer[older] = gained[number] + gain, number
    return found
