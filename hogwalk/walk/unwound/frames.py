"""Turns a path through the candidates of an x64 stack into frames: each owns Child-SP up to the next Child-SP."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence, Tuple

from hogwalk.machine.x64.prologue import MACHINE_FRAME
from hogwalk.model import Frame, Source, Symbol, Trust
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.gaps import Gap, gaps
from hogwalk.walk.rebuild.clues import Clue, words
from hogwalk.walk.rebuild.collect import Candidates
from hogwalk.walk.rebuild.ends import overflowed
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
        self.word = evidence.image.machine.word

    def build(self, path: Sequence[int]) -> Tuple[Tuple[Built, ...], Tuple[Gap, ...]]:
        """The frames of a path, newest first, and all bytes of the stack that they do not hold."""
        built: List[Built] = []
        newer: Optional[int] = None
        for number in path:
            if newer is None:
                built.append(self.first(number))
            else:
                mask = dict(self._found.edges.steps[newer])[number]
                built.extend(self._lost(newer, number, mask) if mask & Clue.DEPTH_OTHER else [])
                if not mask & Clue.DEPTH_OTHER:
                    built.append(self._step(newer, number, mask))
            newer = number
        frames, holes = [one.frame for one in built], self._evidence.image.holes
        return tuple(built), gaps(self._evidence.region, frames, holes, self.word)

    def first(self, number: int) -> Built:
        """The frame of the function that runs where the walk starts: from RSP, or from where a full stack ends."""
        node, registers = self._found.nodes[number], self._evidence.registers
        mask, limit = self._found.starts[number], self._evidence.region.limit
        running, start, low = self._entered(node), None, None
        if registers is not None and not mask & Clue.NOT_REGISTERS:
            running, start, low = registers.ip, registers.sp, max(registers.sp, limit)
        elif registers is None and running is not None and overflowed(self._evidence):
            start = low = limit
        size = None if low is None else self._end(node) - low
        return Built(self._frame(node, running, start, size, mask), words(mask | node.clues), number)

    def _entered(self, node: Node) -> Optional[int]:
        """The function that the call before a return address enters; None: not known, as behind a thunk.

        A function without unwind data in a module that has them keeps no frame: it jumps to the one that does.
        """
        unwinding, target = self._evidence.unwinding, node.target
        unwinder = None if unwinding is None or target is None else unwinding.of(target)
        if unwinder is not None and target is not None and unwinder.table.entry(target) is None:
            return None
        return target

    def _step(self, newer: int, number: int, mask: int) -> Built:
        runs, node = self._found.nodes[newer], self._found.nodes[number]
        start = self._end(runs)
        size = self._end(node) - start
        return Built(self._frame(node, runs.address, start, size, mask), words(mask | node.clues), number)

    def _end(self, node: Node) -> int:
        """The first address above the frame that ends with a node: the RSP that its caller runs on with."""
        if not node.clues & Clue.TRAP_FRAME:
            return node.slot + self.word
        return node.behind if node.slot < node.behind <= self._evidence.region.base else node.slot + MACHINE_FRAME

    def _lost(self, newer: int, number: int, mask: int) -> List[Built]:
        """The frame whose return address is gone, and the first one after the stretch where it was."""
        runs, node, end = self._found.nodes[newer], self._found.nodes[number], self._predicted[newer]
        built: List[Built] = []
        if end is not None and end < node.slot:
            symbol = self._symbol(runs.address)
            start = self._end(runs)
            size = end + self.word - start
            frame = Frame(start, end, UNKNOWN_ADDRESS, runs.address, size, symbol, Source.HOGWALK, Trust.NONE)
            built.append(Built(frame, OVERWRITTEN, None))
        built.append(Built(self._frame(node, node.target, None, None, mask), words(mask | node.clues), number))
        return built

    def _frame(self, node: Node, running: Optional[int], start: Optional[int], size: Optional[int], mask: int) -> Frame:
        symbol = None if running is None else self._symbol(running)
        address = UNKNOWN_ADDRESS if running is None else running
        trust = _trust(node, mask)
        end = self._end(node) if node.clues & Clue.TRAP_FRAME else None
        return Frame(start, node.slot, node.address, address, size, symbol, Source.HOGWALK, trust, end)

    def end(self, number: int) -> int:
        """The RSP that the code behind a node runs on with."""
        return self._end(self._found.nodes[number])

    def over_hole(self, newer: int, number: int) -> List[Built]:
        """The frame whose return address is gone, and the first one behind: what lies between is charged to nobody."""
        return self._lost(newer, number, 0)

    def last(self, number: int) -> List[Built]:
        """None: what lies below the last frame is charged to nobody."""
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
