"""The conditional random field that the clues' weights are fitted with: log-likelihood of true walks, and gradient.

A walk's score is the sum of its start's and its end's weights and, for each step, that of
hogwalk.walk.rebuild.weigh.  Its probability is its score's share among all walks through the case's candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import Dict, List, Optional, Sequence, Tuple

from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.collect import Clued
from hogwalk.walk.rebuild.graph import Graph, Posterior
from hogwalk.walk.rebuild.scale import shares

NAMES = [clue.name for clue in Clue] + ["STEP", "BLIND_STEP"]
STEP = {False: -2, True: -1}  # which of the two counts, by whether the code behind the newer slot cannot be read
IMPOSSIBLE = float("-inf")
Vector = List[float]


@dataclass(frozen=True)
class Example:
    """One case: clues of starts, ends and steps as numbers into `masks`, unread nodes, and the true walk's nodes."""

    masks: Sequence[Tuple[int, ...]]
    starts: Sequence[Optional[int]]
    ends: Sequence[int]
    steps: Sequence[Sequence[Tuple[int, int]]]
    unread: Sequence[bool]
    walk: Sequence[int]


def example(clued: Clued, true_slots: Sequence[int]) -> Optional[Example]:
    """The case as an example; None where its true walk is not among the walks that are weighed."""
    numbers: Dict[int, int] = {}

    def number(mask: int) -> int:
        return numbers.setdefault(mask, len(numbers))

    starts = [number(clued.starts[at]) if at in clued.starts else None for at in range(len(clued.nodes))]
    ends = [number(mask) for mask in clued.ends]
    steps = [[(older, number(mask | clued.nodes[older].clues)) for older, mask in edges] for edges in clued.edges.steps]
    by_slot = {node.slot: at for at, node in enumerate(clued.nodes)}
    walk = [by_slot.get(slot, -1) for slot in true_slots]
    known = -1 not in walk and bool(walk) and starts[walk[0]] is not None
    if not known or any(older not in dict(steps[newer]) for newer, older in zip(walk, walk[1:])):
        return None
    masks = [tuple(at for at, clue in enumerate(Clue) if mask & clue) for mask in numbers]
    unread = [bool(node.clues & Clue.UNREAD) for node in clued.nodes]
    return Example(masks, starts, ends, steps, unread, walk)


def likelihood(one: Example, weights: Vector) -> Tuple[float, Vector]:
    """The log-probability of the true walk, and its gradient."""
    sums = [sum(weights[at] for at in mask) for mask in one.masks]
    parts = [shares([sums[mask] for _, mask in steps]) for steps in one.steps]
    graph = Graph(
        [IMPOSSIBLE if mask is None else sums[mask] for mask in one.starts],
        [sums[mask] for mask in one.ends],
        [
            [(older, weights[STEP[unread]] + part) for (older, _), part in zip(steps, own)]
            for steps, unread, own in zip(one.steps, one.unread, parts)
        ],
    )
    posterior = Posterior(graph)
    linear = _ends_of(one, graph, posterior)
    taken = _taken(one, posterior)
    gradient = [0.0] * len(NAMES)
    for node, (steps, own) in enumerate(zip(one.steps, parts)):
        left = sum(taken.get((node, older), 0.0) for older, _ in steps)
        gradient[STEP[one.unread[node]]] += left
        for (older, mask), part in zip(steps, own):
            linear[mask] += taken.get((node, older), 0.0) - left * exp(part)
    for mask, change in enumerate(linear):
        for at in one.masks[mask]:
            gradient[at] += change
    return _score(one, graph) - posterior.total, gradient


def _ends_of(one: Example, graph: Graph, posterior: Posterior) -> Vector:
    """For each mask how often the true walk starts or ends with it, less how often that is expected."""
    linear, left = [0.0] * len(one.masks), posterior.nodes()
    for (newer, _), probability in posterior.steps().items():
        left[newer] -= probability
    for node, mask in enumerate(one.ends):
        linear[mask] -= max(0.0, left[node])
    for node, start in enumerate(one.starts):
        if start is not None:
            linear[start] -= exp(min(0.0, graph.starts[node] + posterior.onward[node] - posterior.total))
    first = one.starts[one.walk[0]]
    assert first is not None
    linear[first] += 1
    linear[one.ends[one.walk[-1]]] += 1
    return linear


def _taken(one: Example, posterior: Posterior) -> Dict[Tuple[int, int], float]:
    """For each step 1 where the true walk takes it, less the probability that a walk does."""
    found = {step: -probability for step, probability in posterior.steps().items()}
    for step in zip(one.walk, one.walk[1:]):
        found[step] = found.get(step, 0.0) + 1
    return found


def _score(one: Example, graph: Graph) -> float:
    """The true walk's score."""
    steps = sum(dict(graph.steps[newer])[older] for newer, older in zip(one.walk, one.walk[1:]))
    return graph.starts[one.walk[0]] + steps + graph.ends[one.walk[-1]]
