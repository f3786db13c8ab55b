"""Whether the call before an older return address runs the function that a newer one lies in (x64)."""

from __future__ import annotations

from bisect import bisect_right
from typing import Callable, Dict, List, Optional, Sequence

from hogwalk.machine.x64.thunks import may_leave
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.unwinding import Unwinding
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.nodes import Node

TRAP_FRAME = int(Clue.TRAP_FRAME)
PUSHED = -1  # stands for the target where the processor pushed the return address
NEAR, NEARER = 0x4000, 0x400  # bytes from a call's target to an address that its function may hold, where no table says
REACHED, ANY_TARGET, TAIL_POSSIBLE = int(Clue.REACHED), int(Clue.ANY_TARGET), int(Clue.TAIL_POSSIBLE)
OTHER_TARGET, ELSEWHERE_TARGET = int(Clue.OTHER_TARGET), int(Clue.ELSEWHERE_TARGET)
MOST_CODE = 0x2000  # bytes of a function that are looked through for jumps
NEAR_TARGET, FARTHER_TARGET = int(Clue.NEAR_TARGET), int(Clue.FARTHER_TARGET)


class Row(Dict[Optional[int], int]):
    """The clues against one address by the target of the call, None where that is not known."""

    def __init__(self, judge: Callable[[int, int], int], address: int) -> None:
        super().__init__({PUSHED: 0, None: ANY_TARGET})
        self._judge = judge
        self._address = address

    def __missing__(self, target: int) -> int:
        found = self[target] = self._judge(target, self._address)
        return found


class Links:
    """Judges the calls of one stack's candidates; `keys` are these calls' targets."""

    def __init__(self, evidence: Evidence, unwinding: Unwinding, nodes: Sequence[Node]) -> None:
        self._evidence = evidence
        self._unwinding = unwinding
        self.keys: List[Optional[int]] = [PUSHED if node.clues & TRAP_FRAME else node.target for node in nodes]
        self._rows: Dict[int, Row] = {}
        self._staying: Dict[int, bool] = {}
        self._thunks_unseen = evidence.about.kind == "text"  # a call that a log shows may lead through a thunk
        self._targets = sorted({node.target for node in nodes if node.target is not None})

    def function(self, address: int) -> Optional[int]:
        """The start of the function that holds a return address, by unwind data, else by its symbol; None: unknown."""
        found = self._unwinding.function(address)
        if found is not None:
            return found
        symbol, module = self._evidence.symbols.get(address), self._evidence.modules.at(address)
        named = symbol is not None and symbol.name and module is not None and module.symbols == "pdb"
        return address - symbol.displacement if named and symbol is not None else None

    def of(self, address: int, older: int) -> int:
        """The clue of a call before an older candidate against the function that holds a newer return address."""
        return self.row(address)[self.keys[older]]

    def row(self, address: int) -> Row:
        """The clues against the function that holds a newer return address, by the older candidate's one of `keys`."""
        found = self._rows.get(address)
        if found is None:
            found = self._rows[address] = Row(self._targets_it, address)
        return found

    def stays(self, target: Optional[int]) -> bool:
        """Whether the function that begins at a call's target is known to hold no jump to another one."""
        if target is None or target == PUSHED:
            return False
        if target not in self._staying:
            unwinder = self._unwinding.of(target)
            entry = None if unwinder is None else unwinder.table.entry(target)
            code = None
            if entry is not None and entry.begin == target and entry.end - target <= MOST_CODE:
                code = self._evidence.reader.bytes_at(target, entry.end - target)
            self._staying[target] = bool(code) and not may_leave(code or b"", target, self._evidence.modules.is_code)
        return self._staying[target]

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
