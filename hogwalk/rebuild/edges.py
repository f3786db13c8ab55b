"""The steps between candidate return slots, each with the clues for and against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, List, Optional, Sequence, Tuple

from hogwalk.analysis import Evidence
from hogwalk.rebuild.clues import Clue
from hogwalk.rebuild.functions import Functions, Prediction
from hogwalk.rebuild.nodes import Node
from hogwalk.rebuild.traps import Traps

DEPTH, DEPTH_LIKELY, DEPTH_POSSIBLE = int(Clue.DEPTH), int(Clue.DEPTH_LIKELY), int(Clue.DEPTH_POSSIBLE)
DEPTH_AT_LEAST, DEPTH_OTHER = int(Clue.DEPTH_AT_LEAST), int(Clue.DEPTH_OTHER)
DEPTH_OTHER_LIKELY, DEPTH_UNKNOWN = int(Clue.DEPTH_OTHER_LIKELY), int(Clue.DEPTH_UNKNOWN)
DEPTH_UNREAD, UNREAD = int(Clue.DEPTH_UNREAD), int(Clue.UNREAD)
CHAINED, CHAIN_BROKEN = int(Clue.CHAINED), int(Clue.CHAIN_BROKEN)
KEPT_WELL, KEPT_BADLY = int(Clue.EBP_KEPT_WELL), int(Clue.EBP_KEPT_BADLY)
HANDLER, NOT_HANDLER, HOLE = int(Clue.TRAP_HANDLER), int(Clue.NOT_TRAP_HANDLER), int(Clue.HOLE)
TRAPPED = int(Clue.TRAP_FRAME | Clue.SYSTEM_CALL)
TRAP_FRAME, SAVED_EBP = int(Clue.TRAP_FRAME), int(Clue.SAVED_EBP)
SIZES = tuple(
    (top, int(clue))
    for top, clue in zip(
        (0x20, 0x40, 0x80, 0x100, 0x200, 0x400, 0x800),
        (Clue.UP_TO_20, Clue.UP_TO_40, Clue.UP_TO_80, Clue.UP_TO_100, Clue.UP_TO_200, Clue.UP_TO_400, Clue.UP_TO_800),
    )
)
OVER_800 = int(Clue.OVER_800)
CONFIRMED = int(Clue.REACHED | Clue.TABLE_TARGET)
PLACED = DEPTH | CHAINED

WINDOW = 40  # candidates looked at where the depth is not known
REACH = 0x2000  # bytes: no frame seen is larger
FALLBACK = 10  # candidates looked at where none lies at the predicted place: the depth analysis may be wrong
FEW = 3  # where one does, but nothing else confirms it
HANDLER_REACH = 0x60  # bytes a handler uses below its trap frame: arguments of a system service, its own call

Edge = Tuple[int, int]  # the older node's number and the clues


@dataclass(frozen=True)
class Edges:
    """For each node its steps to older ones and where its function's return slot is predicted.

    Nodes that no walk comes to have no steps and no prediction.
    """

    steps: Sequence[Sequence[Edge]]
    predictions: Sequence[Optional[Prediction]]


class EdgeFinder:
    """Finds the steps of one stack."""

    def __init__(self, evidence: Evidence, nodes: Sequence[Node], functions: Functions, traps: Traps) -> None:
        self._nodes = nodes
        self._functions = functions
        self._traps = traps
        self._holes = evidence.image.holes
        self._limit, self._base = evidence.region.limit, evidence.region.base
        self._words = evidence.image.words
        self._numbers = {node.slot: number for number, node in enumerate(nodes)}

    def edges(self, starts: Iterable[int]) -> Edges:
        """Every step worth weighing between nodes that a walk from one of `starts` (numbers) can come to."""
        traps, count = self._traps.by_slot, len(self._nodes)
        reached = set(starts)
        steps: List[Sequence[Edge]] = [()] * count
        predictions: List[Optional[Prediction]] = [None] * count
        for number, node in enumerate(self._nodes):
            if number in reached:
                told = self._functions.predict(node, traps.get(node.slot) if node.clues & TRAPPED else None)
                predictions[number] = told
                steps[number] = self._steps(number, told)
                reached.update(older for older, _ in steps[number])
        return Edges(steps, predictions)

    def _steps(self, number: int, told: Prediction) -> List[Edge]:
        node, nodes = self._nodes[number], self._nodes
        hole = self._hole_above(node.slot)
        predicted = [self._numbers[slot] for slot in self._expected(node, told) if slot in self._numbers]
        found = [(older, self._clues(node, nodes[older], told, hole)) for older in predicted]
        if any(mask & CONFIRMED and mask & PLACED for _, mask in found):
            return found
        window = WINDOW if not (told.exact and told.slots) else FEW if found else FALLBACK
        reach = node.slot + REACH + (0 if hole is None else hole[1] - hole[0])
        for older in range(number + 1, min(len(nodes), number + 1 + window)):
            if nodes[older].slot > reach:
                break
            if older not in predicted:
                found.append((older, self._clues(node, nodes[older], told, hole)))
        return found

    def _expected(self, node: Node, told: Prediction) -> Tuple[int, ...]:
        """Where the code, or the saved EBP of a function that keeps a frame, says that the return slot lies."""
        if not told.slots and told.frame_ebp is not None and node.clues & SAVED_EBP:
            return (node.below + told.frame_ebp,)
        return told.slots

    def _hole_above(self, slot: int) -> Optional[Tuple[int, int]]:
        return next((hole for hole in self._holes if hole[0] > slot), None)

    def _clues(self, node: Node, older: Node, told: Prediction, hole: Optional[Tuple[int, int]]) -> int:
        if hole is not None and older.slot >= hole[1]:
            return HOLE | self._over_hole(told, hole)
        if older.clues & TRAPPED:
            return self._trapped(node, older)
        link = self._functions.link(node, older)
        return link | self._depth(node, older, told) | self._ebp(node, older, told)

    def _trapped(self, node: Node, older: Node) -> int:
        start = self._traps.by_slot[older.slot].start
        mask = HANDLER if start - HANDLER_REACH <= node.slot < start else NOT_HANDLER
        return mask if older.clues & TRAP_FRAME else mask | self._functions.link(node, older)

    def _over_hole(self, told: Prediction, hole: Tuple[int, int]) -> int:
        if not told.known or not told.slots:
            return DEPTH_UNKNOWN
        inside = any(hole[0] <= slot < hole[1] for slot in told.slots)
        return DEPTH if inside else DEPTH_OTHER

    def _depth(self, node: Node, older: Node, told: Prediction) -> int:
        if told.slots:
            if older.slot in told.slots:
                if told.exact:
                    return DEPTH
                return DEPTH_LIKELY if older.slot == told.slots[0] else DEPTH_POSSIBLE
            return DEPTH_OTHER if told.exact else DEPTH_OTHER_LIKELY
        size = _size(older.slot - node.slot)
        if told.known:
            return size | (DEPTH_AT_LEAST if older.slot >= told.minimum else DEPTH_OTHER)
        return size | (DEPTH_UNREAD if node.clues & UNREAD else DEPTH_UNKNOWN)

    def _ebp(self, node: Node, older: Node, told: Prediction) -> int:
        mask = 0
        frame = 4 if told.frame_ebp is None else told.frame_ebp
        if told.frame_ebp is not None or not told.known:
            if node.below == older.slot - frame:
                mask = CHAINED
            elif node.clues & SAVED_EBP and node.below < older.slot:
                mask = CHAIN_BROKEN
        if told.saved_ebp is not None:
            index = (older.slot - told.saved_ebp - self._limit) >> 2
            if 0 <= index < len(self._words):
                saved = self._words[index]
                if self._limit <= saved < self._base:
                    mask |= KEPT_WELL if saved > older.slot else KEPT_BADLY
        return mask


def _size(distance: int) -> int:
    for top, clue in SIZES:
        if distance <= top:
            return clue
    return OVER_800
