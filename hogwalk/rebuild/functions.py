"""Which function runs at a return address, which calls lead into it, and how deep its stack is there."""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum
from typing import Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Set, Tuple

from hogwalk.analysis import Evidence
from hogwalk.code.depth import Depths, StackDepths
from hogwalk.code.functions import FunctionStarts
from hogwalk.code.values import CONSTANT, EAX, ESP, RETURN_SLOT, Known
from hogwalk.evidence.links import FARTHEST
from hogwalk.rebuild.clues import Clue
from hogwalk.rebuild.nodes import Node
from hogwalk.rebuild.traps import TrapFrame

REACHED, STARTED, NEAR_TARGET = int(Clue.REACHED), int(Clue.STARTED), int(Clue.NEAR_TARGET)
OTHER_TARGET, ANY_TARGET = int(Clue.OTHER_TARGET), int(Clue.ANY_TARGET)
TABLE_TARGET, NO_TABLE_TARGET = int(Clue.TABLE_TARGET), int(Clue.NO_TABLE_TARGET)
UNREAD, SYSTEM_CALL = int(Clue.UNREAD), int(Clue.SYSTEM_CALL)

MOV_EAX, CALL_NEAR, PROBE_CALL = 0xB8, 0xE8, 10  # mov eax,N; call _chkstk
PROBE_BYTES, PAGE = 0x30, b"\x00\x10\x00\x00"  # every stack probe steps by 1000h and says so early on
MOST_PROBED = 0x10000  # larger numbers are addresses: mov eax,handler; call __EH_prolog
NOWHERE = 0xFFFFFFFF  # no call returns here: asked for, it makes a flow run to its end
DEVICE_TYPE, DRIVER_TYPE = 3, 4  # IO_TYPE_DEVICE, IO_TYPE_DRIVER (ntddk.h)
DEVICE_DRIVER, DRIVER_TABLE, TABLE_ENTRIES = 0x08, 0x38, 28


class Prediction(NamedTuple):
    """Where the return slot of the function that runs behind one node can lie.

    `slots` are addresses, the most plausible first; `exact` tells that there is no other; `minimum` is the lowest
    address possible; `frame_ebp`, `saved_ebp` and `ebp_kept` are as in Depths; `known` is False where the code tells nothing.
    """

    slots: Tuple[int, ...]
    exact: bool
    minimum: int
    frame_ebp: Optional[int]
    saved_ebp: Optional[int]
    ebp_kept: bool
    known: bool


class Functions:
    """Functions of one machine, each looked at once."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._depths = StackDepths(evidence.reader)
        self._at: Dict[int, Depths] = {}
        self._links: Dict[Tuple[int, int], int] = {}
        self._full: Dict[int, int] = {}
        self._tables: Dict[int, FrozenSet[int]] = {}
        self._starts = FunctionStarts(self._depths)
        self._known: List[int] = []

    def know(self, starts: Iterable[int]) -> None:
        """Takes note of addresses at which functions are known to start."""
        self._known = sorted({*self._known, *starts})
        for start in starts:
            self._starts.add(start)

    def start(self, return_address: int) -> Optional[int]:
        """The start of the function that holds the call before an address; None when nothing tells."""
        symbol = self._evidence.symbols.get(return_address)
        module = self._evidence.modules.at(return_address)
        if module is not None and module.symbols == "pdb" and symbol is not None and symbol.name:
            return return_address - symbol.displacement
        return self._starts.start_of(return_address)

    def predict(self, node: Node, trap: Optional[TrapFrame]) -> Prediction:
        """Where the function that runs behind a node has its own return slot."""
        if node.clues & UNREAD:
            return Prediction((), False, node.behind, None, None, False, False)
        if trap is not None:
            return self.resumed(node.address, node.behind, trap.ebp)
        depths = self._depths_at(node.address)
        known = bool(depths.depths) or depths.dynamic or depths.frame_ebp is not None
        slots = depths.return_slots(node.slot)
        low = node.slot + 4 + depths.minimum
        return Prediction(slots, depths.exact, low, depths.frame_ebp, depths.saved_ebp, depths.ebp_kept, known)

    def resumed(self, address: int, esp: int, ebp: int) -> Prediction:
        """Where the function that runs on at `address` with these registers has its return slot."""
        behind = self._depths.behind(address)
        slots: Tuple[int, ...] = ()
        if behind.height is not None:
            slots = (esp + behind.height,)
        elif behind.frame_ebp is not None:
            slots = (ebp + behind.frame_ebp,)
        return Prediction(slots, behind.exact, esp, None, behind.saved_ebp, False, bool(slots))

    def _depths_at(self, address: int) -> Depths:
        found = self._at.get(address)
        if found is None:
            found = self._at[address] = self._depths.at(self.start(address), address)
        return found

    def link(self, node: Node, older: Node) -> int:
        """The clue that the call at `older` gives about the function that runs at `node`."""
        if older.target is None:
            return self._dispatched(node, older) if older.dispatch else ANY_TARGET
        key = (older.target, node.address)
        found = self._links.get(key)
        if found is None:
            found = self._links[key] = self._judge(older.target, node, older)
        return found

    def _judge(self, target: int, node: Node, older: Node) -> int:
        modules = self._evidence.modules
        if modules.at(target) is not modules.at(node.address):
            return OTHER_TARGET
        nearest = self._nearest(node.address)
        if node.clues & UNREAD:
            return NEAR_TARGET if nearest == target else OTHER_TARGET
        if nearest != target and not older.clues & SYSTEM_CALL:
            return OTHER_TARGET  # a jump from one known function into another: only system-call entries do that
        if self.reaches(target, node.address):
            return REACHED
        return STARTED if self.start(node.address) == target else OTHER_TARGET

    def _nearest(self, address: int) -> Optional[int]:
        index = bisect_right(self._known, address) - 1
        return self._known[index] if index >= 0 and address - self._known[index] < FARTHEST else None

    def reaches(self, function: int, return_address: int) -> bool:
        """Whether the code of a function comes to the call that returns to an address."""
        return self._depths.flow(function).to_call(return_address) is not None

    def deepest(self, function: int) -> int:
        """Bytes from the lowest address the function's own frame reaches up to its return slot, as far as seen."""
        found = self._full.get(function)
        if found is None:
            flow = self._depths.flow(function)
            flow.to_call(NOWHERE)
            states = [state.esp for state in flow.sites.values()]
            states.append(_from_entry(self._depths.blocks.at(function).esp))
            found = max((4 - esp[1] for esp in states if esp is not None and esp[0] == RETURN_SLOT), default=0)
            self._full[function] = found
        return found

    def at_entry(self, function: int) -> int:
        """Bytes of stack that a function's first straight run of code takes or asks a stack probe for."""
        block = self._depths.blocks.at(function)
        esp, eax = _from_entry(block.esp), block.get(EAX)
        taken = 0 if esp is None else -esp[1]
        return max(taken, eax[1]) if eax is not None and eax[0] == CONSTANT else taken

    def probed(self, node: Node) -> int:
        """Bytes that the call before a node's return address asks a stack probe for; 0 where it calls no probe."""
        code = self._evidence.reader.readable_before(node.address, PROBE_CALL)
        if len(code) < PROBE_CALL or code[0] != MOV_EAX or code[5] != CALL_NEAR or node.target is None:
            return 0
        asked = int.from_bytes(code[1:5], "little")
        probe = self._evidence.reader.readable_from(node.target, PROBE_BYTES)
        return asked if asked < MOST_PROBED and PAGE in probe else 0

    def _dispatched(self, node: Node, older: Node) -> int:
        table = self.table(older)
        if not table:
            return ANY_TARGET
        if node.clues & UNREAD:
            return TABLE_TARGET if self._nearest(node.address) in table else NO_TABLE_TARGET
        start = self.start(node.address)
        if start in table:
            return TABLE_TARGET
        modules = self._evidence.modules
        module = modules.at(node.address)
        near = [one for one in table if modules.at(one) is module and one <= node.address < one + FARTHEST]
        return TABLE_TARGET if any(self.reaches(one, node.address) for one in near) else NO_TABLE_TARGET

    def table(self, node: Node) -> FrozenSet[int]:
        """The functions that the device object in the first argument of a dispatch call leads to; empty if none."""
        device = self._evidence.image.word(node.slot + 4)
        if device is None or device & 3:
            return frozenset()
        found = self._tables.get(device)
        if found is None:
            found = self._tables[device] = self._read_table(device)
        return found

    def _read_table(self, device: int) -> FrozenSet[int]:
        word = self._evidence.reader.word_at
        kind, driver = word(device), word(device + DEVICE_DRIVER)
        if kind is None or kind & 0xFFFF != DEVICE_TYPE or driver is None or driver & 3:
            return frozenset()
        kind = word(driver)
        if kind is None or kind & 0xFFFF != DRIVER_TYPE:
            return frozenset()
        entries = self._evidence.reader.bytes_at(driver + DRIVER_TABLE, 4 * TABLE_ENTRIES)
        if entries is None:
            return frozenset()
        functions = {int.from_bytes(entries[at : at + 4], "little") for at in range(0, len(entries), 4)}
        return frozenset(one for one in functions if self._evidence.modules.is_code(one))


def _from_entry(esp: Known) -> Known:
    """ESP at the end of a function's first block, counted from its return slot."""
    return (RETURN_SLOT, esp[1]) if esp is not None and esp[0] == ESP else None


def known_starts(functions: Functions, candidates: Iterable[Node]) -> Set[int]:
    """The function starts that calls and dispatch tables of the candidates name."""
    found: Set[int] = set()
    for node in candidates:
        if node.target is not None:
            found.add(node.target)
        elif node.dispatch:
            found.update(functions.table(node))
    return found
