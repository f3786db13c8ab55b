"""What readable code tells about callers that cannot be read: which function each of them calls, and its arguments."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Set

from hogwalk.rebuild.clues import Clue
from hogwalk.rebuild.edges import Edge
from hogwalk.rebuild.functions import Functions
from hogwalk.rebuild.nodes import Node

UNREAD, DEPTH = int(Clue.UNREAD), int(Clue.DEPTH | Clue.DEPTH_ALONE)
SAME_CALLEE, OTHER_CALLEE = int(Clue.SAME_CALLEE), int(Clue.OTHER_CALLEE)
IN_ARGUMENTS = int(Clue.IN_ARGUMENTS)
Steps = Sequence[Sequence[Edge]]


class Callers:
    """The unread return addresses of one stack with the functions whose frames end right below them.

    A frame of a call that has returned tells as well as a live one whom the code before a return address calls.
    """

    def __init__(self, nodes: Sequence[Node], steps: Steps, functions: Functions) -> None:
        self._nodes = nodes
        self._steps = steps
        self._functions = functions
        self._running: List[Optional[int]] = [
            functions.start(node.address) if own and not node.clues & UNREAD else None
            for node, own in zip(nodes, steps)
        ]
        self._called: Dict[int, Dict[int, Set[int]]] = {}
        for running, own in zip(self._running, steps):
            for older, mask in own:
                node = nodes[older]
                if running is not None and mask & DEPTH and node.clues & UNREAD:
                    self._called.setdefault(node.address, {}).setdefault(node.slot, set()).add(running)

    def steps(self) -> Steps:
        """The steps with these clues added."""
        if not self._called:
            return self._steps
        return [self._added(number, own) for number, own in enumerate(self._steps)]

    def _added(self, number: int, own: Sequence[Edge]) -> Sequence[Edge]:
        node, running = self._nodes[number], self._running[number]
        if running is not None:
            return [(older, mask | self._callee(running, self._nodes[older])) for older, mask in own]
        arguments = self._arguments(node)
        if not arguments or not own:
            return own
        free = node.slot + 4 + arguments
        return [(older, mask | (IN_ARGUMENTS if self._nodes[older].slot < free else 0)) for older, mask in own]

    def _callee(self, running: int, older: Node) -> int:
        """Whether the code before an unread return address calls the same function elsewhere on the stack."""
        if not older.clues & UNREAD:
            return 0
        others = [called for slot, called in self._called.get(older.address, {}).items() if slot != older.slot]
        if not others:
            return 0
        return SAME_CALLEE if any(running in called for called in others) else OTHER_CALLEE

    def _arguments(self, node: Node) -> int:
        """Bytes right above an unread return address that the function it called takes off the stack as arguments."""
        if not node.clues & UNREAD:
            return 0
        called = self._called.get(node.address, {}).get(node.slot, ())
        return min((self._functions.depths.popped(function) or 0 for function in called), default=0)
