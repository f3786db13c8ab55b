"""Weighs clues: from what is known about the candidates to a graph of scores."""

from __future__ import annotations

from math import exp, log1p
from typing import Dict

from hogwalk.rebuild.collect import Clued
from hogwalk.rebuild.graph import Graph
from hogwalk.rebuild.weights import STEP, WEIGHTS

PLAIN = tuple((int(clue), weight) for clue, weight in WEIGHTS.items())  # an enum's own `&` costs more than all else
IMPOSSIBLE = float("-inf")


class Scale:
    """Weighs sets of clues; the same set is weighed once."""

    def __init__(self) -> None:
        self._known: Dict[int, float] = {}
        self._steps: Dict[int, float] = {}

    def step(self, mask: int) -> float:
        """What a step adds: STEP at most, less the more its clues leave in doubt that two slots are neighbours.

        So a chain of dead frames, as well linked as live ones are, gains little by being better linked.
        """
        known = self._steps.get(mask)
        if known is None:
            known = self._steps[mask] = STEP - log1p(exp(-self.weigh(mask)))
        return known

    def weigh(self, mask: int) -> float:
        """The log-likelihood of a set of clues."""
        known = self._known.get(mask)
        if known is None:
            known = self._known[mask] = sum([weight for clue, weight in PLAIN if mask & clue])
        return known


def weigh(clued: Clued) -> Graph:
    """The scores of all starts, steps and ends."""
    scale = Scale()
    own = [node.clues for node in clued.nodes]
    starts = [IMPOSSIBLE] * len(own)
    for number, mask in clued.starts.items():
        starts[number] = scale.weigh(mask)
    steps = [[(older, scale.step(mask | own[older])) for older, mask in edges] for edges in clued.edges.steps]
    return Graph(starts, [scale.weigh(mask) for mask in clued.ends], steps)
