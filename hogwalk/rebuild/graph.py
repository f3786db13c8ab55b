"""The best path through candidate return slots, and how probable each of them is: pure arithmetic on scores.

Nodes are numbered by rising address; every edge leads from a node to an older one, so one pass in each direction
does it all, without recursion.  Scores are natural log-likelihoods up to a constant.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from math import exp, inf, log
from random import Random
from typing import Dict, List, Optional, Sequence, Tuple

NEGLIGIBLE = 36.0  # a term whose logarithm lies that far below another's does not change a sum of doubles
Steps = Sequence[Sequence[Tuple[int, float]]]  # for each node its older neighbours with the scores of the step


@dataclass(frozen=True)
class Graph:
    """Scores of starting at, ending at and stepping between nodes; -inf where that cannot be."""

    starts: Sequence[float]
    ends: Sequence[float]
    steps: Steps

    def best(self) -> Tuple[int, ...]:
        """The path with the highest score, newest node first; empty without nodes."""
        count = len(self.starts)
        value: List[float] = [-inf] * count
        following: List[Optional[int]] = [None] * count
        for node in range(count - 1, -1, -1):
            best, after = self.ends[node], None
            for older, score in self.steps[node]:
                total = score + value[older]
                if total > best:
                    best, after = total, older
            value[node], following[node] = best, after
        if not count:
            return ()
        at: Optional[int] = max(range(count), key=lambda node: (self.starts[node] + value[node], -node))
        path: List[int] = []
        while at is not None:
            path.append(at)
            at = following[at]
        return tuple(path)


class Posterior:
    """Probabilities of nodes and steps over all paths of a graph; `heat` over 1 makes them less certain."""

    def __init__(self, graph: Graph, heat: float = 1.0) -> None:
        self._graph = graph
        self._cool = 1.0 / heat
        self.onward = self._onward()
        self._starts = [self._cool * start + onward for start, onward in zip(graph.starts, self.onward)]
        self.total = log_sum(self._starts)
        self._ways: Dict[Optional[int], Tuple[List[float], List[Optional[int]]]] = {}

    def _onward(self) -> List[float]:
        cool, graph = self._cool, self._graph
        found: List[float] = [-inf] * len(graph.starts)
        for node in range(len(found) - 1, -1, -1):
            terms = [cool * graph.ends[node]]
            terms.extend(cool * score + found[older] for older, score in graph.steps[node])
            found[node] = log_sum(terms)
        return found

    def nodes(self) -> List[float]:
        """For each node the probability that it is on the path."""
        reach = self._reach()
        return [exp(min(0.0, before + after - self.total)) if before > -inf else 0.0
                for before, after in zip(reach, self.onward)]

    def _reach(self) -> List[float]:
        cool, graph = self._cool, self._graph
        terms: List[List[float]] = [[cool * start] for start in graph.starts]
        found: List[float] = []
        for node, own in enumerate(terms):
            reach = log_sum(own)
            found.append(reach)
            if reach > -inf:
                for older, score in graph.steps[node]:
                    terms[older].append(reach + cool * score)
        return found

    def steps(self) -> Dict[Tuple[int, int], float]:
        """For each pair of nodes the probability that the path steps from one to the other."""
        reach, cool, found = self._reach(), self._cool, {}
        for node, steps in enumerate(self._graph.steps):
            for older, score in steps:
                exponent = reach[node] + cool * score + self.onward[older] - self.total
                if exponent > -30:
                    found[node, older] = exp(min(0.0, exponent))
        return found

    def sample(self, random: Random) -> Tuple[int, ...]:
        """One path drawn by its probability, newest node first; empty without nodes."""
        if not self._starts or self.total == -inf:
            return ()
        at: Optional[int] = self._draw(random, None)
        path: List[int] = []
        while at is not None:
            path.append(at)
            at = self._draw(random, at)
        return tuple(path)

    def _draw(self, random: Random, node: Optional[int]) -> Optional[int]:
        """The node after `node`, the first one for None; None behind the last."""
        if node not in self._ways:
            self._ways[node] = self._ways_from(node)
        sums, onward = self._ways[node]
        return onward[min(bisect_left(sums, random.random() * sums[-1]), len(onward) - 1)]

    def _ways_from(self, node: Optional[int]) -> Tuple[List[float], List[Optional[int]]]:
        """The ways on from a node, and their probabilities summed up."""
        if node is None:
            ways: List[Tuple[Optional[int], float]] = list(enumerate(self._starts))
        else:
            cool, steps = self._cool, self._graph.steps[node]
            ways = [(older, cool * score + self.onward[older]) for older, score in steps]
            ways.append((None, cool * self._graph.ends[node]))
        top = max(term for _, term in ways)
        ways = [(way, term) for way, term in ways if term > top - NEGLIGIBLE]
        return list(accumulate(exp(term - top) for _, term in ways)), [way for way, _ in ways]


def log_sum(terms: Sequence[float]) -> float:
    """The logarithm of the sum of the terms' exponentials; -inf for none."""
    if len(terms) == 1:
        return terms[0]
    top = max(terms, default=-inf)
    if top == -inf:
        return -inf
    floor = top - NEGLIGIBLE
    return top + log(sum([exp(term - top) for term in terms if term > floor]))
