"""Whether the call at an older slot leads into the function that runs behind a newer one."""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterable, Optional, Set, Tuple

from hogwalk.machine.words import X86
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.starts import FARTHEST
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.functions import Functions
from hogwalk.walk.rebuild.nodes import Node

WORD = X86.word

REACHED, STARTED, NEAR_TARGET = int(Clue.REACHED), int(Clue.STARTED), int(Clue.NEAR_TARGET)
OTHER_TARGET, ANY_TARGET = int(Clue.OTHER_TARGET), int(Clue.ANY_TARGET)
TABLE_TARGET, NO_TABLE_TARGET = int(Clue.TABLE_TARGET), int(Clue.NO_TABLE_TARGET)
TAIL_REACHED, TAIL_POSSIBLE = int(Clue.TAIL_REACHED), int(Clue.TAIL_POSSIBLE)
UNREAD, TRAP_FRAME = int(Clue.UNREAD), int(Clue.TRAP_FRAME)

DEVICE_TYPE, DRIVER_TYPE = 3, 4  # IO_TYPE_DEVICE, IO_TYPE_DRIVER (ntddk.h)
DEVICE_DRIVER, DRIVER_TABLE, TABLE_ENTRIES = 0x08, 0x38, 28


class Links:
    """Judges links; every pair of a target and a return address once."""

    def __init__(self, evidence: Evidence, functions: Functions) -> None:
        self._evidence = evidence
        self._functions = functions
        self._links: Dict[Tuple[int, int], int] = {}
        self._tails: Dict[Tuple[int, int], int] = {}
        self._tables: Dict[int, FrozenSet[int]] = {}
        self._nearest: Dict[int, Optional[int]] = {}

    def link(self, node: Node, older: Node) -> int:
        """The clue that the call at `older` gives about the function that runs behind `node`."""
        target, address = older.target, node.address
        if target is None:
            return self._dispatched(node, older) if older.dispatch else ANY_TARGET
        if address not in self._nearest:
            self._nearest[address] = self._functions.nearest(address)
        if self._nearest[address] != target:
            return OTHER_TARGET
        key = (target, address)
        found = self._links.get(key)
        if found is None:
            found = self._links[key] = self._judge(target, node)
        return found

    def _judge(self, target: int, node: Node) -> int:
        """The same for a target that is the nearest known start at or below the node's return address."""
        modules, functions = self._evidence.modules, self._functions
        if modules.at(target) is not modules.at(node.address):
            return OTHER_TARGET
        if self._unread(node):
            return NEAR_TARGET
        if functions.starts.named(node.address) == target or functions.holds(target, node):
            return REACHED
        if self._evidence.reader.bytes_at(target, 1) is None:
            return NEAR_TARGET  # functions that nobody calls here may lie between
        return STARTED if functions.start(node.address) == target else OTHER_TARGET

    def _unread(self, node: Node) -> bool:
        """Whether the code that runs behind a node cannot be read; what a trap interrupted is not marked so."""
        if node.clues & TRAP_FRAME:
            return self._evidence.reader.bytes_at(node.address, 1) is None
        return bool(node.clues & UNREAD)

    def tail(self, node: Node, older: Node) -> int:
        """What remains of a call that names another function than the one that runs: it may jump on into that one."""
        target = older.target
        if target is None or self._unread(node):
            return OTHER_TARGET
        key = (target, node.address)
        found = self._tails.get(key)
        if found is None:
            found = self._tails[key] = self._tail(target, node)
        return found

    def _tail(self, target: int, node: Node) -> int:
        runs = self._functions.starts.runs(target, node.address)
        if runs is None:
            return TAIL_POSSIBLE
        return TAIL_REACHED if runs else OTHER_TARGET

    def entered(self, node: Node, older: Node) -> bool:
        """Whether the call at `older` enters a function that jumps on into the one that runs, its own frame left.

        Then the return slot lies above that frame too: MSVC's operator new jumps so to what throws bad_alloc.
        """
        target = older.target
        if target is None or node.clues & (UNREAD | TRAP_FRAME) or self.tail(node, older) != TAIL_REACHED:
            return False
        depths = self._functions.depths.at(target, node.address)
        return depths.exact and older.slot in depths.return_slots(node.slot)

    def _dispatched(self, node: Node, older: Node) -> int:
        table = self.table(older)
        if not table:
            return ANY_TARGET
        functions, modules = self._functions, self._evidence.modules
        if self._unread(node):
            return TABLE_TARGET if functions.nearest(node.address) in table else NO_TABLE_TARGET
        if functions.start(node.address) in table:
            return TABLE_TARGET
        module = modules.at(node.address)
        near = [one for one in table if modules.at(one) is module and one <= node.address < one + FARTHEST]
        return TABLE_TARGET if any(functions.holds(one, node) for one in near) else NO_TABLE_TARGET

    def table(self, node: Node) -> FrozenSet[int]:
        """The functions that the device object in the first argument of a dispatch call leads to; empty if none."""
        device = self._evidence.image.word(node.slot + WORD)
        if device is None or device % WORD:
            return frozenset()
        found = self._tables.get(device)
        if found is None:
            found = self._tables[device] = self._read_table(device)
        return found

    def _read_table(self, device: int) -> FrozenSet[int]:
        word = self._evidence.reader.word_at
        kind, driver = word(device), word(device + DEVICE_DRIVER)
        if kind is None or kind & 0xFFFF != DEVICE_TYPE or driver is None or driver % WORD:
            return frozenset()
        kind = word(driver)
        if kind is None or kind & 0xFFFF != DRIVER_TYPE:
            return frozenset()
        entries = self._evidence.reader.bytes_at(driver + DRIVER_TABLE, WORD * TABLE_ENTRIES)
        if entries is None:
            return frozenset()
        functions = {int.from_bytes(entries[at : at + WORD], "little") for at in range(0, len(entries), WORD)}
        return frozenset(one for one in functions if self._evidence.modules.is_code(one))

    def known_starts(self, candidates: Iterable[Node]) -> Set[int]:
        """The function starts that calls and dispatch tables of the candidates name."""
        found: Set[int] = set()
        for node in candidates:
            if node.target is not None and node.target != node.address:  # not call $+5, which reads EIP
                found.add(node.target)
            elif node.dispatch:
                found.update(self.table(node))
        return found
