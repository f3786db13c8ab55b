"""Weighs clues: from what is known about the candidates to a graph of scores."""

from __future__ import annotations

from math import exp, log1p
from typing import Dict, List, Sequence

from hogwalk.rebuild.clues import Clue
from hogwalk.rebuild.collect import Clued
from hogwalk.rebuild.graph import Graph
from hogwalk.rebuild.weights import BLIND_STEP, STEP, WEIGHTS

PLAIN = tuple((int(clue), weight) for clue, weight in WEIGHTS.items())  # an enum's own `&` costs more than all else
IMPOSSIBLE = float("-inf")
UNREAD = int(Clue.UNREAD)
HIGHEST = 700.0  # exp of more overflows a double


class Scale:
    """Weighs sets of clues; the same set is weighed once."""

    def __init__(self) -> None:
        self._known: Dict[int, float] = {}

    def weigh(self, mask: int) -> float:
        """The log-likelihood of a set of clues."""
        known = self._known.get(mask)
        if known is None:
            known = self._known[mask] = sum([weight for clue, weight in PLAIN if mask & clue])
        return known


def weigh(clued: Clued) -> Graph:
    """The scores of all starts, steps and ends.

    A step adds STEP, less the more its clues leave in doubt that the two slots are neighbours: so a chain of dead
    frames, as well linked as live ones are, gains little by being better linked.  Where the code behind the newer slot
    cannot be read it adds BLIND_STEP instead.
    """
    scale = Scale()
    own = [node.clues for node in clued.nodes]
    starts = [IMPOSSIBLE] * len(own)
    for number, mask in clued.starts.items():
        starts[number] = scale.weigh(mask)
    steps = []
    for mask, edges in zip(own, clued.edges.steps):
        gain = BLIND_STEP if mask & UNREAD else STEP
        parts = shares([scale.weigh(clues | own[older]) for older, clues in edges])
        steps.append([(older, gain + part) for (older, _), part in zip(edges, parts)])
    return Graph(starts, [scale.weigh(mask) for mask in clued.ends], steps)


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
