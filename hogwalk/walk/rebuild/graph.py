"""The best path through candidate return slots, and how probable each of them is: pure arithmetic on scores.

Nodes are numbered by rising address; every edge leads from a node to an older one, so one pass in each direction
does it all, without recursion.  Scores are natural log-likelihoods up to a constant.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from math import exp, inf, log
from typing import TYPE_CHECKING, Dict, Iterable, Iterator, List, NamedTuple, Optional, Protocol, Sequence, Tuple

if TYPE_CHECKING:
    from random import Random

NEGLIGIBLE = 36.0  # a term whose logarithm lies that far below another's does not change a sum of doubles
UNDRAWN = 14.0  # the same for a way that none of some hundred draws would take
DOUBTFUL = 0.4  # a return slot is worth showing from this probability on: a bit under even, as a gap misleads more
BEYOND_DOUBT = 0.95
FRAME_BYTES = 128  # of the stack charged to the right module are worth one right return slot
SPARE = 1.0  # return slots that the likeliest walk may leave out where it is beyond doubt itself
AGAIN = 0.05  # a step drawn before is taken again where it is not less probable
POSSIBLE = 1e-3  # steps less probable than this are taken by no walk
Steps = Sequence[Sequence[Tuple[int, float]]]  # for each node its older neighbours with the scores of the step
Ways = Tuple[List[float], List[Optional[int]]]  # the probabilities summed up, and where each way leads


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


class Slotted(Protocol):
    """A node's slot and the return address in it."""

    @property
    def slot(self) -> int:
        """The slot's address."""

    @property
    def address(self) -> int:
        """The return address in it."""


class Place(NamedTuple):
    """A node's slot (or the bytes up to it) and the return address in it."""

    slot: int
    address: int


def stride(places: Sequence[Slotted], newer: int, older: int) -> Place:
    """The bytes from one node up to another, and the return address there: alike at each turn of a recursion."""
    return Place(places[older].slot - places[newer].slot, places[older].address)


class Charged(NamedTuple):
    """The slots of a graph's nodes, and who owns the code behind each."""

    slots: Sequence[int]
    owners: Sequence[object]

    def sums(self, steps: Iterable[Tuple[int, int, float]], doubtful: float) -> Dict[object, List[float]]:
        """For each owner, up to each node: bytes below it times (the probability that they are his, less `doubtful`).

        In units of FRAME_BYTES; `steps` come with their probabilities.
        """
        turns: Dict[object, List[float]] = {owner: [0.0] * len(self.slots) for owner in set(self.owners)}
        for node, older, probability in steps:
            turns[self.owners[node]][node] += probability
            turns[self.owners[node]][older] -= probability
        sizes = [(above - slot) / FRAME_BYTES for slot, above in zip(self.slots, self.slots[1:])]
        found: Dict[object, List[float]] = {}
        for owner, each in turns.items():
            shares = accumulate(each)
            found[owner] = [0.0, *accumulate((share - doubtful) * size for share, size in zip(shares, sizes))]
        return found


class Posterior:
    """Probabilities of nodes and steps over all paths of a graph; `heat` over 1 makes them less certain."""

    def __init__(self, graph: Graph, heat: float = 1.0) -> None:
        self._graph = graph
        self._cool = 1.0 / heat
        self.onward = self._onward()
        self._starts = [self._cool * start + onward for start, onward in zip(graph.starts, self.onward)]
        self.total = log_sum(self._starts)
        self._known_reach: Optional[List[float]] = None
        self._runs: Dict[int, Tuple[List[int], Ways]] = {}
        self._ways: Dict[Optional[int], Ways] = {}
        self._known_again: Dict[int, Dict[Place, int]] = {}

    def _onward(self) -> List[float]:
        cool, ends, steps = self._cool, self._graph.ends, self._graph.steps
        found: List[float] = [-inf] * len(ends)
        for node in range(len(found) - 1, -1, -1):
            found[node] = log_sum([cool * ends[node], *[cool * score + found[older] for older, score in steps[node]]])
        return found

    def nodes(self) -> List[float]:
        """For each node the probability that it is on the path."""
        return [
            exp(min(0.0, before + after - self.total)) if before > -inf else 0.0
            for before, after in zip(self._reach, self.onward)
        ]

    def path(
        self,
        likeliest_where_sure: bool = True,
        doubtful: float = DOUBTFUL,
        charged: Optional[Charged] = None,
    ) -> Tuple[int, ...]:
        """The walk whose nodes are the likeliest to be live, newest first; empty without nodes.

        The sum of (probability - doubtful) over its nodes is the highest of all walks made of possible steps, with
        `charged` also over the bytes between them: the probability that they are those of the newer one's module.  Else
        the likeliest walk is taken where all its nodes are beyond doubt.
        """
        if not self._starts:
            return ()
        live, cool = self.nodes(), self._cool
        likeliest = self._graph.best()
        sure = min((live[node] for node in likeliest), default=0.0) > BEYOND_DOUBT
        if sure and sum(live) - sum(live[node] for node in likeliest) < (SPARE if likeliest_where_sure else doubtful):
            return likeliest  # no other node is left enough to be worth showing
        last = [reach + cool * end for reach, end in zip(self._reach, self._graph.ends)]
        first_floor, last_floor = max(self._starts) + log(POSSIBLE), max(last) + log(POSSIBLE)
        starts = [node - doubtful if start > first_floor else -inf for node, start in zip(live, self._starts)]
        ends = [0.0 if end > last_floor else -inf for end in last]
        steps: List[List[Tuple[int, float]]] = [[] for _ in live]
        likely = [step for step in self.steps() if step[2] > POSSIBLE]
        owned = charged.sums(likely, doubtful) if charged is not None else None
        for node, older, _ in likely:
            gain = live[older] - doubtful
            if owned is not None and charged is not None:
                sums = owned[charged.owners[node]]
                gain += sums[older] - sums[node]
            steps[node].append((older, gain))
        found = Graph(starts, ends, steps).best()
        return found if ends[found[-1]] > -inf else self._graph.best()

    @property
    def _reach(self) -> List[float]:
        # What leads to each node; what lies behind it alone needs none of this.
        if self._known_reach is None:
            self._known_reach = reached(self._graph.starts, self._graph.steps, self._cool)
        return self._known_reach

    def steps(self) -> Iterator[Tuple[int, int, float]]:
        """Each step, from a node to an older one, with the probability that the path takes it; not those of none."""
        cool, onward = self._cool, self.onward
        for node, steps in enumerate(self._graph.steps):
            reach = self._reach[node] - self.total
            if reach > -inf:
                for older, score in steps:
                    exponent = reach + cool * score + onward[older]
                    if exponent > -30:
                        yield node, older, exp(min(0.0, exponent))

    def onward_shares(self) -> List[List[float]]:
        """For each node, were it live, the probability of each of its steps."""
        cool, onward = self._cool, self.onward
        return [
            [exp(min(0.0, cool * score + onward[older] - onward[node])) for older, score in steps]
            for node, steps in enumerate(self._graph.steps)
        ]

    def sample(self, random: Random, places: Optional[Sequence[Slotted]] = None) -> Tuple[int, ...]:
        """One path drawn by its probability, newest node first; empty without nodes.

        With `places`, one for each node, steps between the same two return addresses as far apart are drawn once for
        the whole path, wherever they can be taken again: the turns of a recursion are right or wrong together, and
        drawn one by one their sums would always come out as the mean.
        """
        if not self._starts or self.total == -inf:
            return ()
        runs = self._runs
        path: List[int] = []
        taken: Dict[int, Place] = {}
        at = _drawn(self._ways_of(None), random)
        while at is not None:
            found = runs.get(at)
            if found is None:
                run = self._run(at)
                found = runs[at] = run, self._ways_of(run[-1])
            run, ways = found
            path += run
            at = None if places is None else self._again(run[-1], places, taken)
            if at is None:
                at = _drawn(ways, random)
                if at is not None and places is not None:
                    taken[places[run[-1]].address] = stride(places, run[-1], at)
        return tuple(path)

    def _again(self, node: int, places: Sequence[Slotted], taken: Dict[int, Place]) -> Optional[int]:
        """The older node to which the step drawn before at the same return address leads; None where it cannot."""
        before = taken.get(places[node].address)
        if before is None:
            return None
        found = self._known_again.get(node)
        if found is None:
            sums, onward = self._ways_of(node)
            shares = [up_to - below for up_to, below in zip(sums, [0.0, *sums])]
            found = self._known_again[node] = {
                stride(places, node, older): older
                for older, share in zip(onward, shares)
                if older is not None and share >= AGAIN * sums[-1]
            }
        return found.get(before)

    def _run(self, node: int) -> List[int]:
        """The nodes from `node` on between which there is nothing to draw."""
        run = [node]
        while True:
            _, onward = self._ways_of(run[-1])
            if len(onward) > 1 or onward[0] is None:
                return run
            run.append(onward[0])

    def _ways_of(self, node: Optional[int]) -> Ways:
        if node not in self._ways:
            self._ways[node] = self._ways_from(node)
        return self._ways[node]

    def _ways_from(self, node: Optional[int]) -> Ways:
        """The ways on from a node, and their probabilities summed up."""
        if node is None:
            ways: List[Tuple[Optional[int], float]] = list(enumerate(self._starts))
        else:
            cool, steps = self._cool, self._graph.steps[node]
            ways = [(older, cool * score + self.onward[older]) for older, score in steps]
            ways.append((None, cool * self._graph.ends[node]))
        top = max(term for _, term in ways)
        ways = [(way, term) for way, term in ways if term > top - UNDRAWN]
        return list(accumulate(exp(term - top) for _, term in ways)), [way for way, _ in ways]


def _drawn(ways: Ways, random: Random) -> Optional[int]:
    sums, onward = ways
    return onward[bisect_left(sums, random.random() * sums[-1])]


def reached(starts: Sequence[float], steps: Steps, cool: float = 1.0) -> List[float]:
    """For each node the logarithm of the sum over all paths that end with it, their scores times `cool`."""
    terms: List[List[float]] = [[cool * start] for start in starts]
    found: List[float] = []
    for own, onward in zip(terms, steps):
        reach = log_sum(own)
        found.append(reach)
        if reach > -inf:
            for older, score in onward:
                terms[older].append(reach + cool * score)
    return found


def log_sum(terms: Sequence[float]) -> float:
    """The logarithm of the sum of the terms' exponentials; -inf for none."""
    if len(terms) == 1:
        return terms[0]
    top = max(terms, default=-inf)
    if top == -inf:
        return -inf
    floor = top - NEGLIGIBLE
    return top + log(sum([exp(term - top) for term in terms if term > floor]))
