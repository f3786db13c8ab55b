"""The steps between candidate return slots of an x64 stack: unwind data name the next one exactly."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from hogwalk.machine.x64.unwind import RBP, Caller
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.unwinding import Unwinding
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.edges import Edge
from hogwalk.walk.rebuild.nodes import Node

TRAP_FRAME, UNREAD = int(Clue.TRAP_FRAME), int(Clue.UNREAD)
WINDOW = 40  # candidates looked at where the next slot is not known
REACH = 0x2000  # bytes: no frame seen is larger
MOST_STATES = 4  # values of RBP with which one candidate is unwound
GUESSED, PLACED, FROM_START = range(3)  # how sure a candidate's registers are: the last come from the walk's start
SIZES = (
    (0x20, Clue.UP_TO_20), (0x40, Clue.UP_TO_40), (0x80, Clue.UP_TO_80), (0x100, Clue.UP_TO_100),
    (0x200, Clue.UP_TO_200), (0x400, Clue.UP_TO_400), (0x800, Clue.UP_TO_800),
)  # fmt: skip
NEAR = 0x4000  # bytes from a call's target to an address that its function may hold, where no table says
Registers = Dict[int, Optional[int]]


class StepFinder:
    """Finds the steps of one stack, newest candidate first, and carries RBP along them.

    `predicted` holds for each candidate where unwind data say that its function's return slot lies (None: open), and
    `ends` the candidates from which the walk leaves this stack.
    """

    def __init__(self, evidence: Evidence, unwinding: Unwinding, nodes: Sequence[Node]) -> None:
        self._evidence = evidence
        self._unwinding = unwinding
        self._nodes = nodes
        self._numbers = {node.slot: number for number, node in enumerate(nodes)}
        self._states: Dict[int, List[Registers]] = {}
        self._rank: Dict[int, int] = {}
        self._sizes = _repeated(nodes)
        self._targets = sorted({node.target for node in nodes if node.target is not None})
        self.predicted: List[Optional[int]] = [None] * len(nodes)
        self.leaving = {number for number, node in enumerate(nodes) if self._leaves(node)}

    def _leaves(self, node: Node) -> bool:
        return bool(node.clues & TRAP_FRAME) and not node.slot < node.behind < self._evidence.region.base

    def begin(self, number: int, registers: Registers) -> None:
        """Notes the registers with which a candidate's code runs on, where the walk's start names them."""
        self._carry(number, registers, FROM_START)

    def steps(self) -> List[Sequence[Edge]]:
        """For each candidate its steps to older ones."""
        return [() if number in self.leaving else self._steps(number) for number in range(len(self._nodes))]

    def _steps(self, number: int) -> Sequence[Edge]:
        node = self._nodes[number]
        found: Dict[int, int] = {}
        callers = [self._caller(node, state) for state in self._states.get(number, [{}])]
        for caller in callers:
            if caller is None or caller.slot is None:
                continue
            self.predicted[number] = caller.slot
            older = self._numbers.get(caller.slot)
            if older is not None and older > number and self._fits(older, caller):
                found[older] = int(Clue.DEPTH) | self._link(node, older)
                self._carry(older, caller.registers, FROM_START if self._rank.get(number) == FROM_START else PLACED)
        if found:
            return list(found.items())
        open_ends = [caller for caller in callers if caller is not None and caller.slot is None]
        mask = Clue.DEPTH_AT_LEAST if open_ends else Clue.DEPTH_UNREAD if node.clues & UNREAD else Clue.DEPTH_UNKNOWN
        lowest = min((caller.minimum for caller in open_ends), default=node.behind)
        if self.predicted[number] is not None:
            mask, lowest = Clue.DEPTH_OTHER, node.behind
        return self._window(number, lowest, int(mask), open_ends)

    def _caller(self, node: Node, state: Registers) -> Optional[Caller]:
        found = self._unwinding.caller(node.address, node.behind, state, bool(node.clues & TRAP_FRAME))
        if found is None or found.slot is None:
            return found
        step = self._evidence.image.machine
        inside = node.behind <= found.slot < self._evidence.region.base
        if not inside or (not found.machine and not step.aligned(found.slot)):
            return found._replace(slot=None, minimum=node.behind)
        return found

    def _fits(self, older: int, caller: Caller) -> bool:
        return bool(self._nodes[older].clues & TRAP_FRAME) == caller.machine

    def _carry(self, older: int, registers: Registers, rank: int) -> None:
        """Notes registers for a candidate; those of a better rank take the place of all others."""
        known = self._rank.get(older, GUESSED)
        if rank < known:
            return
        if rank > known:
            self._states.pop(older, None)
        self._rank[older] = rank
        states = self._states.setdefault(older, [])
        if registers not in states and len(states) < MOST_STATES:
            states.append(registers)

    def _window(self, number: int, lowest: int, mask: int, open_ends: Sequence[Caller]) -> List[Edge]:
        """Steps to every candidate near enough."""
        node, found = self._nodes[number], []
        handlers = bool(open_ends) and all(caller.machine for caller in open_ends)
        for older in range(number + 1, min(len(self._nodes), number + 1 + WINDOW)):
            other = self._nodes[older]
            if other.slot > node.slot + REACH:
                break
            if other.slot < lowest or (handlers and not other.clues & TRAP_FRAME):
                continue
            clues = mask | self._link(node, older) | _size(other.slot - node.slot)
            if other.clues & TRAP_FRAME and not (handlers or node.clues & UNREAD):
                clues |= int(Clue.NO_TRAP)
            if node.clues & UNREAD:
                clues |= self._repeats(node, other)
            found.append((older, clues))
            for caller in open_ends:
                at = caller.saved.get(RBP)
                if at is not None:
                    self._carry(older, {RBP: self._evidence.image.word(other.slot - at)}, GUESSED)
        return found

    def _link(self, node: Node, older: int) -> int:
        """Whether the call before the older slot's address targets the function that runs in between."""
        target = self._nodes[older].target
        if self._nodes[older].clues & TRAP_FRAME:
            return 0
        modules = self._evidence.modules
        if target is None:
            return int(Clue.ANY_TARGET)
        function = self._unwinding.function(node.address)
        if function is not None:
            if function == target:
                return int(Clue.REACHED)
            return int(Clue.TAIL_POSSIBLE if self._unwinding.function(target + 1) is None else Clue.OTHER_TARGET)
        if modules.at(target) is not modules.at(node.address):
            return int(Clue.OTHER_TARGET)
        nearest = self._targets[bisect_right(self._targets, node.address) - 1] if self._targets else 0
        fits = nearest == target and node.address - target < NEAR
        return int(Clue.NEAR_TARGET if fits else Clue.OTHER_TARGET)

    def _repeats(self, node: Node, other: Node) -> int:
        """A function's frame has one size wherever it runs on at the same address, but for alloca."""
        sizes, count = self._sizes.get(node.address, ({}, 0))
        if count < 2:
            return 0
        seen = sizes.get(other.slot - node.slot, 0)
        if seen < 2:
            return int(Clue.NOT_REPEATED)
        return int(Clue.REPEATED_PAIR if seen == count else Clue.REPEATED_SIZE)


def _size(distance: int) -> int:
    return int(next((clue for most, clue in SIZES if distance <= most), Clue.OVER_800))


def _repeated(nodes: Sequence[Node]) -> Mapping[int, Tuple[Mapping[int, int], int]]:
    """For each unread return address how often each distance to a later candidate comes up, and how often itself."""
    found: Dict[int, Tuple[Counter[int], int]] = {}
    for number, node in enumerate(nodes):
        if node.clues & UNREAD:
            sizes, count = found.get(node.address, (Counter(), 0))
            sizes.update(other.slot - node.slot for other in nodes[number + 1 : number + 1 + WINDOW])
            found[node.address] = sizes, count + 1
    return found
