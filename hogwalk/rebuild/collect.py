"""Gathers the candidates of one stack and every clue about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import AbstractSet, Callable, Dict, Tuple

from hogwalk.analysis import Evidence
from hogwalk.rebuild.callers import Callers
from hogwalk.rebuild.clues import Clue
from hogwalk.rebuild.edges import EdgeFinder, Edges
from hogwalk.rebuild.ends import end_clues, start_clues
from hogwalk.rebuild.functions import Functions
from hogwalk.rebuild.links import Links
from hogwalk.rebuild.nodes import Node, nodes
from hogwalk.rebuild.pairs import PairJudge
from hogwalk.rebuild.reach import Reach
from hogwalk.rebuild.traps import Traps


@dataclass(frozen=True)
class Clued:
    """All candidates of a stack with every clue about them, before any weighing.

    `starts` holds the clues of the nodes at which a walk can start, `ends` those for each node's being the last.
    """

    nodes: Tuple[Node, ...]
    edges: Edges
    starts: Dict[int, int]
    ends: Tuple[int, ...]
    functions: Functions
    links: Links


def collect(
    evidence: Evidence, kf_slots: AbstractSet[int] = frozenset(), tell: Callable[[str], None] = lambda doing: None
) -> Clued:
    """Every candidate, step, start and end of a stack with its clues; `kf_slots` are the debugger's return slots."""
    traps = Traps(evidence.image, evidence.symbols)
    found = nodes(evidence, traps, kf_slots)
    functions = Functions(evidence)
    links = Links(evidence, functions)
    reach = Reach(evidence, functions, links)
    known = links.known_starts(found)
    functions.know(known)
    found = [node for node in found if not node.clues & Clue.UNREAD or node.address not in known]
    judge = PairJudge(evidence, found, links, reach, traps)
    starts = start_clues(evidence, found, functions, reach)
    edges = EdgeFinder(evidence, found, functions, judge, traps).edges(starts, tell)
    if any(node.clues & Clue.UNREAD for node in found):
        edges = Edges(Callers(found, edges.steps, edges.predictions, functions).steps(), edges.predictions)
    ends = end_clues(evidence, found, edges.predictions, traps)
    return Clued(tuple(found), edges, starts, tuple(ends), functions, links)
