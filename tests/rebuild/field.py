"""The conditional random field that the clues' weights are fitted with: log-likelihood of true walks, and gradient.

A walk's score is the sum of its start's and its end's weights and, for each step, that of
hogwalk.walk.rebuild.weigh.  Its probability is its score's share among all walks through the case's candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy

from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.collect import Candidates

NAMES = [clue.name for clue in Clue] + ["STEP", "BLIND_STEP"]
STEP = {False: -2, True: -1}  # which of the two counts, by whether the code behind the newer slot cannot be read
IMPOSSIBLE = float("-inf")
Vector = List[float]
Array = Any  # numpy.ndarray: its annotations differ too much between the versions for Python 3.8 and today


@dataclass(frozen=True)
class Example:
    """One case: clues of starts, ends and steps as numbers into `masks`, unread nodes, and the true walk's nodes.

    `given` is what each node weighs as a start beside its clues.
    """

    masks: Sequence[Tuple[int, ...]]
    starts: Sequence[Optional[int]]
    ends: Sequence[int]
    steps: Sequence[Sequence[Tuple[int, int]]]
    unread: Sequence[bool]
    walk: Sequence[int]
    given: Sequence[float]

    @cached_property
    def arrays(self) -> Arrays:
        """The same as arrays."""
        return Arrays(self)


def example(
    clued: Candidates, true_slots: Sequence[int], given: Callable[[int], float] = lambda slot: 0.0
) -> Optional[Example]:
    """The case as an example; None where its true walk is not among the walks that are weighed.

    `given` tells what a slot weighs as a start beside its clues.
    """
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
    return Example(masks, starts, ends, steps, unread, walk, [given(node.slot) for node in clued.nodes])


class Arrays:
    """An example's steps in one row, ordered by the newer node, and its clues as a matrix of masks by names."""

    def __init__(self, one: Example) -> None:
        count = len(one.steps)
        self.clues = numpy.zeros((len(one.masks), len(NAMES)))
        for row, names in enumerate(one.masks):
            self.clues[row, list(names)] = 1.0
        self.newer = numpy.repeat(numpy.arange(count), [len(steps) for steps in one.steps])
        self.older = numpy.array([older for steps in one.steps for older, _ in steps], dtype=int)
        self.masks = numpy.array([mask for steps in one.steps for _, mask in steps], dtype=int)
        self.bounds = numpy.concatenate(([0], numpy.cumsum([len(steps) for steps in one.steps]))).tolist()
        self.gain = numpy.array([STEP[unread] for unread in one.unread])
        self.starts = numpy.array([-1 if mask is None else mask for mask in one.starts])
        self.given = numpy.array(one.given)
        self.ends = numpy.array(one.ends)
        self.taken = numpy.zeros(len(self.masks))
        for newer, older in zip(one.walk, one.walk[1:]):
            place = [at for at, _ in one.steps[newer]].index(older)
            self.taken[self.bounds[newer] + place] = 1.0


def likelihood(one: Example, weights: Sequence[float]) -> Tuple[float, Array]:
    """The log-probability of the true walk, and its gradient."""
    own, weight = one.arrays, numpy.asarray(weights, dtype=float)
    sums = own.clues @ weight
    steps = sums[own.masks]
    top = numpy.zeros(len(own.ends))
    numpy.maximum.at(top, own.newer, steps)
    total = numpy.exp(-top)  # none of the steps is one way too
    numpy.add.at(total, own.newer, numpy.exp(steps - top[own.newer]))
    parts = steps - (top + numpy.log(total))[own.newer]
    scores = weight[own.gain][own.newer] + parts
    starts = numpy.where(own.starts >= 0, sums[own.starts] + own.given, IMPOSSIBLE)
    ends = sums[own.ends]
    onward, reached, everything = _passes(own, scores, starts, ends)
    expected = numpy.exp(numpy.minimum(0.0, reached[own.newer] + scores + onward[own.older] - everything))
    change = own.taken - expected
    left = numpy.bincount(own.newer, weights=change, minlength=len(ends))
    linear = numpy.bincount(own.masks, weights=change - left[own.newer] * numpy.exp(parts), minlength=len(sums))
    possible = own.starts >= 0
    begun = numpy.exp(starts[possible] + onward[possible] - everything)
    linear -= numpy.bincount(own.starts[possible], weights=begun, minlength=len(sums))
    linear -= numpy.bincount(own.ends, weights=numpy.exp(reached + ends - everything), minlength=len(sums))
    first, last = one.walk[0], one.walk[-1]
    linear[own.starts[first]] += 1.0
    linear[own.ends[last]] += 1.0
    gradient = own.clues.T @ linear
    numpy.add.at(gradient, own.gain, left)
    return float(starts[first] + scores @ own.taken + ends[last] - everything), gradient


def _passes(own: Arrays, scores: Array, starts: Array, ends: Array) -> Tuple[Array, Array, float]:
    """Log-sums over all walks on from each node, to each node, and over all of them."""
    onward, reached, bounds = ends.copy(), starts.copy(), own.bounds
    for node in range(len(ends) - 1, -1, -1):
        first, behind = bounds[node], bounds[node + 1]
        if first < behind:
            terms = scores[first:behind] + onward[own.older[first:behind]]
            top = max(terms.max(), onward[node])
            onward[node] = top + numpy.log(numpy.exp(terms - top).sum() + numpy.exp(onward[node] - top))
    for node in range(len(ends)):
        first, behind = bounds[node], bounds[node + 1]
        if first < behind and reached[node] > IMPOSSIBLE:
            older = own.older[first:behind]
            reached[older] = numpy.logaddexp(reached[older], reached[node] + scores[first:behind])
    walks = starts + onward
    top = walks.max()
    return onward, reached, float(top + numpy.log(numpy.exp(walks - top).sum()))
