"""Where the frames of an x64 stack's candidates end, by unwind data, code, or what a log shows of either."""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Sequence, Set

from hogwalk.machine.x64.unwind import RBP, Caller
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.unwinding import Unwinding
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.nodes import Node

TRAP_FRAME, UNREAD = int(Clue.TRAP_FRAME), int(Clue.UNREAD)
MOST_PASSED = 8  # frames that keep RBP for their caller
Known = Dict[int, Optional[int]]  # registers by their number


class Pass(NamedTuple):
    """A frame that needs no RBP: the number of its caller's candidate (None: none), and where RBP is kept, if it is."""

    older: Optional[int]
    saved: Optional[int]


class Callers:
    """The callers of one stack's candidates; `framing` are RBP and all registers that frame any function here."""

    def __init__(self, evidence: Evidence, unwinding: Unwinding, nodes: Sequence[Node]) -> None:
        self._evidence = evidence
        self._unwinding = unwinding
        self._nodes = nodes
        self._numbers = {node.slot: number for number, node in enumerate(nodes)}
        self._passes: Dict[int, Optional[Pass]] = {}
        framed = self._framed()
        self.framing = framed | {RBP}
        self._led = RBP in framed

    def number(self, slot: int) -> Optional[int]:
        """The number of the candidate at a slot."""
        return self._numbers.get(slot)

    def _framed(self) -> Set[int]:
        """The registers that frame any function here."""
        unwinding = self._unwinding
        addresses = {node.address for node in self._nodes if not node.clues & TRAP_FRAME}
        bare = [address for address in addresses if unwinding.whole(address) is None]
        return {register for address in bare for register in unwinding.frame_register(address, 0)}

    def of(self, node: Node, state: Known) -> Optional[Caller]:
        """The caller of a candidate's frame with some registers; None where nothing tells."""
        interrupted = bool(node.clues & TRAP_FRAME)
        found = self._unwinding.caller(node.address, node.behind, state, interrupted)
        if found is None and not interrupted:
            found = self._shown(node, state)
        if found is None or found.slot is None:
            return found
        if not self.inside(node, found.slot, found.machine):
            settled = None if interrupted else self._unwinding.settled(node.address, node.behind, state)
            return settled or found._replace(slot=None, minimum=node.behind)
        return found

    def inside(self, node: Node, slot: int, pushed: bool = False) -> bool:
        """Whether a return slot can lie there; what the processor `pushed` lies anywhere."""
        image = self._evidence.image
        return node.behind <= slot < image.region.base and (pushed or image.machine.aligned(slot))

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

    def leads(self, number: int, rbp: Optional[int]) -> int:
        """Whether the RBP with which a candidate's code runs on leads to a candidate, as soon as a frame needs it."""
        if not self._led:
            return 0
        for _ in range(MOST_PASSED):
            node = self._nodes[number]
            if rbp is None or node.clues & (TRAP_FRAME | UNREAD):
                break
            passed = self._passed(number)
            if passed is not None:
                if passed.older is None:
                    break
                rbp = rbp if passed.saved is None else self._evidence.image.word(passed.saved)
                number = passed.older
                continue
            frame = self._unwinding.frame_register(node.address, node.behind)
            if RBP in frame and frame[RBP] is not None:
                return int(Clue.RBP_LEADS if frame[RBP] == rbp else Clue.RBP_ASTRAY)
            caller = self.of(node, {RBP: rbp})
            older = None if caller is None or caller.slot is None else self._numbers.get(caller.slot)
            on = older is not None and older > number
            if RBP in frame:
                return int(Clue.RBP_LEADS if on else Clue.RBP_ASTRAY)
            if caller is None or older is None or not on:
                break
            number, rbp = older, caller.registers.get(RBP)
        return 0

    def _passed(self, number: int) -> Optional[Pass]:
        """How a frame that RSP alone undoes keeps RBP for its caller; None for any other frame."""
        if number not in self._passes:
            node = self._nodes[number]
            whole = self._unwinding.whole(node.address)
            found: Optional[Pass] = None
            if whole is not None and whole.slot is not None:
                slot, at = node.behind + whole.slot, whole.registers.get(RBP)
                older = self._numbers.get(slot) if self.inside(node, slot) else None
                found = Pass(older, None if at is None else node.behind + at)
            self._passes[number] = found
        return self._passes[number]
