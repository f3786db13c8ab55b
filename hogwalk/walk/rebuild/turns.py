"""Turns of a recursion are alike: where code cannot be read, what holds at most of an address's places counts at each.

Clues weigh each step by itself.  Of a recursion's hundred turns that each can be walked in two ways, walks through a
hundred mixtures of both are then as good, though a function that keeps its arguments' number calls itself the same way
every time.  So each step is weighed once more, by how often the other places of its return address take one like it.
"""

from __future__ import annotations

from collections import Counter
from math import log
from typing import Dict, List, Sequence, Tuple

from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.graph import Graph, Posterior
from hogwalk.walk.rebuild.nodes import Node

# No unit; natural logarithms the last: by trial on 160 walks of real code with 2 or 5 of 8 modules' code hidden
# (tests.real.stacks), lab dumps (102, and 30 of style gone) are the same with it.
FEWEST = 4  # places of a return address that tell of each other
POWER, PRIOR = 0.7, 0.5  # of the share in what the likeliest kind has; places that each kind is credited with
LEAST = -6.0

UNREAD = int(Clue.UNREAD)
Kind = Tuple[int, int]  # bytes to the older slot and the return address there


def alike(graph: Graph, nodes: Sequence[Node]) -> Graph:
    """The graph with the steps from return addresses in unread code weighed by their other places' steps."""
    places = Counter(node.address for node in nodes if node.clues & UNREAD)
    often = {address for address, count in places.items() if count >= FEWEST}
    if not often:
        return graph
    taken: Dict[int, Dict[Kind, float]] = {address: {} for address in often}
    own: Dict[Tuple[int, int], float] = {}
    for newer, older, probability in Posterior(graph).steps():
        node = nodes[newer]
        if node.address in often:
            kinds, kind = taken[node.address], _kind(node, nodes[older])
            kinds[kind] = kinds.get(kind, 0.0) + probability
            own[newer, older] = probability
    steps = [
        _weighed(number, found, nodes, taken[nodes[number].address], own) if nodes[number].address in often else found
        for number, found in enumerate(graph.steps)
    ]
    return Graph(graph.starts, graph.ends, steps)


def _weighed(
    number: int,
    steps: Sequence[Tuple[int, float]],
    nodes: Sequence[Node],
    taken: Dict[Kind, float],
    own: Dict[Tuple[int, int], float],
) -> List[Tuple[int, float]]:
    node = nodes[number]
    elsewhere = [
        max(0.0, taken.get(_kind(node, nodes[older]), 0.0) - own.get((number, older), 0.0)) for older, _ in steps
    ]
    most = PRIOR + max(elsewhere, default=0.0)
    return [
        (older, score + max(LEAST, POWER * log((PRIOR + times) / most)))
        for (older, score), times in zip(steps, elsewhere)
    ]


def _kind(newer: Node, older: Node) -> Kind:
    return older.slot - newer.slot, older.address
