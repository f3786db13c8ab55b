"""Gathers the candidates of one stack and every clue about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

from hogwalk.analysis import Evidence
from hogwalk.model import Frame
from hogwalk.rebuild.edges import EdgeFinder, Edges
from hogwalk.rebuild.ends import end_clues, start_clues
from hogwalk.rebuild.functions import Functions, known_starts
from hogwalk.rebuild.nodes import Node, nodes
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


def collect(evidence: Evidence, kf_frames: Sequence[Frame] = ()) -> Clued:
    """Every candidate, step, start and end of a stack with its clues."""
    traps = Traps(evidence.image, evidence.symbols)
    found = nodes(evidence, traps, {frame.return_slot for frame in kf_frames})
    functions = Functions(evidence)
    functions.know(known_starts(functions, found))
    starts = start_clues(evidence, found, functions)
    edges = EdgeFinder(evidence, found, functions, traps).edges(starts)
    return Clued(tuple(found), edges, starts, tuple(end_clues(evidence, found, edges.predictions, traps)), functions)
