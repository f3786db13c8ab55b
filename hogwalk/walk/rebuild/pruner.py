"""Which candidates are worth looking at: those that some walk reaches without falling far behind the best."""

from __future__ import annotations

from math import inf
from typing import Dict, List, Mapping, Sequence, Tuple

from hogwalk.walk.rebuild.nodes import Node
from hogwalk.walk.rebuild.scale import Scale

MAX_DEFICIT = 32.0  # natural logarithms behind the best: a step that contradicts the code, and some
CLOSE_DEFICIT = 14.0  # the same for a walk whose every step the code bears out


class Pruner:
    """The best score of a walk to each candidate of one stack, as far as it has been looked at, lowest slot first.

    A walk far behind another one can only win where that one breaks off later; `margin` (inf: none) says how far.
    """

    def __init__(self, nodes: Sequence[Node], starts: Mapping[int, int], margin: float, scale: Scale) -> None:
        self._own = [node.clues for node in nodes]
        self._scale = scale
        self._margin = margin
        self._scores: Dict[int, float] = {number: self._scale.weigh(mask) for number, mask in starts.items()}
        self._best = -inf

    def may_win(self, number: int) -> bool:
        """Whether a walk that comes to a node can still be the best one."""
        return self._scores.get(number, -inf) > self._best - self._margin

    def advance(self, number: int, steps: Sequence[Tuple[int, int]]) -> List[int]:
        """Takes note of a node's steps (the older node's number and the clues); gives those reached best by them."""
        scores, score = self._scores, self._scores[number]
        self._best = max(self._best, score)
        better: List[int] = []
        for older, gain in self._scale.steps(self._own, number, steps):
            if score + gain > scores.get(older, -inf):
                scores[older] = score + gain
                better.append(older)
        return better
