"""The steps between candidate return slots of an x64 stack: unwind data name the next one exactly."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Dict, List, Optional, Sequence, Set

from hogwalk.machine.x64.unwind import RBP, Caller
from hogwalk.model import Registers
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.unwinding import Unwinding
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.nodes import Edge, Node
from hogwalk.walk.unwound.callers import Callers, Known
from hogwalk.walk.unwound.forks import Forks
from hogwalk.walk.unwound.kept import Kept
from hogwalk.walk.unwound.links import OTHER_TARGET, Links
from hogwalk.walk.unwound.sizes import Sizes, window

TRAP_FRAME, UNREAD, CALL = int(Clue.TRAP_FRAME), int(Clue.UNREAD), int(Clue.CALL)
REACH = 0x2000  # bytes: no frame seen is larger
MOST_STATES = 4  # values of RBP with which one candidate is unwound
GUESSED, PLACED, FROM_START = range(3)  # how sure a candidate's registers are: the last come from the walk's start
SIZES = (
    (0x20, Clue.UP_TO_20), (0x40, Clue.UP_TO_40), (0x80, Clue.UP_TO_80), (0x100, Clue.UP_TO_100),
    (0x200, Clue.UP_TO_200), (0x400, Clue.UP_TO_400), (0x800, Clue.UP_TO_800),
)  # fmt: skip
SIZE_ENDS = [most for most, _ in SIZES]
SIZE_CLUES = [*(int(clue) for _, clue in SIZES), int(Clue.OVER_800)]
ALLOCA_ENDS = [0x40, 0x100, 0x400]
ALLOCA_CLUES = [int(Clue.ALLOCA_40), int(Clue.ALLOCA_100), int(Clue.ALLOCA_400), 0]
LOST_ENDS = [0x80, 0x200, 0x400]
LOST_CLUES = [int(Clue.LOST_80), int(Clue.LOST_200), int(Clue.LOST_400), 0]
FEW = 3  # candidates passed over
OPEN = int(Clue.DEPTH_AT_LEAST) | int(Clue.DEPTH_UNREAD) | int(Clue.DEPTH_UNKNOWN) | int(Clue.DEPTH_OTHER)
CONVERGED, CROSSED = int(Clue.CONVERGED), int(Clue.CROSSED)
SKIPS_NONE, SKIPS_MANY = int(Clue.SKIPS_NONE), int(Clue.SKIPS_MANY)
NO_TRAP = int(Clue.NO_TRAP)
DEPTH, DEPTH_STARTED, DEPTH_OTHER = int(Clue.DEPTH), int(Clue.DEPTH_STARTED), int(Clue.DEPTH_OTHER)
RBP_ASTRAY = int(Clue.RBP_ASTRAY)
OTHER_EXACT = int(Clue.OTHER_EXACT)


class StepFinder:
    """Finds the steps of one stack, newest candidate first, and carries RBP along them.

    `predicted` holds for each candidate where unwind data say that its function's return slot lies (None: open), and
    `ends` the candidates from which the walk leaves this stack.
    """

    def __init__(self, evidence: Evidence, unwinding: Unwinding, nodes: Sequence[Node]) -> None:
        self._evidence = evidence
        self._unwinding = unwinding
        self._nodes = nodes
        self._slots = [node.slot for node in nodes]
        self._states: Dict[int, List[Known]] = {}
        self._rank: Dict[int, int] = {}
        self._links = Links(evidence, unwinding, nodes)
        self._callers = Callers(evidence, unwinding, nodes)
        self.function = self._links.function
        self._sizes = Sizes(nodes)
        called = {node.slot for node in nodes if node.clues & CALL}
        self._kept = Kept(evidence.image, unwinding, called)
        self._wide = window(len(nodes))
        self._nothing: List[Known] = [{}]
        self.predicted: List[Optional[int]] = [None] * len(nodes)
        self.leaving = {number for number, node in enumerate(nodes) if self._leaves(node)}

    def _leaves(self, node: Node) -> bool:
        return bool(node.clues & TRAP_FRAME) and not node.slot < node.behind < self._evidence.region.base

    def onward(self, number: int) -> Optional[Registers]:
        """The registers of the code that a machine frame was pushed for, where that ran on another kernel stack."""
        node = self._nodes[number]
        if number not in self.leaving or node.behind <= self._evidence.image.machine.mask >> 1:
            return None
        known = self._states.get(number, [{}])[0].get(RBP)
        return Registers(node.address, node.behind, known or 0, "the machine frame that ends the newer segment")

    def begin(self, number: int, registers: Known) -> None:
        """Notes the registers with which a candidate's code runs on, where the walk's start names them."""
        self._carry(number, registers, FROM_START)

    def steps(self, settled: bool = False) -> List[Sequence[Edge]]:
        """For each candidate its steps to older ones; `settled`: the candidates are those of the one walk there is."""
        found = [() if number in self.leaving else self._steps(number) for number in range(len(self._nodes))]
        if not settled:  # else nothing is left to tell apart
            forks = Forks(self._evidence, self._unwinding, self._nodes, self.predicted, self._links.stays)
            found = forks.judged(found)
        return [self._shadowed(number, self._between(number, edges)) for number, edges in enumerate(found)]

    def _shadowed(self, number: int, edges: Sequence[Edge]) -> Sequence[Edge]:
        """The steps with what the thread's shadow stack says of them; it holds nothing but the truth."""
        pairs, nodes = self._evidence.shadow, self._nodes
        if not pairs:
            return edges
        newer = nodes[number].address
        known = [(newer, nodes[older].address) in pairs for older, _ in edges]
        clues = [int(Clue.SHADOWED if here else Clue.SHADOW_OTHER) for here in known]
        return [(older, mask | clue) for (older, mask), clue in zip(edges, clues)]

    def reached(self, ip: int, number: int) -> int:
        """What the call at a candidate says of the function that runs at `ip`, which cannot be read."""
        return self._links.of(ip + 1, number)

    def _between(self, number: int, edges: Sequence[Edge]) -> Sequence[Edge]:
        """The steps with what the candidates passed over say: dead ones of calls that have returned.

        They were called by the function that called the frame which lies there now, so their own return addresses
        lead to the very slot, and to none below it.
        """
        if not edges or not edges[0][1] & OPEN:
            return edges
        found: List[Edge] = []
        led: Set[int] = set()
        farthest, at, predicted, slots = 0, number + 1, self.predicted, self._slots
        for skipped, (older, mask) in enumerate(edges):
            while at < older:
                slot = predicted[at]
                if slot is not None:
                    led.add(slot)
                    if slot > farthest:
                        farthest = slot
                at += 1
            here = slots[older]
            if here in led:
                mask |= CONVERGED
            if farthest > here:
                mask |= CROSSED
            if not skipped:
                mask |= SKIPS_NONE
            elif skipped > FEW:
                mask |= SKIPS_MANY
            found.append((older, mask))
        return found

    def _steps(self, number: int) -> Sequence[Edge]:
        node = self._nodes[number]
        whole = None if node.clues & TRAP_FRAME else self._unwinding.whole(node.address)
        if whole is not None and whole.slot is not None and self._callers.inside(node, node.behind + whole.slot):
            slot = self.predicted[number] = node.behind + whole.slot
            older = self._callers.number(slot)
            if older is None or self._nodes[older].clues & TRAP_FRAME:
                return self._lost(number)
            carried = [self._after(whole, node.behind, state) for state in self._states.get(number, self._nothing)]
            return [(older, self._certain(number, older, whole, carried))]
        return self._open(number)

    def _after(self, whole: Caller, rsp: int, state: Known) -> Known:
        """The registers behind a frame that RSP alone undoes, of those that frame any function here."""
        kept, word = whole.registers, self._evidence.image.word
        return {
            register: word(rsp + (kept[register] or 0)) if register in kept else state.get(register)
            for register in self._callers.framing
        }

    def _certain(self, number: int, older: int, caller: Caller, carried: Sequence[Known]) -> int:
        """The clues of the step that unwind data name, with the registers that they lead to."""
        node, rank = self._nodes[number], self._rank.get(number, GUESSED)
        mask = self._exact(node, older)
        if rank == FROM_START:
            mask |= DEPTH_STARTED
        else:
            mask |= self._kept.returns((caller,), self._slots[older])
        astray = 0
        for registers in carried:
            astray = self._callers.leads(older, registers.get(RBP)) & RBP_ASTRAY
            self._carry(older, registers, FROM_START if rank == FROM_START else PLACED)
        return mask | astray

    def _open(self, number: int) -> Sequence[Edge]:
        """The steps of a candidate where RSP alone does not tell."""
        node = self._nodes[number]
        found: Dict[int, int] = {}
        callers = [self._callers.of(node, state) for state in self._states.get(number, self._nothing)]
        for caller in callers:
            if caller is None or caller.slot is None:
                continue
            self.predicted[number] = caller.slot
            older = self._callers.number(caller.slot)
            if older is not None and older > number and self._fits(older, caller):
                found[older] = self._certain(number, older, caller, [caller.registers])
        if found:
            return list(found.items())
        open_ends = [caller for caller in callers if caller is not None and caller.slot is None]
        mask = Clue.DEPTH_AT_LEAST if open_ends else Clue.DEPTH_UNREAD if node.clues & UNREAD else Clue.DEPTH_UNKNOWN
        lowest = min((caller.minimum for caller in open_ends), default=node.behind)
        if self.predicted[number] is not None:
            return self._lost(number)
        if node.clues & UNREAD and not open_ends:
            return self._unread(number, int(mask))
        return self._window(number, lowest, int(mask), open_ends)

    def _lost(self, number: int) -> List[Edge]:
        """Steps from a frame whose return address is gone: to any candidate beyond it, and none is its caller's.

        Where RBP was only guessed the frame may end elsewhere.
        """
        node, end = self._nodes[number], self.predicted[number]
        guessed = number in self._states and self._rank[number] == GUESSED
        least = node.slot if end is None or guessed else end
        slots = self._slots
        first, end = bisect_right(slots, least, number + 1), bisect_right(slots, least + REACH, number + 1)
        beyond = range(first, min(end, first + self._wide))
        return [(at, DEPTH_OTHER | LOST_CLUES[bisect_left(LOST_ENDS, slots[at] - slots[first])]) for at in beyond]

    def _exact(self, node: Node, older: int) -> int:
        """The clues of a step that unwind data name: only a tail call makes it one from another function."""
        link = self._links.of(node.address, older)
        jumped = link == OTHER_TARGET and not self._links.stays(self._links.keys[older])
        return DEPTH | (OTHER_EXACT if jumped else link)

    def _fits(self, older: int, caller: Caller) -> bool:
        return bool(self._nodes[older].clues & TRAP_FRAME) == caller.machine

    def _carry(self, older: int, registers: Known, rank: int) -> None:
        """Notes registers for a candidate; those of a better rank take the place of all others."""
        known = self._rank.get(older, GUESSED)
        if rank < known:
            return
        if rank > known:
            self._states.pop(older, None)
        self._rank[older] = rank
        states = self._states.setdefault(older, [])
        registers = {register: registers.get(register) for register in self._callers.framing}
        if registers not in states and len(states) < MOST_STATES:
            states.append(registers)

    def _unread(self, number: int, mask: int) -> List[Edge]:
        """Steps from code that cannot be read, to every candidate near enough."""
        node, slots, keys = self._nodes[number], self._slots, self._links.keys
        links, sizes = self._links.row(node.address), self._sizes.of(node.address)
        first = bisect_left(slots, node.behind, number + 1)
        end = min(bisect_right(slots, node.slot + REACH, number + 1), number + 1 + self._wide)
        far = [slot - node.slot for slot in slots[first:end]]
        told = [mask | links[key] for key in keys[first:end]]
        return [
            (at, clues | SIZE_CLUES[bisect_left(SIZE_ENDS, size)] | sizes[size])
            for at, clues, size in zip(range(first, end), told, far)
        ]

    def _window(self, number: int, lowest: int, mask: int, open_ends: Sequence[Caller]) -> List[Edge]:
        """Steps to every candidate near enough."""
        nodes, node, found = self._nodes, self._nodes[number], []
        handlers = bool(open_ends) and all(caller.machine for caller in open_ends)
        places = [caller.saved[RBP] for caller in open_ends if RBP in caller.saved]
        slot, unread = node.slot, node.clues & UNREAD
        seen = self._kept.seen(node)
        for older in range(number + 1, min(len(nodes), number + 1 + self._wide)):
            other = nodes[older]
            distance = other.slot - slot
            if distance > REACH:
                break
            if other.slot < lowest or (handlers and not other.clues & TRAP_FRAME):
                continue
            clues = mask | self._links.of(node.address, older) | SIZE_CLUES[bisect_left(SIZE_ENDS, distance)]
            if other.clues & TRAP_FRAME and not (handlers or unread):
                clues |= NO_TRAP
            if unread:
                clues |= self._sizes.of(node.address)[distance]
            elif open_ends:
                clues |= seen(other.slot) | self._kept.returns(open_ends, other.slot)
                clues |= ALLOCA_CLUES[bisect_left(ALLOCA_ENDS, other.slot - lowest)]
            saved = {self._evidence.image.word(other.slot - at) for at in places}
            for rbp in saved:
                self._carry(older, {RBP: rbp}, GUESSED)
            found.append((older, clues | (self._callers.leads(older, saved.pop()) if len(saved) == 1 else 0)))
        return found
