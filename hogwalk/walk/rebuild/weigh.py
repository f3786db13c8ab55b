"""Weighs clues: from what is known about the candidates to a graph of scores."""

from __future__ import annotations

from math import inf

from hogwalk.walk.rebuild.collect import CluedStack
from hogwalk.walk.rebuild.graph import Graph


def weigh(clued: CluedStack) -> Graph:
    """The scores of all starts, steps and ends."""
    scale = clued.edges.scale
    own = [node.clues for node in clued.nodes]
    starts = [-inf] * len(own)
    for number, mask in clued.starts.items():
        starts[number] = scale.weigh(mask)
    steps = [scale.steps(own, number, found) for number, found in enumerate(clued.edges.steps)]
    return Graph(starts, [scale.weigh(mask) for mask in clued.ends], steps)
