"""The steps between candidate return slots of an x64 stack: unwind data name the next one exactly."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Dict, List, Optional, Sequence, Set, Tuple

from hogwalk.machine.x64.unwind import RBP, Caller
from hogwalk.model import Registers
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.unwinding import Unwinding
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.edges import Edge
from hogwalk.walk.rebuild.nodes import Node
from hogwalk.walk.unwound.sizes import NO_SIZES, Sizes, window

TRAP_FRAME, UNREAD = int(Clue.TRAP_FRAME), int(Clue.UNREAD)
REACH = 0x2000  # bytes: no frame seen is larger
MOST_STATES = 4  # values of RBP with which one candidate is unwound
GUESSED, PLACED, FROM_START = range(3)  # how sure a candidate's registers are: the last come from the walk's start
SIZES = (
    (0x20, Clue.UP_TO_20), (0x40, Clue.UP_TO_40), (0x80, Clue.UP_TO_80), (0x100, Clue.UP_TO_100),
    (0x200, Clue.UP_TO_200), (0x400, Clue.UP_TO_400), (0x800, Clue.UP_TO_800),
)  # fmt: skip
SIZE_ENDS = [most for most, _ in SIZES]
SIZE_CLUES = [*(int(clue) for _, clue in SIZES), int(Clue.OVER_800)]
LOST_ENDS = [0x80, 0x200, 0x400]
LOST_CLUES = [int(Clue.LOST_80), int(Clue.LOST_200), int(Clue.LOST_400), 0]
MOST_PASSED = 8  # frames that keep RBP for their caller
NEAR, NEARER = 0x4000, 0x400  # bytes from a call's target to an address that its function may hold, where no table says
FEW = 3  # candidates passed over
OPEN = int(Clue.DEPTH_AT_LEAST) | int(Clue.DEPTH_UNREAD) | int(Clue.DEPTH_UNKNOWN) | int(Clue.DEPTH_OTHER)
CONVERGED, CROSSED = int(Clue.CONVERGED), int(Clue.CROSSED)
SKIPS_NONE, SKIPS_MANY = int(Clue.SKIPS_NONE), int(Clue.SKIPS_MANY)
NO_TRAP = int(Clue.NO_TRAP)
DEPTH, DEPTH_STARTED, DEPTH_OTHER = int(Clue.DEPTH), int(Clue.DEPTH_STARTED), int(Clue.DEPTH_OTHER)
REACHED, ANY_TARGET, TAIL_POSSIBLE = int(Clue.REACHED), int(Clue.ANY_TARGET), int(Clue.TAIL_POSSIBLE)
OTHER_TARGET, ELSEWHERE_TARGET = int(Clue.OTHER_TARGET), int(Clue.ELSEWHERE_TARGET)
NEAR_TARGET, FARTHER_TARGET = int(Clue.NEAR_TARGET), int(Clue.FARTHER_TARGET)
OTHER_EXACT = int(Clue.OTHER_EXACT)
Known = Dict[int, Optional[int]]  # registers by their number


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
        self._numbers = {slot: number for number, slot in enumerate(self._slots)}
        self._states: Dict[int, List[Known]] = {}
        self._rank: Dict[int, int] = {}
        self._links: Dict[Tuple[int, int], int] = {}
        self._sizes = Sizes(nodes)
        self._wide = window(len(nodes))
        self._thunks_unseen = evidence.about.kind == "text"  # a call that a log shows may lead through a thunk
        self._targets = sorted({node.target for node in nodes if node.target is not None})
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

    def steps(self) -> List[Sequence[Edge]]:
        """For each candidate its steps to older ones."""
        found = [() if number in self.leaving else self._steps(number) for number in range(len(self._nodes))]
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

    def function(self, address: int) -> Optional[int]:
        """The start of the function that holds a return address, by unwind data, else by its symbol; None: unknown."""
        found = self._unwinding.function(address)
        if found is not None:
            return found
        symbol, module = self._evidence.symbols.get(address), self._evidence.modules.at(address)
        named = symbol is not None and symbol.name and module is not None and module.symbols == "pdb"
        return address - symbol.displacement if named and symbol is not None else None

    def _between(self, number: int, edges: Sequence[Edge]) -> Sequence[Edge]:
        """The steps with what the candidates passed over say: dead ones of calls that have returned.

        They were called by the function that called the frame which lies there now, so their own return addresses
        lead to the very slot, and to none below it.
        """
        if not edges or not edges[0][1] & OPEN:
            return edges
        found: List[Edge] = []
        led: Set[int] = set()
        farthest, at, predicted, nodes = 0, number + 1, self.predicted, self._nodes
        for skipped, (older, mask) in enumerate(edges):
            while at < older:
                slot = predicted[at]
                if slot is not None:
                    led.add(slot)
                    if slot > farthest:
                        farthest = slot
                at += 1
            here = nodes[older].slot
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

    def reached(self, ip: int, number: int) -> int:
        """What the call at a candidate says of the function that runs at `ip`, which cannot be read."""
        return self._link(Node(0, ip + 1, 0, None, 0, 0, 0, False), number)

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
                started = self._rank.get(number) == FROM_START
                astray = self._leads(older, caller.registers.get(RBP)) & int(Clue.RBP_ASTRAY)
                found[older] = self._exact(node, older) | (DEPTH_STARTED if started else 0) | astray
                self._carry(older, caller.registers, FROM_START if started else PLACED)
        if found:
            return list(found.items())
        open_ends = [caller for caller in callers if caller is not None and caller.slot is None]
        mask = Clue.DEPTH_AT_LEAST if open_ends else Clue.DEPTH_UNREAD if node.clues & UNREAD else Clue.DEPTH_UNKNOWN
        lowest = min((caller.minimum for caller in open_ends), default=node.behind)
        if self.predicted[number] is not None:
            return self._lost(number)
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
        link = self._link(node, older)
        return DEPTH | (OTHER_EXACT if link == OTHER_TARGET else link)

    def _caller(self, node: Node, state: Known) -> Optional[Caller]:
        interrupted = bool(node.clues & TRAP_FRAME)
        found = self._unwinding.caller(node.address, node.behind, state, interrupted)
        if found is None and not interrupted:
            found = self._shown(node, state)
        if found is None or found.slot is None:
            return found
        step = self._evidence.image.machine
        inside = node.behind <= found.slot < self._evidence.region.base
        if not inside or (not found.machine and not step.aligned(found.slot)):
            settled = None if interrupted else self._unwinding.settled(node.address, node.behind, state)
            return settled or found._replace(slot=None, minimum=node.behind)
        return found

    def _shown(self, node: Node, state: Known) -> Optional[Caller]:
        """The caller by what the source itself shows of the function's unwind data (a log's `.fnent`)."""
        layout, word = self._evidence.layouts.get(node.address), self._evidence.image.machine.word
        if layout is None:
            return None
        saved = {} if layout.saved_ebp is None else {RBP: layout.saved_ebp}
        frame, slot = state.get(RBP), None
        if layout.depth is not None:
            slot = node.behind + layout.depth
        elif frame is not None and layout.frame_ebp is not None:
            slot = frame + layout.frame_ebp
        if slot is None:
            return Caller(None, node.behind, {}, False, node.behind, saved)
        kept = self._evidence.image.word(slot - saved[RBP]) if saved else frame if layout.ebp_kept else None
        return Caller(slot, slot + word, {RBP: kept}, False, slot, saved)

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
        if registers not in states and len(states) < MOST_STATES:
            states.append(registers)

    def _window(self, number: int, lowest: int, mask: int, open_ends: Sequence[Caller]) -> List[Edge]:
        """Steps to every candidate near enough."""
        nodes, node, found = self._nodes, self._nodes[number], []
        handlers = bool(open_ends) and all(caller.machine for caller in open_ends)
        places = [caller.saved[RBP] for caller in open_ends if RBP in caller.saved]
        slot, unread = node.slot, node.clues & UNREAD
        sizes = self._sizes.of(node.address) if unread else NO_SIZES
        for older in range(number + 1, min(len(nodes), number + 1 + self._wide)):
            other = nodes[older]
            distance = other.slot - slot
            if distance > REACH:
                break
            if other.slot < lowest or (handlers and not other.clues & TRAP_FRAME):
                continue
            clues = mask | self._link(node, older) | SIZE_CLUES[bisect_left(SIZE_ENDS, distance)]
            if other.clues & TRAP_FRAME and not (handlers or unread):
                clues |= NO_TRAP
            if unread:
                clues |= sizes.repeats(distance)
            saved = {self._evidence.image.word(other.slot - at) for at in places}
            for rbp in saved:
                self._carry(older, {RBP: rbp}, GUESSED)
            found.append((older, clues | (self._leads(older, saved.pop()) if len(saved) == 1 else 0)))
        return found

    def _leads(self, number: int, rbp: Optional[int]) -> int:
        """Whether the RBP with which a candidate's code runs on leads to a candidate, as soon as a frame needs it."""
        for _ in range(MOST_PASSED):
            node = self._nodes[number]
            if rbp is None or node.clues & (TRAP_FRAME | UNREAD):
                break
            frame = self._unwinding.frame_register(node.address, node.behind)
            if RBP in frame and frame[RBP] is not None:
                return int(Clue.RBP_LEADS if frame[RBP] == rbp else Clue.RBP_ASTRAY)
            caller = self._caller(node, {RBP: rbp})
            older = None if caller is None or caller.slot is None else self._numbers.get(caller.slot)
            on = older is not None and older > number
            if RBP in frame:
                return int(Clue.RBP_LEADS if on else Clue.RBP_ASTRAY)
            if caller is None or older is None or not on:
                break
            number, rbp = older, caller.registers.get(RBP)
        return 0

    def _link(self, node: Node, older: int) -> int:
        """Whether the call before the older slot's address targets the function that runs in between."""
        target = self._nodes[older].target
        if self._nodes[older].clues & TRAP_FRAME:
            return 0
        if target is None:
            return ANY_TARGET
        known = self._links.get((node.address, target))
        if known is None:
            known = self._links[node.address, target] = self._targets_it(target, node.address)
        return known

    def _targets_it(self, target: int, address: int) -> int:
        """Whether a call of `target` runs the function that holds a return address."""
        modules, other = self._evidence.modules, ELSEWHERE_TARGET if self._thunks_unseen else OTHER_TARGET
        function = self.function(address)
        if function is not None:
            if function == target:
                return REACHED
            tail = self._unwinding.function(target + 1) is None and not self._thunks_unseen
            return TAIL_POSSIBLE if tail else other
        if modules.at(target) is not modules.at(address):
            return other
        nearest = self._targets[bisect_right(self._targets, address) - 1] if self._targets else 0
        far = address - target
        if nearest != target or far >= NEAR:
            return ELSEWHERE_TARGET
        return NEAR_TARGET if far < NEARER else FARTHER_TARGET
