"""Gathers the candidates of one stack and every clue about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Callable, Dict, Tuple

from hogwalk.walk.evidence import Evidence
from hogwalk.walk.rebuild.callers import Callers
from hogwalk.walk.rebuild.chained import Chains, chains
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.copies import copies
from hogwalk.walk.rebuild.edges import EdgeFinder, Edges, Found, Resumed
from hogwalk.walk.rebuild.ends import end_clues, overflowed, start_clues
from hogwalk.walk.rebuild.functions import Functions
from hogwalk.walk.rebuild.habits import Habits
from hogwalk.walk.rebuild.links import Links
from hogwalk.walk.rebuild.nodes import Node, nodes
from hogwalk.walk.rebuild.pairs import PairJudge
from hogwalk.walk.rebuild.reach import Reach


@dataclass(frozen=True)
class Candidates:
    """All candidates of a stack with every clue about them, before any weighing.

    `starts` holds the clues of the nodes at which a walk can start, `ends` those for each node's being the last.
    """

    nodes: Tuple[Node, ...]
    edges: Edges
    starts: Dict[int, int]
    ends: Tuple[int, ...]


@dataclass(frozen=True)
class CluedStack(Candidates):
    """The candidates of an x86 stack, and what is known of its code."""

    functions: Functions
    links: Links
    chains: Chains


class Collector:
    """Gathers one stack's candidates; what it learned of the code serves every further gathering."""

    def __init__(self, evidence: Evidence) -> None:
        """`nodes` will be the candidates, `unread` tells whether some lie in unread code."""
        self._evidence = evidence
        self._traps = evidence.traps
        copied = copies(evidence)
        found = nodes(evidence, self._traps, copied)
        self._functions = Functions(evidence)
        self._links = Links(evidence, self._functions)
        reach = Reach(evidence, self._functions, self._links)
        known = self._links.known_starts(found)
        self._functions.starts.know(known)
        found = [node for node in found if not node.clues & Clue.UNREAD or node.address not in known]
        self._chains = chains(evidence, found)
        if overflowed(evidence):  # Limit tells where the newest frame is
            self._chains = self._chains._replace(whole=(), esp=None)
        self.nodes = [node for node in found if node.slot not in self._chains.dropped]
        self.unread = any(node.clues & Clue.UNREAD for node in self.nodes)
        self._habits = Habits(self.nodes, evidence.region.base, evidence.modules)
        self._judge = PairJudge(evidence, self.nodes, self._links, reach, self._habits, self._traps, copied)
        self._found: Found = {}
        registers = evidence.registers
        self._resumed: Resumed = None
        if registers is not None:
            self._resumed = self._functions.resumed(registers.ip, registers.sp, registers.bp), registers.bp
        resumed = None if self._resumed is None else self._resumed[0]
        self._starts = start_clues(evidence, self.nodes, resumed, reach, self._chains.at_esp)

    def collect(self, margin: float = inf, announce: Callable[[str], None] = lambda doing: None) -> CluedStack:
        """Every candidate, step, start and end with its clues; `margin` is Pruner's, `announce` hears of the work."""
        evidence, found, functions, traps = self._evidence, self.nodes, self._functions, self._traps
        finder = EdgeFinder(evidence, found, functions, self._judge, self._habits, traps, self._chains, self._found)
        edges = finder.edges(self._starts, self._resumed, margin, announce)
        if self.unread:
            edges = replace(edges, steps=Callers(found, edges.steps, edges.predictions, functions).steps())
        ends = end_clues(evidence, found, edges, traps, self._chains)
        return CluedStack(tuple(found), edges, self._starts, tuple(ends), functions, self._links, self._chains)
