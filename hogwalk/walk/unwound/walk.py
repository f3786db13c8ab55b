"""The walk over one x64 stack by its unwind data, and how sure each of its frames is."""

from __future__ import annotations

from dataclasses import replace
from typing import AbstractSet, Dict, FrozenSet, List, Optional, Sequence, Tuple

from hogwalk.machine.x64.prologue import layout
from hogwalk.machine.x64.unwind import RBP
from hogwalk.model import Frame
from hogwalk.targets.protocol import Announce
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.unwinding import Unwinding
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.collect import Candidates
from hogwalk.walk.rebuild.edges import Edges
from hogwalk.walk.rebuild.ends import overflowed
from hogwalk.walk.rebuild.graph import DOUBTFUL, Posterior
from hogwalk.walk.rebuild.nodes import Node
from hogwalk.walk.rebuild.reach import FARTHEST_START
from hogwalk.walk.rebuild.scale import Weighing
from hogwalk.walk.rebuild.walk import DARK, SHOWN, Rebuilt, Truth, Weighed, unread_share
from hogwalk.walk.unwound import weights
from hogwalk.walk.unwound.frames import Builder
from hogwalk.walk.unwound.slots import machine_frames, nodes
from hogwalk.walk.unwound.steps import StepFinder
from hogwalk.walk.unwound.straight import straight
from hogwalk.walk.unwound.votes import returned_to, voted

BASE_REACH = 0x1000  # bytes below Base: the thread's first frames lie within the last page
BORNE_OUT = 0.5  # probability from which on a frame is shown without what it was called by
# What comes true of a candidate's share in a log's words, in one that shows calls before them, and in one with rows of
# kf: fitted to what came true in each tenth on lab seeds 1 to 15 of twelve styles (the last with 30 rows).  Where the
# log shows functions' unwind data, with calls or without: a logistic regression on seeds 1 to 12 of seven styles.
WORDS_TRUTH, CALLS_TRUTH, ROWS_TRUTH = Truth(1.03, -0.08, 0.10), Truth(0.99, -0.23, -0.07), Truth(0.87, 0.02, 0.04)
SHOWN_TRUTH, SHOWN_CALLS_TRUTH = Truth(0.836, -0.278), Truth(0.71, -0.513, -0.026)
# And of a kernel stack in a dump: where more than a few of the walk's return addresses lie in code that cannot be read
# (lab seeds 9801 to 9836 of dark2, dark4, small and unloaded, with and without registers: the weights hold frames for
# smaller than the lab's), and where the start was searched for (these seeds of the other ten styles, 8001 to 8100 of
# retcfg, 8001 to 8038 of sym).  A program's shares are stated as they are: so they came true in the 56 threads of a
# public dump.
DARK_TRUTH, SEARCHED_TRUTH = Truth(1.163, 0.096), Truth(1.234, 1.165, -0.363)
# Of the draws' share, where they differ: in such dumps (466 of lab seeds 101 to 130, 201 to 218, 9101 to 9130, 9701 to
# 9730), in all else (977 verdicts on the three logs of seeds 9801 to 9836, all fourteen styles).  tests/lab64 --bins
# checks all.
VERDICT, OTHER_VERDICT = Truth(0.849, 0.544), Truth(0.802, -0.116)
# The share of the draws whose shortest range held the true bytes nine times in ten: in dumps (seeds 9801 to 9836, where
# no register tells who runs most sums are one of two, with that frame and without), and in these logs.
SHORTEST, SHORTEST_IN_TEXT = 0.89, 0.95
UNREAD, TRAP_FRAME = int(Clue.UNREAD), int(Clue.TRAP_FRAME)


def rebuild(evidence: Evidence, kf_frames: Sequence[Frame] = (), announce: Announce = lambda doing: None) -> Rebuilt:
    """The most likely frames of an x64 stack; none where no word of it can be a return address."""
    announce("rebuilding the frames from the unwind data")
    candidates, finder = collect(evidence, {frame.return_slot for frame in kf_frames})
    started, weighing = evidence.registers is not None, Weighing(weights.WEIGHTS)
    text = evidence.about.kind == "text"
    bottom = sought_above(evidence, candidates)
    candidates = again(candidates, finder, started, bottom, weighing)
    graph = weights.graph(candidates, started, bottom, weighing)
    posterior = Posterior(graph, weights.TEMPERATURE)
    live = posterior.nodes()
    builder = Builder(evidence, candidates, finder.predicted)
    path = _trim_unsupported_tail(candidates, posterior.path(False, DOUBTFUL if started else SHOWN), live)
    built, gaps = builder.build(path)
    probabilities: List[float] = []
    for one in built:
        probabilities.append(live[one.node] if one.node is not None else probabilities[-1] if probabilities else 1.0)
    walked = [candidates.nodes[one.node] for one in built if one.node is not None]
    return Rebuilt(
        tuple(one.frame for one in built),
        tuple(one.reason for one in built),
        tuple(probabilities),
        gaps,
        Weighed(candidates, graph, posterior, _bridges(candidates), builder),
        onward=finder.onward(path[-1]) if path else None,
        truth=_truth(evidence, candidates, walked),
        verdict=VERDICT if evidence.about.kernel and not text else OTHER_VERDICT,
        shortest=SHORTEST_IN_TEXT if text else SHORTEST,
        esp=_running(evidence),
    ).told()


def _running(evidence: Evidence) -> Optional[Tuple[int, int]]:
    """Where RSP lies if no register tells: a stack that ran out is used down to Limit, by a function not known."""
    limit = evidence.region.limit
    known = evidence.registers is not None or not overflowed(evidence)
    return None if known else (limit, limit)


def _truth(evidence: Evidence, found: Candidates, walked: Sequence[Node]) -> Optional[Truth]:
    if evidence.about.kind != "text":
        searched = None if evidence.registers is not None else SEARCHED_TRUTH
        return (DARK_TRUTH if unread_share(walked) > DARK else searched) if evidence.about.kernel else None
    if any(node.clues & Clue.KF for node in found.nodes):
        return ROWS_TRUTH
    called = any(node.clues & Clue.CALLED for node in found.nodes)
    if evidence.layouts:
        return SHOWN_CALLS_TRUTH if called else SHOWN_TRUTH
    return CALLS_TRUTH if called else WORDS_TRUTH


def collect(evidence: Evidence, kf_slots: AbstractSet[int] = frozenset()) -> Tuple[Candidates, StepFinder]:
    """All candidates of a stack with their clues, and who found the steps; `kf_slots` are the debugger's own."""
    unwinding, pushed = evidence.unwinding, machine_frames(evidence)
    assert unwinding is not None
    known = straight(evidence, unwinding, pushed)
    found = _between_rows(nodes(evidence, pushed, kf_slots, known), kf_slots)
    finder = StepFinder(evidence, unwinding, found)
    starts = _starts(evidence, unwinding, finder, found)
    steps = finder.steps(known is not None)
    ends = _ends(evidence, finder, found)
    return Candidates(tuple(found), Edges(steps, [None] * len(found)), starts, tuple(ends)), finder


def _between_rows(found: List[Node], kf_slots: AbstractSet[int]) -> List[Node]:
    """The candidates without those that lie between rows of the debugger's own walk, which has no frame there."""
    first, last = min(kf_slots, default=0), max(kf_slots, default=0)
    return [node for node in found if node.slot in kf_slots or not first < node.slot < last]


def again(
    found: Candidates,
    finder: StepFinder,
    started: bool,
    bottom: Optional[int] = None,
    weighing: Optional[Weighing] = None,
) -> Candidates:
    """The candidates with what a first weighing says of the sizes of frames whose code cannot be read."""
    if not any(node.clues & UNREAD for node in found.nodes):
        return found
    scores = Posterior(weights.graph(found, started, bottom, weighing), weights.TEMPERATURE)
    steps = voted(found.nodes, found.edges.steps, scores, finder.function)
    nodes = tuple(returned_to(found.nodes, finder.predicted))
    return replace(found, nodes=nodes, edges=Edges(steps, found.edges.predictions))


def _bridges(found: Candidates) -> FrozenSet[Tuple[int, int]]:
    """The steps over return addresses that are gone."""
    other = int(Clue.DEPTH_OTHER)
    return frozenset(
        (number, older) for number, edges in enumerate(found.edges.steps) for older, mask in edges if mask & other
    )


def _trim_unsupported_tail(found: Candidates, path: Sequence[int], live: Sequence[float]) -> Sequence[int]:
    """The path without the return addresses at its old end that hardly anything bears out: unread, no bottom known."""
    end = len(path)
    while end and found.ends[path[end - 1]] & Clue.EARLY_END and found.nodes[path[end - 1]].clues & UNREAD:
        if live[path[end - 1]] > BORNE_OUT:
            break
        end -= 1
    return path[:end]


def _starts(evidence: Evidence, unwinding: Unwinding, finder: StepFinder, found: Sequence[Node]) -> Dict[int, int]:
    """For each candidate at which a walk can start, by number, the clues for and against it."""
    registers = evidence.registers
    if registers is not None:
        return _from_registers(evidence, unwinding, finder, found)
    if not overflowed(evidence):
        return dict.fromkeys(range(len(found)), int(Clue.ANY_START))
    limit = evidence.region.limit
    starts: Dict[int, int] = {}
    for number, node in enumerate(found):
        far = node.slot - limit
        if far > FARTHEST_START and starts:
            break
        starts[number] = _reach(unwinding, node, far)
    return starts


def sought_above(evidence: Evidence, found: Candidates) -> Optional[int]:
    """Where the stack ends, or RSP points, if the start is one of the candidates above it; else None."""
    registers = evidence.registers
    if registers is None:
        return evidence.region.limit if overflowed(evidence) else None
    known = any(mask & Clue.FROM_REGISTERS for mask in found.starts.values())
    return None if known else registers.sp


def _reach(unwinding: Unwinding, node: Node, far: int) -> int:
    """Whether the frame of the function that the call before a slot enters reaches down to Limit.

    The function that ran out of stack did so, at a call or in its prologue; 0 where nothing is known of its frame.
    """
    unwinder = unwinding.of(node.target) if node.target is not None else None
    entry = unwinder.table.entry(node.target) if unwinder is not None and node.target is not None else None
    made = layout(unwinder.table, entry) if unwinder is not None and entry is not None else None
    if made is None or entry is None:
        return 0
    if sum(room.bytes for room in made.rooms) >= far:
        return int(Clue.REACHES_LIMIT)
    more = made.framed and None in unwinding.frame_register(entry.end, 0).values()  # an alloca perhaps
    return 0 if more else int(Clue.FAR_FROM_LIMIT)


def _from_registers(
    evidence: Evidence, unwinding: Unwinding, finder: StepFinder, found: Sequence[Node]
) -> Dict[int, int]:
    registers = evidence.registers
    assert registers is not None
    caller = unwinding.caller(registers.ip, registers.sp, {RBP: registers.bp}, True)
    slot: Optional[int] = None if caller is None else caller.slot
    starts: Dict[int, int] = {}
    for number, node in enumerate(found):
        if node.slot < registers.sp:
            continue
        starts[number] = int(Clue.NOT_REGISTERS)
        if node.slot == slot and caller is not None:
            starts[number] = int(Clue.FROM_REGISTERS)
            finder.begin(number, caller.registers)
    if slot is None or not any(mask & Clue.FROM_REGISTERS for mask in starts.values()):
        # The code that ran is not known: the nearest candidates may be its callers.
        for number in sorted(starts):
            far = found[number].slot - registers.sp
            starts[number] = finder.reached(registers.ip, number) | (0 if far else int(Clue.AT_POINTER))
    return starts


def _ends(evidence: Evidence, finder: StepFinder, found: Sequence[Node]) -> List[int]:
    """For each candidate the clues for and against its being the oldest live one on this stack."""
    base = evidence.image.end
    ends: List[int] = []
    for number, node in enumerate(found):
        if number in finder.leaving:
            ends.append(int(Clue.USER_MODE))
            continue
        predicted = finder.predicted[number]
        mask = int(Clue.NEAR_BASE if base - node.slot <= BASE_REACH else Clue.EARLY_END)
        mask |= int(Clue.LAST) if number == len(found) - 1 else 0
        if predicted is not None and evidence.image.word(predicted):
            mask |= int(Clue.PREDICTED_ON)
        elif predicted is not None and evidence.image.word(predicted) == 0:
            mask = int(Clue.NO_RETURN)
        ends.append(mask)
    return ends
