"""Turns a path through the candidates of an x64 stack into frames: each owns Child-SP up to the next Child-SP."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence, Tuple

from hogwalk.model import Frame, Gap, Source, Symbol, Trust
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.rebuild.clues import Clue, words
from hogwalk.walk.rebuild.collect import Candidates
from hogwalk.walk.rebuild.gaps import gaps_between
from hogwalk.walk.rebuild.nodes import Node

UNKNOWN_ADDRESS = 0
OVERWRITTEN = "unwind data say that it ends here, where no return address lies"


class Built(NamedTuple):
    """One frame, the clues for it in words, and the number of its node (None where its slot holds no candidate)."""

    frame: Frame
    reason: str
    node: Optional[int]


class Builder:
    """Builds the frames of one path."""

    def __init__(self, evidence: Evidence, found: Candidates, predicted: Sequence[Optional[int]]) -> None:
        self._evidence = evidence
        self._found = found
        self._predicted = predicted

    def build(self, path: Sequence[int]) -> Tuple[Tuple[Built, ...], Tuple[Gap, ...]]:
        """The frames of a path, newest first, and all bytes of the stack that they do not hold."""
        built: List[Built] = []
        newer: Optional[int] = None
        for number in path:
            if newer is None:
                built.append(self._first(number))
            else:
                mask = dict(self._found.edges.steps[newer])[number]
                built.extend(self._lost(newer, number, mask) if mask & Clue.DEPTH_OTHER else [])
                if not mask & Clue.DEPTH_OTHER:
                    built.append(self._step(newer, number, mask))
            newer = number
        word, holes = self._evidence.image.machine.word, self._evidence.image.holes
        return tuple(built), gaps_between(self._evidence.region, [one.frame for one in built], holes, word)

    def _first(self, number: int) -> Built:
        node, registers = self._found.nodes[number], self._evidence.registers
        mask = self._found.starts[number]
        if registers is None or not mask & Clue.FROM_REGISTERS:
            return Built(self._frame(node, node.target, None, None, mask), words(mask | node.clues), number)
        start = max(registers.sp, self._evidence.region.limit)
        size = node.slot + self._evidence.image.machine.word - start
        return Built(self._frame(node, registers.ip, registers.sp, size, mask), words(mask | node.clues), number)

    def _step(self, newer: int, number: int, mask: int) -> Built:
        runs, node = self._found.nodes[newer], self._found.nodes[number]
        end = runs.slot + self._evidence.image.machine.word
        size = node.slot - runs.slot
        return Built(self._frame(node, runs.address, end, size, mask), words(mask | node.clues), number)

    def _lost(self, newer: int, number: int, mask: int) -> List[Built]:
        """The frame whose return address is gone, and the first one after the stretch where it was."""
        runs, node, end = self._found.nodes[newer], self._found.nodes[number], self._predicted[newer]
        built: List[Built] = []
        if end is not None and end < node.slot:
            symbol = self._symbol(runs.address)
            size, start = end - runs.slot, runs.slot + self._evidence.image.machine.word
            frame = Frame(start, end, UNKNOWN_ADDRESS, runs.address, size, symbol, Source.HOGWALK, Trust.NONE)
            built.append(Built(frame, OVERWRITTEN, None))
        built.append(Built(self._frame(node, node.target, None, None, mask), words(mask | node.clues), number))
        return built

    def _frame(self, node: Node, running: Optional[int], start: Optional[int], size: Optional[int], mask: int) -> Frame:
        symbol = None if running is None else self._symbol(running)
        address = UNKNOWN_ADDRESS if running is None else running
        trust = _trust(node, mask)
        return Frame(start, node.slot, node.address, address, size, symbol, Source.HOGWALK, trust)

    def over_hole(self, newer: int, number: int) -> List[Built]:
        """None: what an unreadable page holds is not charged on x64."""
        return []

    def last(self, number: int) -> List[Built]:
        """None: see over_hole."""
        return []

    def _symbol(self, address: int) -> Optional[Symbol]:
        known = self._evidence.symbols.get(address)
        if known is not None:
            return known
        module = self._evidence.modules.at(address)
        return None if module is None else Symbol(module.name, "", address - module.start)


def _trust(node: Node, mask: int) -> Trust:
    if node.clues & Clue.TRAP_FRAME:
        return Trust.TRAP
    if node.clues & Clue.UNREAD:
        return Trust.UNREAD
    return Trust.LINKED if mask & Clue.REACHED else Trust.CALL
