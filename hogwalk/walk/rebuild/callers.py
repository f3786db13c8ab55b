"""What is known of callers that cannot be read: which function each of them calls, and how much that takes off."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Set

from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.functions import Functions, Prediction
from hogwalk.walk.rebuild.nodes import Edge, Node

UNREAD, DEPTH = int(Clue.UNREAD), int(Clue.DEPTH | Clue.DEPTH_ALONE)
SAME_CALLEE, OTHER_CALLEE = int(Clue.SAME_CALLEE), int(Clue.OTHER_CALLEE)
IN_ARGUMENTS, DEPTH_TOLD = int(Clue.IN_ARGUMENTS), int(Clue.DEPTH_TOLD)
PLACED = DEPTH | DEPTH_TOLD
EBP_CHAIN = int(Clue.EBP_CHAIN)
Steps = Sequence[Sequence[Edge]]


class Callers:
    """The unread return addresses of one stack with the functions whose frames end right below them.

    A frame of a call that has returned tells as well as a live one whom the code before a return address calls.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        steps: Steps,
        predictions: Sequence[Optional[Prediction]],
        functions: Functions,
    ) -> None:
        self._nodes = nodes
        self._steps = steps
        self._predictions = predictions
        self._functions = functions
        self._running = [functions.start(node.address) if own else None for node, own in zip(nodes, steps)]
        self._called: Dict[int, Dict[int, Set[int]]] = {}
        for running, own in zip(self._running, steps):
            for older, mask in own:
                node = nodes[older]
                if running is not None and mask & DEPTH and node.clues & UNREAD:
                    self._called.setdefault(node.address, {}).setdefault(node.slot, set()).add(running)
        self._popped: Dict[int, List[int]] = {}  # by the older node's number, what the functions it may have called pop

    def steps(self) -> Steps:
        """The steps with these clues added."""
        found: List[Sequence[Edge]] = []
        for number, own in enumerate(self._steps):
            added = [(older, mask if mask & EBP_CHAIN else mask | self._added(number, older)) for older, mask in own]
            popped = self._functions.popped(self._nodes[number].address) if own else None
            for older, mask in added:
                if popped is not None and mask & PLACED and self._nodes[older].clues & UNREAD:
                    self._popped.setdefault(older, []).append(popped)
            found.append(added)
        return found

    def _added(self, number: int, older: int) -> int:
        running, mask = self._running[number], 0
        if running is not None:
            mask = self._callee(running, self._nodes[older])
        popped = self._popped.get(number)
        return mask if popped is None else mask | self._placed(number, older, min(popped))

    def _callee(self, running: int, older: Node) -> int:
        """Whether the code before an unread return address calls the same function elsewhere on the stack."""
        if not older.clues & UNREAD:
            return 0
        others = [called for slot, called in self._called.get(older.address, {}).items() if slot != older.slot]
        if not others:
            return 0
        return SAME_CALLEE if any(running in called for called in others) else OTHER_CALLEE

    def _placed(self, number: int, older: int, arguments: int) -> int:
        """The clues that the arguments give about an older slot, together with frame data of the unread code if any."""
        distance = self._nodes[older].slot - self._nodes[number].behind
        if distance < arguments:
            return IN_ARGUMENTS
        prediction = self._predictions[number]
        if prediction is None or prediction.exact or not prediction.slots:
            return 0
        return DEPTH_TOLD if distance == prediction.slots[0] - self._nodes[number].behind + arguments else 0
