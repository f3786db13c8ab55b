"""The conditional random field that the clues' weights are fitted with: log-likelihood of true walks, and gradient.

A walk's score is the sum of its start's and its end's weights and, for each step, STEP plus the log-sigmoid of the
step's weights.  Its probability is its score's share among all walks through the case's candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log1p
from typing import Dict, List, Optional, Sequence, Tuple

from hogwalk.rebuild.clues import Clue
from hogwalk.rebuild.collect import Clued
from hogwalk.rebuild.graph import Graph, Posterior

NAMES = [clue.name for clue in Clue] + ["STEP"]
IMPOSSIBLE = float("-inf")
Vector = List[float]


@dataclass(frozen=True)
class Example:
    """One case: clues of starts, ends and steps as numbers into `masks`, and the true walk's nodes."""

    masks: Sequence[Tuple[int, ...]]
    starts: Sequence[Optional[int]]
    ends: Sequence[int]
    steps: Sequence[Sequence[Tuple[int, int]]]
    walk: Sequence[int]


def example(clued: Clued, true_slots: Sequence[int]) -> Optional[Example]:
    """The case as an example; None where its true walk is not among the walks that are weighed."""
    numbers: Dict[int, int] = {}

    def number(mask: int) -> int:
        return numbers.setdefault(mask, len(numbers))

    starts = [number(clued.starts[at]) if at in clued.starts else None for at in range(len(clued.nodes))]
    ends = [number(mask) for mask in clued.ends]
    steps = [
        [(older, number(mask | clued.nodes[older].clues)) for older, mask in edges] for edges in clued.edges.steps
    ]
    by_slot = {node.slot: at for at, node in enumerate(clued.nodes)}
    walk = [by_slot.get(slot, -1) for slot in true_slots]
    known = -1 not in walk and bool(walk) and starts[walk[0]] is not None
    if not known or any(older not in dict(steps[newer]) for newer, older in zip(walk, walk[1:])):
        return None
    masks = [tuple(at for at, clue in enumerate(Clue) if mask & clue) for mask in numbers]
    return Example(masks, starts, ends, steps, walk)


def likelihood(one: Example, weights: Vector) -> Tuple[float, Vector]:
    """The log-probability of the true walk, and its gradient."""
    sums = [sum(weights[at] for at in mask) for mask in one.masks]
    gains = [weights[-1] - log1p(exp(-min(700.0, max(-700.0, value)))) for value in sums]
    graph = Graph(
        [IMPOSSIBLE if mask is None else sums[mask] for mask in one.starts],
        [sums[mask] for mask in one.ends],
        [[(older, gains[mask]) for older, mask in steps] for steps in one.steps],
    )
    posterior = Posterior(graph)
    linear, steps, step = _expected(one, graph, posterior)
    score = _true(one, graph, linear, steps)
    gradient = [0.0] * len(NAMES)
    gradient[-1] = len(one.walk) - 1 - step
    for mask, value in enumerate(sums):
        rest = 1.0 / (1.0 + exp(min(700.0, value)))  # derivative of the log-sigmoid
        change = linear[mask] + steps[mask] * rest
        for at in one.masks[mask]:
            gradient[at] += change
    return score - posterior.total, gradient


def _expected(one: Example, graph: Graph, posterior: Posterior) -> Tuple[Vector, Vector, float]:
    """Minus the expected number of each mask in starts and ends, and in steps; the expected number of steps."""
    linear, steps, count = [0.0] * len(one.masks), [0.0] * len(one.masks), 0.0
    live, taken = posterior.nodes(), posterior.steps()
    left = list(live)
    for (newer, older), probability in taken.items():
        steps[dict(one.steps[newer])[older]] -= probability
        left[newer] -= probability
        count += probability
    for node, mask in enumerate(one.ends):
        linear[mask] -= max(0.0, left[node])
    for node, start in enumerate(one.starts):
        if start is not None:
            linear[start] -= exp(min(0.0, graph.starts[node] + posterior.onward[node] - posterior.total))
    return linear, steps, count


def _true(one: Example, graph: Graph, linear: Vector, steps: Vector) -> float:
    """Adds the true walk's own masks; returns its score."""
    first, last = one.walk[0], one.walk[-1]
    start = one.starts[first]
    assert start is not None
    linear[start] += 1
    linear[one.ends[last]] += 1
    score = graph.starts[first] + graph.ends[last]
    for newer, older in zip(one.walk, one.walk[1:]):
        steps[dict(one.steps[newer])[older]] += 1
        score += dict(graph.steps[newer])[older]
    return score
