"""Weighs clues: from what is known about the candidates to a graph of scores."""

from __future__ import annotations

from math import exp, log1p
from typing import Dict

from hogwalk.rebuild.collect import Clued
from hogwalk.rebuild.graph import Graph
from hogwalk.rebuild.weights import STEP, TOP_STEP, WEIGHTS

IMPOSSIBLE = float("-inf")


class Scale:
    """Weighs sets of clues; the same set is weighed once."""

    def __init__(self) -> None:
        self._known: Dict[int, float] = {}
        self._steps: Dict[int, float] = {}

    def step(self, mask: int) -> float:
        """The log-probability that two slots with these clues are neighbours."""
        known = self._steps.get(mask)
        if known is None:
            known = self._steps[mask] = -log1p(exp(-self.weigh(mask)))
        return known

    def weigh(self, mask: int) -> float:
        """The log-likelihood of a set of clues."""
        known = self._known.get(mask)
        if known is None:
            known = self._known[mask] = sum(weight for clue, weight in WEIGHTS.items() if mask & clue)
        return known


def weigh(clued: Clued) -> Graph:
    """The scores of all starts, steps and ends."""
    scale = Scale()
    own = [node.clues for node in clued.nodes]
    starts = [IMPOSSIBLE] * len(own)
    for number, mask in clued.starts.items():
        starts[number] = scale.weigh(mask | own[number])
    steps = []
    for node, edges in zip(clued.nodes, clued.edges.steps):
        # Right above the place where the newest frame must lie, chains of dead frames, as well linked as the live
        # ones, are longer than what is left of these: there a step adds less.
        gain = TOP_STEP if any(low <= node.slot < high for low, high in clued.tops) else STEP
        steps.append([(older, gain + scale.step(mask | own[older])) for older, mask in edges])
    return Graph(starts, [scale.weigh(mask) for mask in clued.ends], steps)
