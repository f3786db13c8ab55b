"""Turns the best path through the candidates into frames, with the reasons for each."""

from __future__ import annotations

from dataclasses import replace
from typing import List, NamedTuple, Optional, Sequence, Tuple

from hogwalk.model import Frame, Source, Symbol, Trust
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.gaps import Gap, gaps
from hogwalk.walk.rebuild.clues import Clue, words
from hogwalk.walk.rebuild.collect import CluedStack
from hogwalk.walk.rebuild.ends import overflowed
from hogwalk.walk.rebuild.nodes import Node

UNKNOWN_ADDRESS = 0
TRAPPED = Clue.TRAP_FRAME | Clue.SYSTEM_CALL
CONFIRMED = Clue.REACHED | Clue.STARTED | Clue.TABLE_TARGET | Clue.TAIL_REACHED
# Clues for a start by which the function at EIP is the one that returns there: the code's, or where that says nothing,
# the usual meaning of EBP (ESP: the return slot itself, of what has no frame).
BY_REGISTERS = Clue.FROM_REGISTERS | Clue.EBP_START | Clue.ESP_START
NO_RETURN_ADDRESS = "the stack depth says that it ends here, in a page that cannot be read"
AT_LEAST = "it runs into a page that cannot be read: counted up to there"


class Built(NamedTuple):
    """One frame, the clues for it in words, and the number of its node (None where its slot cannot be read)."""

    frame: Frame
    reason: str
    node: Optional[int]


class FrameBuilder:
    """Builds the frames of one path."""

    def __init__(self, evidence: Evidence, clued: CluedStack) -> None:
        self._evidence = evidence
        self._clued = clued
        self._holes = evidence.image.holes
        self.word = evidence.image.machine.word
        self._names = {
            known - symbol.displacement: symbol
            for known, symbol in evidence.symbols.items()
            if symbol is not None and symbol.name
        }

    def build(self, path: Sequence[int]) -> Tuple[Tuple[Built, ...], Tuple[Gap, ...]]:
        """The frames of a path, newest first, and all bytes of the stack that they do not hold."""
        built: List[Built] = []
        newer: Optional[int] = None
        for number in path:
            if newer is None:
                built.append(self.first(number))
            else:
                mask = dict(self._clued.edges.steps[newer])[number]
                if mask & Clue.HOLE:
                    built.extend(self.over_hole(newer, number))
                else:
                    built.append(self._step(newer, number, mask))
            newer = number
        if newer is not None:
            built.extend(self.last(newer))
        return tuple(built), gaps(self._evidence.region, [one.frame for one in built], self._holes, self.word)

    def first(self, number: int) -> Built:
        """The function that runs where the walk starts: its bytes reach from ESP, or from Limit, to its return slot."""
        mask, node, evidence = self._clued.starts[number], self._clued.nodes[number], self._evidence
        registers, limit = evidence.registers, evidence.region.limit
        known = registers is not None and bool(mask & BY_REGISTERS)
        running = registers.ip if registers is not None and known else self._target(node)
        low: Optional[int] = None
        if registers is not None:
            low = max(registers.sp, limit) if known else None
        elif overflowed(evidence):
            low = self._holes[0][1] if mask & Clue.BEHIND_HOLE else limit
            probe = None if running is None else self._clued.functions.probe(running)
            low = low if probe is None else max(low, node.slot - probe)
        size = None if low is None or running is None or low > node.slot else node.slot + self.word - low
        frame = replace(self._frame(node, running, size, mask), running=True)
        return Built(frame, words(mask | node.clues), number)

    def _step(self, newer: int, number: int, mask: int) -> Built:
        runs, node = self._clued.nodes[newer], self._clued.nodes[number]
        frame = self._frame(node, runs.address, node.slot - runs.slot, mask)
        if frame.trust is Trust.TRAP:  # as kf shows it: a handler's row has the ChildEBP of the function it called
            frame = replace(frame, frame_ptr=runs.slot - self.word)
        return Built(frame, words(mask | node.clues), number)

    def _frame(self, node: Node, running: Optional[int], size: Optional[int], mask: int) -> Frame:
        symbol = None if running is None else self._symbol(running)
        running = UNKNOWN_ADDRESS if running is None else running
        trust = _trust(node, mask)
        return Frame(node.slot - self.word, node.slot, node.address, running, size, symbol, Source.HOGWALK, trust)

    def end(self, number: int) -> int:
        """The node's slot: what lies between two of them is a frame's."""
        return self._clued.nodes[number].slot

    def over_hole(self, newer: int, number: int) -> List[Built]:
        """The frame that runs into an unreadable page, where its depth is known, and the first one behind it."""
        mask, node = dict(self._clued.edges.steps[newer])[number], self._clued.nodes[number]
        built, end = self._into_hole(newer), self._hole_above(newer)[1]
        target = self._target(node)
        own = node.slot + self.word - end if target is not None else None
        built.append(Built(self._frame(node, target, own, mask), words(mask | node.clues), number))
        return built

    def last(self, number: int) -> List[Built]:
        """What follows the oldest return slot found: the frame that runs into an unreadable page at the stack's end.

        Where user mode entered the kernel, the entry code's own row, which keeps no bytes, as with kf.
        """
        if self._clued.ends[number] & Clue.HOLE:
            return self._into_hole(number)
        node = self._clued.nodes[number]
        trap = next((trap for trap in self._evidence.traps.above(node.slot) if trap.user), None)
        if trap is None or not self._clued.ends[number] & Clue.USER_MODE:
            return []
        symbol, frame_ptr = self._symbol(node.address), node.slot - self.word
        entry = Frame(frame_ptr, node.slot, trap.ip, node.address, 0, symbol, Source.HOGWALK, Trust.TRAP)
        return [Built(entry, words(Clue.USER_MODE), None)]

    def _into_hole(self, newer: int) -> List[Built]:
        """The frame that runs into an unreadable page: as far as its depth is known, else as far as can be read.

        No return address of its own lies below the page, else the walk would not lead over it.
        """
        runs, prediction = self._clued.nodes[newer], self._clued.edges.predictions[newer]
        start, end = self._hole_above(newer)
        if prediction is None or not prediction.known or any(not start <= slot < end for slot in prediction.slots):
            return []
        exact = prediction.exact and len(prediction.slots) == 1
        last, reason = (prediction.slots[0], NO_RETURN_ADDRESS) if exact else (start, AT_LEAST)
        symbol, size = self._symbol(runs.address), last - runs.slot
        return [
            Built(
                Frame(last - self.word, last, UNKNOWN_ADDRESS, runs.address, size, symbol, Source.HOGWALK, Trust.NONE),
                reason,
                None,
            )
        ]

    def _hole_above(self, number: int) -> Tuple[int, int]:
        hole = self._evidence.image.next_hole(self._clued.nodes[number].slot)
        assert hole is not None  # there is a step over it
        return hole

    def _target(self, node: Node) -> Optional[int]:
        """The function that the call before a node's return address enters, as far as one module is certain."""
        if node.target is not None:
            return node.target
        if not node.dispatch:
            return None
        table = self._clued.links.table(node)
        owners = {module.name for module in map(self._evidence.modules.at, table) if module is not None}
        return min(table) if len(table) == 1 or len(owners) == 1 else None

    def _symbol(self, address: int) -> Optional[Symbol]:
        known = self._evidence.symbols.get(address)
        if known is not None:
            return known
        module = self._evidence.modules.at(address)
        if module is None:
            return None
        start = address if address in self._names else self._clued.functions.nearest(address)
        named = None if start is None else self._names.get(start)
        if named is not None and start is not None and named.module == module.name:
            return Symbol(module.name, named.name, address - start)
        return Symbol(module.name, "", address - module.start)


def _trust(node: Node, mask: int) -> Trust:
    if node.clues & TRAPPED:
        return Trust.TRAP
    if node.clues & Clue.UNREAD:
        return Trust.UNREAD
    return Trust.LINKED if mask & CONFIRMED else Trust.CALL
