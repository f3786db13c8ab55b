"""Where a walk starts (the newest live return slot) and where it ends (the oldest one)."""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Sequence

from hogwalk.machine.windows import PAGE, STACK_OVERFLOW
from hogwalk.machine.x86.opcodes import INT3
from hogwalk.model import Registers
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.traps import Traps
from hogwalk.walk.rebuild.chained import Chains
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.edges import Edges
from hogwalk.walk.rebuild.functions import Prediction
from hogwalk.walk.rebuild.nodes import Node
from hogwalk.walk.rebuild.pairs import USUAL_FRAME
from hogwalk.walk.rebuild.reach import FARTHEST_START, PUSHED, Reach, size_clue

FROM_REGISTERS, NOT_REGISTERS = int(Clue.FROM_REGISTERS), int(Clue.NOT_REGISTERS)
EBP_START, BELOW_EBP_START = int(Clue.EBP_START), int(Clue.BELOW_EBP_START)
ESP_START = int(Clue.ESP_START)
CHAIN_END, CHAIN_LEAVES = int(Clue.CHAIN_END), int(Clue.CHAIN_LEAVES)
NEAR_START, FAR_START = int(Clue.NEAR_START), int(Clue.FAR_START)
BEHIND_HOLE, ANY_START = int(Clue.BEHIND_HOLE), int(Clue.ANY_START)
AT_LIMIT, MAY_REACH_FAR = int(Clue.REACHES_LIMIT), int(Clue.MAY_REACH_FAR)
USER_MODE, ZERO_EBP, NO_RETURN = int(Clue.USER_MODE), int(Clue.ZERO_EBP), int(Clue.NO_RETURN)
INTO_HOLE = int(Clue.HOLE)
NEAR_BASE, EARLY_END, PREDICTED_ON = int(Clue.NEAR_BASE), int(Clue.EARLY_END), int(Clue.PREDICTED_ON)
SAVED_EBP = int(Clue.SAVED_EBP)
UNREAD, PLACED = int(Clue.UNREAD), int(Clue.DEPTH | Clue.DEPTH_ALONE)

HOLE_NEAR = 0x100  # bytes above Limit: an unreadable page within these leaves nothing to start from below it
SAVED_NEAR = 0x1200  # bytes: a page, as some writers save whole ones, and some
FRAME = USUAL_FRAME[0]


def overflowed(evidence: Evidence) -> bool:
    """Whether the stack is known to have run into its limit: a double fault, or a program's stack overflow."""
    bugcheck, raised = evidence.about.bugcheck, evidence.fault.raised
    if raised is not None and raised.code == STACK_OVERFLOW:
        return True
    return bugcheck is not None and bugcheck.double_fault


def start_clues(
    evidence: Evidence, nodes: Sequence[Node], resumed: Optional[Prediction], reach: Reach, at_esp: Optional[int]
) -> Dict[int, int]:
    """For each node at which a walk can start, by number, the clues for and against it.

    `resumed` is what runs with the registers, None where these are not known; `at_esp` is as in Chains.
    """
    if evidence.registers is not None and resumed is not None:
        return _from_registers(evidence.registers, nodes, resumed, at_esp)
    if not overflowed(evidence):
        low = evidence.image.start
        return {number: _by_place(evidence, node.slot - low) for number, node in enumerate(nodes)}
    limit, mark = evidence.region.limit, 0
    hole = next((hole for hole in evidence.image.holes if hole[0] <= limit + HOLE_NEAR), None)
    if hole is not None:
        limit, mark = hole[1], BEHIND_HOLE
    found: Dict[int, int] = {}
    unread = _enters_unread(evidence, nodes)
    for number, node in enumerate(nodes):
        if node.slot >= limit and (node.slot - limit <= FARTHEST_START or not found):
            mask = reach.clues(node, node.slot - limit, page=bool(mark))
            mask = mask or (MAY_REACH_FAR if not mark and unread(node) else 0)
            if mask or not found:
                found[number] = mask | mark
    return found


def _from_registers(
    registers: Registers, nodes: Sequence[Node], resumed: Prediction, at_esp: Optional[int]
) -> Dict[int, int]:
    slots, framed = resumed.slots, registers.bp + FRAME
    if resumed.exact and resumed.certain:
        # However many frames of earlier calls lie farther on: they may all lie inside one large frame.
        sure = {number: FROM_REGISTERS for number, node in enumerate(nodes) if node.slot in slots}
        if sure:
            return sure
    chained = None if slots else next((node for node in nodes if node.slot == framed), None)
    by_ebp = None if chained is None else framed
    # EBP that points to a frame whose saved EBP points to another one is the frame's: the walk starts there or below.
    last = framed if chained is not None and chained.looks & SAVED_EBP else nodes[-1].slot if nodes else 0
    found: Dict[int, int] = {}
    for number, node in enumerate(nodes):
        if registers.sp <= node.slot <= last:
            size = 0 if slots or node.slot == framed else size_clue(node.slot - registers.sp)
            found[number] = ESP_START if node.slot == at_esp else _by_registers(node.slot, slots, by_ebp) | size
    return found


def _enters_unread(evidence: Evidence, nodes: Sequence[Node]) -> Callable[[Node], bool]:
    """Whether a node's call may enter code that cannot be read, and so a frame of any size."""
    at = evidence.modules.at
    dark = {module.start for module in (at(node.address) for node in nodes if node.clues & UNREAD) if module}

    def unread(node: Node) -> bool:
        if node.target is None:
            return bool(node.clues & UNREAD)
        module = at(node.target)
        return module is not None and module.start in dark

    return unread


def _by_registers(slot: int, slots: Sequence[int], framed: Optional[int]) -> int:
    """The clue for starting at a slot: where the code says, else where EBP points to, else nearby."""
    if slot in slots:
        return FROM_REGISTERS
    if framed is None or slot > framed:
        return NOT_REGISTERS
    return EBP_START if slot == framed else BELOW_EBP_START


def _by_place(evidence: Evidence, distance: int) -> int:
    """The clue for starting so many bytes above the lowest one: a minidump's stack is saved from ESP on."""
    if evidence.about.kernel:
        # So are the few words that people dump: what lies there is the newest, most likely.
        return AT_LIMIT if evidence.region.size < PAGE and distance <= PUSHED else ANY_START
    return NEAR_START if distance < SAVED_NEAR else FAR_START


def end_clues(
    evidence: Evidence,
    nodes: Sequence[Node],
    edges: Edges,
    traps: Traps,
    chains: Chains,
) -> List[int]:
    """For each node the clues for and against its being the oldest live one; 0 where no walk comes to."""
    found: List[int] = []
    for node, prediction, onward in zip(nodes, edges.predictions, edges.steps):
        mask = 0 if prediction is None else _end(evidence, node, prediction, traps, chains)
        placed = mask & EARLY_END and any(step & PLACED for _, step in onward)
        found.append(mask | PREDICTED_ON if placed else mask)
    return found


def _end(evidence: Evidence, node: Node, prediction: Prediction, traps: Traps, chains: Chains) -> int:
    mask, base = 0, evidence.region.base
    if node.clues & UNREAD and node.slot == chains.bottom:
        return CHAIN_END if chains.closed else CHAIN_LEAVES
    if any(start <= slot < base == end for start, end in evidence.image.holes[-1:] for slot in prediction.slots):
        return INTO_HOLE
    if prediction.exact and prediction.slots and _inside(prediction.slots, node.slot, base):
        mask |= PREDICTED_ON
    if any(trap.user for trap in traps.above(node.slot)):
        return mask | USER_MODE
    code = None if node.clues & UNREAD else evidence.reader.bytes_at(node.address, 1)
    if code is not None and code[0] == INT3:
        mask |= NO_RETURN
    if node.slot < evidence.oldest or evidence.region.size < PAGE:
        return mask | EARLY_END
    return mask | NEAR_BASE | (ZERO_EBP if node.below == 0 else 0)


def _inside(slots: Sequence[int], low: int, base: int) -> Optional[bool]:
    return any(low < slot < base for slot in slots)
