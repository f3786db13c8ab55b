"""What sets of clues weigh."""

from __future__ import annotations

from math import exp, log1p
from typing import Dict, List, Mapping, Sequence, Tuple

from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.weights import BLIND_STEP, STEP, WEIGHTS

UNREAD = int(Clue.UNREAD)
HIGHEST = 700.0  # exp of more overflows a double
TOGETHER = 12  # clues looked up at a time: few of their sets ever come up


class Weighing(Dict[int, float]):
    """The log-likelihood of each set of clues that was asked for: `weights[mask]`; each is summed up once.

    What a dozen of the clues weigh, in the order of the table, is found once for each of their sets.
    """

    def __init__(self, weights: Mapping[Clue, float]) -> None:
        super().__init__()
        plain = [(int(clue), weight) for clue, weight in weights.items()]  # an enum's own `&` costs more than all else
        parts = [plain[at : at + TOGETHER] for at in range(0, len(plain), TOGETHER)]
        self._parts: List[Tuple[int, List[Tuple[int, float]], Dict[int, List[float]]]] = [
            (sum(clue for clue, _ in part), part, {}) for part in parts
        ]

    def __missing__(self, mask: int) -> float:
        found: List[float] = []
        for whole, part, known in self._parts:
            here = mask & whole
            if here:
                weights = known.get(here)
                if weights is None:
                    weights = known[here] = [weight for clue, weight in part if here & clue]
                found += weights
        total = self[mask] = float(sum(found))
        return total


class Scale:
    """Weighs the clues of one stack; the same set, and the same steps from a node, are weighed once."""

    def __init__(self) -> None:
        self._known = Weighing(WEIGHTS)
        self._steps: Dict[int, Tuple[Sequence[Tuple[int, int]], List[Tuple[int, float]]]] = {}

    def weigh(self, mask: int) -> float:
        """The log-likelihood of a set of clues."""
        return self._known[mask]

    def steps(self, own: Sequence[int], number: int, steps: Sequence[Tuple[int, int]]) -> List[Tuple[int, float]]:
        """What each step from a node adds; `own` are the clues of all nodes themselves.

        It is STEP, less the more the clues leave in doubt that the two slots are neighbours: so a chain of dead
        frames, as well linked as live ones are, gains little by being better linked.  Where the code behind the newer
        slot cannot be read it is BLIND_STEP instead.
        """
        before, known = self._steps.get(number), self._known
        if before is not None and before[0] == steps:
            return before[1]
        gain = BLIND_STEP if own[number] & UNREAD else STEP
        parts = shares([known[mask | own[older]] for older, mask in steps])
        found = [(older, gain + part) for (older, _), part in zip(steps, parts)]
        self._steps[number] = steps, found
        return found


def shares(scores: Sequence[float]) -> List[float]:
    """The logarithms of the shares that one node's steps have in all ways on, none of them being one way too.

    As they add up to less than 1, many poor ways on (a stack full of words that look alike) are not worth more than
    one.
    """
    if len(scores) == 1:
        return [-log1p(exp(min(HIGHEST, -scores[0])))]
    top = max(scores, default=0.0)
    if top > 0.0:
        rest = top + log1p(sum([exp(score - top) for score in scores]) - 1.0 + exp(-top))
    else:
        rest = log1p(sum([exp(score) for score in scores]))
    return [score - rest for score in scores]
