"""hogwalk's own walk over one stack, and how sure each of its frames is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from math import exp, inf, log
from typing import Callable, FrozenSet, List, NamedTuple, Optional, Protocol, Sequence, Tuple

from hogwalk.model import Frame, Registers
from hogwalk.targets.protocol import Announce
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.gaps import Gap
from hogwalk.walk.facts.modules import ModuleMap
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.collect import Candidates, CluedStack, Collector
from hogwalk.walk.rebuild.ends import overflowed
from hogwalk.walk.rebuild.frames import FrameBuilder
from hogwalk.walk.rebuild.graph import Charged, Graph, Posterior
from hogwalk.walk.rebuild.nodes import Node
from hogwalk.walk.rebuild.pruner import CLOSE_DEFICIT, MAX_DEFICIT
from hogwalk.walk.rebuild.stale import MOST_GAINED
from hogwalk.walk.rebuild.turns import alike
from hogwalk.walk.rebuild.weigh import weigh
from hogwalk.walk.rebuild.weights import TEMPERATURE

CHAINED = (
    Clue.CHAINED | Clue.EBP_FRAME | Clue.EBP_CHAIN
)  # by the EBP saved below the slot, or by that known from newer frames
# How far behind the best walk (natural logarithms) candidates are passed over, and below which loss on its weak steps
# the best walk is taken: a walk far behind another one can only win where that one breaks off later.  The last row is
# for walks through code that cannot be read; where the first serves, probabilities differ by less than 1e-6 (see
# tests/rebuild/test_pruner.py).
MARGINS = ((CLOSE_DEFICIT, 2.0), (MAX_DEFICIT, MAX_DEFICIT / 2), (inf, inf))
SHOWN = 0.35  # that share of all walks is worth showing: under even, as a gap misleads more
# Where more than DARK of the walk's return addresses lie in code that cannot be read, DARK_TRUTH maps a candidate's
# share of all walks: with it each tenth of 255 lab dumps' candidates (seeds 551718230 to ..234 of 17 styles with 2, 5
# and 8 of 8 modules' code hidden) comes true within .05, and within .1, each stack counting alike, that of 160 stacks
# of real code with 2 and 5 (tests.real.stacks, libraries 501 to 530 and 541 to 590).  DARK_VERDICT maps that of draws
# which agree, where they differ: a logistic regression on 173 verdicts of these and of drivers 2001 to 2060.  VERDICT
# does so elsewhere: 400 verdicts of lab seeds 1001-1030 (tests/rebuild/calibrate.py checks all).
DARK, TINY = 0.05, 1e-9
LEFT_OVER, LEFT_OVER_SHAPE = 23.0, 1.0  # frames, and no unit: 44 lab cases of user-raw (most likely of Weibull's)


class Truth(NamedTuple):
    """What comes true of a share between 0 and 1: in logits `shrink` times as much, plus `shift`.

    Above evens it is `bend` times as much more, below evens less.  `most` is the most to state of draws that all agree.
    """

    shrink: float
    shift: float
    bend: float = 0.0
    most: float = 1.0

    def of(self, share: float) -> float:
        """The probability to state for a share."""
        share = min(max(share, TINY), 1 - TINY)
        odds = log(share / (1 - share))
        return 1 / (1 + exp(-self.shrink * odds - self.bend * abs(odds) - self.shift))


DARK_TRUTH, VERDICT = Truth(1.0, 0.1), Truth(0.556, 0.359)
# Draws that all agree were right in 100 of these 101 lab dumps, and in 169 of 170 stacks of real code.
DARK_VERDICT = Truth(0.733, 0.252, most=0.98)
WHOLE_VERDICT = Truth(0.975, 0.888)  # of draws where chains without registers lead: 102 lab cases of user-raw


class RimBuilder(Protocol):
    """Builds the frames at a walk's start and end, and at the rims of a page that cannot be read."""

    @property
    def word(self) -> int:
        """Bytes of a stack word."""

    def first(self, number: int) -> RimFrame:
        """The frame of the function that runs where the walk starts."""

    def end(self, number: int) -> int:
        """The address up to which the frame that ends with a node counts, as its neighbour's start does."""

    def over_hole(self, newer: int, number: int) -> Sequence[RimFrame]:
        """The frame that runs into the page, where its depth is known, and the first one above it."""

    def last(self, number: int) -> Sequence[RimFrame]:
        """The frame that runs into such a page at the stack's end."""


class RimFrame(Protocol):
    """One frame that was built."""

    @property
    def frame(self) -> Frame:
        """The frame."""


@dataclass(frozen=True)
class Weighed:
    """The candidates of a stack, the graph of their scores and the probabilities of all paths through it.

    `bridges` are the steps, by their nodes' numbers, that lead over pages that cannot be read; `builder` tells the
    frames at both rims of such a page.  What bridges leave uncharged may be anybody's, and so the hog's.
    `ran_out`: of a stack that ran out while no register tells ESP, Limit and how far down the stack can be read: to
    there the frame of the function that runs reaches, and what lies below may be anybody's.
    """

    clued: Candidates
    graph: Graph
    posterior: Posterior
    bridges: FrozenSet[Tuple[int, int]]
    builder: RimBuilder
    ran_out: Optional[Tuple[int, int]] = None


@dataclass(frozen=True)
class Rebuilt:
    """hogwalk's own walk.

    `frames` newest first, `reasons` in words and `probabilities` (that the frame is live) for each; `gaps` are all
    bytes of the stack that no frame holds.  A frame behind a page that cannot be read holds bytes from the page's end
    only, one that ends inside such a page has return address 0.  `weighed` is what confidence in sums is drawn from.
    `believed`: a chain of saved EBPs through code that cannot be read leads it.  `onward`: the registers with which the
    walk goes on on another stack (x64).  `left_over`: about how many of the newest frames are of calls that have
    returned, where nothing tells which (a Weibull distribution's scale; 0: the registers tell, or chains that reach the
    thread's first frame); `esp`: between which addresses ESP lies then.  `truth` maps what the weights say of a
    candidate where they say more than they know, as of code that cannot be read (None: it comes true as it is),
    `verdict` what draws say of the biggest hog.  `alike`: draws differ less than the truth does from them.
    `shortest`: the range of bytes to state is the shortest one that holds this share of the draws (0: that of those in
    the middle).
    """

    frames: Tuple[Frame, ...]
    reasons: Tuple[str, ...]
    probabilities: Tuple[float, ...]
    gaps: Tuple[Gap, ...]
    weighed: Weighed = field(repr=False, compare=False)
    believed: bool = False
    onward: Optional[Registers] = None
    left_over: float = 0.0
    esp: Optional[Tuple[int, int]] = None
    alike: bool = False
    shortest: float = 0.0
    truth: Optional[Truth] = None
    verdict: Truth = VERDICT

    def stated(self, live: float, newer: int) -> float:
        """The probability to state of a candidate: of its share of all walks, and of the frames newer than it."""
        return live * self.lives(newer) if self.truth is None else self.truth.of(live)

    def told(self) -> Rebuilt:
        """The same with the probabilities to state in the place of the shares."""
        return replace(self, probabilities=tuple(self.stated(live, at) for at, live in enumerate(self.probabilities)))

    def lives(self, newer: int) -> float:
        """The chance that a frame with so many newer ones on the walk is none of those left over."""
        return 1.0 if not self.left_over else 1 - exp(-(((newer + 1) / self.left_over) ** LEFT_OVER_SHAPE))


def rebuild(evidence: Evidence, announce: Announce = lambda doing: None) -> Rebuilt:
    """The most likely frames of a stack; none where no word of it can be a return address.

    `announce` hears how far the work is.
    """
    return begun(evidence)(announce)


def begun(evidence: Evidence) -> Callable[[Announce], Rebuilt]:
    """The same, begun: what is left to do reads hardly anything of the target."""
    return partial(_rebuilt, evidence, Collector(evidence))


def _rebuilt(evidence: Evidence, collector: Collector, announce: Announce) -> Rebuilt:
    dark = unread_share(collector.nodes) > DARK
    for margin, most_lost in MARGINS[-1:] if dark else MARGINS:
        clued = collector.collect(margin, announce)
        graph = weigh(clued)
        best = graph.best()
        if _lost(clued, graph, best) < most_lost and not _rivalled(graph, best):
            break
    if dark and not clued.chains.whole:
        graph = alike(graph, clued.nodes)
    posterior = Posterior(graph, TEMPERATURE)
    builder = FrameBuilder(evidence, clued)
    charged = _charged(clued.nodes, evidence.modules) if collector.unread else None
    built, gaps = builder.build(_trim_unsupported_tail(clued, posterior.path(doubtful=SHOWN, charged=charged)))
    live = posterior.nodes()
    frames = tuple(one.frame for one in built)
    probabilities = _probabilities([one.node for one in built], live)
    weighed = Weighed(clued, graph, posterior, _bridges(clued), builder, _ran_out(evidence, clued))
    believed = bool(clued.chains.onward)
    reasons = tuple(one.reason for one in built)
    by_weights = evidence.about.kernel and not believed
    darkness = unread_share([clued.nodes[one.node] for one in built if one.node is not None]) if by_weights else 0.0
    return Rebuilt(
        frames,
        reasons,
        probabilities,
        gaps,
        weighed,
        believed,
        left_over=0.0 if clued.chains.whole else _left_over(evidence),
        esp=clued.chains.esp,
        alike=by_weights,
        truth=DARK_TRUTH if darkness > DARK else None,
        verdict=DARK_VERDICT if darkness > DARK else WHOLE_VERDICT if clued.chains.whole else VERDICT,
    ).told()


def unread_share(nodes: Sequence[Node]) -> float:
    """The share of return addresses, 0 to 1, whose code cannot be read."""
    return sum(1 for node in nodes if node.clues & Clue.UNREAD) / max(1, len(nodes))


def _ran_out(evidence: Evidence, clued: CluedStack) -> Optional[Tuple[int, int]]:
    """What Weighed has of a stack that ran out."""
    if evidence.registers is not None or not overflowed(evidence):
        return None
    limit = evidence.region.limit
    hidden = any(mask & Clue.BEHIND_HOLE for mask in clued.starts.values())
    return limit, evidence.image.holes[0][1] if hidden else limit


def _charged(nodes: Sequence[Node], modules: ModuleMap) -> Charged:
    found = [modules.at(node.address) for node in nodes]
    return Charged([node.slot for node in nodes], [None if module is None else module.start for module in found])


def _left_over(evidence: Evidence) -> float:
    """A program's stack goes on below its newest frame with older calls' frames, as well chained as live ones are."""
    if evidence.about.kernel or evidence.registers is not None or overflowed(evidence):
        return 0.0
    return LEFT_OVER


def _lost(clued: CluedStack, graph: Graph, path: Sequence[int]) -> float:
    """What the best path loses on its weak steps; inf without a path, and through code that cannot be read."""
    if any(clued.nodes[number].clues & Clue.UNREAD for number in path):
        return inf
    steps = [dict(graph.steps[newer])[older] for newer, older in zip(path, path[1:])]
    lost = sum(-score for score in (*steps, *(graph.ends[last] for last in path[-1:])) if score < 0)
    return lost if path else inf


def _rivalled(graph: Graph, best: Sequence[int]) -> bool:
    """Whether frames off the best path may hold a whole chain of it: what they gain so no pruner has seen."""
    path = set(best)
    return any(score > MOST_GAINED for number, own in enumerate(graph.steps) if number not in path for _, score in own)


def _trim_unsupported_tail(clued: CluedStack, path: Sequence[int]) -> Sequence[int]:
    """The path without the return addresses at its old end that nothing bears out: unread, unchained, no bottom."""
    end = len(path)
    while end and clued.ends[path[end - 1]] & Clue.EARLY_END and clued.nodes[path[end - 1]].clues & Clue.UNREAD:
        if end > 1 and dict(clued.edges.steps[path[end - 2]])[path[end - 1]] & CHAINED:
            break
        end -= 1
    return path[:end]


def _bridges(clued: CluedStack) -> FrozenSet[Tuple[int, int]]:
    return frozenset(
        (number, older) for number, steps in enumerate(clued.edges.steps) for older, mask in steps if mask & Clue.HOLE
    )


def _probabilities(numbers: Sequence[Optional[int]], live: Sequence[float]) -> Tuple[float, ...]:
    """Each frame's probability; one whose slot cannot be read is as sure as the newer one that predicts it."""
    found: List[float] = []
    for number in numbers:
        found.append(live[number] if number is not None else found[-1])
    return tuple(found)
