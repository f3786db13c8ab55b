"""Which function runs behind a return address, and where its own return slot lies."""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Tuple

from hogwalk.machine.words import X86
from hogwalk.machine.x86.depth import Depths
from hogwalk.machine.x86.values import ESP, FIRST_ORIGIN, RETURN_SLOT
from hogwalk.model import FrameLayout
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.traps import TrapFrame, ends_service
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.nodes import Node

WORD = X86.word

MOST_PUSHED = 0x28  # argument bytes tried: hardly a function takes more
PROBE_BYTES, PAGE = 0x30, b"\x00\x10\x00\x00"  # every stack probe steps by 1000h and says so early on
UNREAD, TRAP_FRAME = int(Clue.UNREAD), int(Clue.TRAP_FRAME)


class Prediction(NamedTuple):
    """Where the return slot of the function that runs behind one node can lie.

    `slots` are addresses, the most plausible first; `exact` tells that there is no other; `minimum` is the lowest
    address possible; `frame_ebp` are the distances in bytes that can lie between the address in EBP and the return
    slot, empty where EBP is no frame pointer; `saved_ebp` and `ebp_kept` are as in Depths; `known` is False where
    the code tells nothing, `certain` where the function's start was found by its looks alone.
    """

    slots: Tuple[int, ...]
    exact: bool
    minimum: int
    frame_ebp: Tuple[int, ...]
    saved_ebp: Optional[int]
    ebp_kept: bool
    known: bool
    certain: bool = True


class Functions:
    """Functions of one machine, each looked at once; `depths` is the analysis they are looked at with."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self.starts = evidence.judge.starts
        self.depths = self.starts.depths
        self._at: Dict[int, Tuple[Depths, Tuple[int, ...]]] = {}

    def start(self, return_address: int) -> Optional[int]:
        """The start of the function that holds the call before an address; None when nothing tells."""
        return self.starts.start(return_address)

    def nearest(self, address: int) -> Optional[int]:
        """The nearest known start at or below an address, where it is near enough to be the address's own."""
        return self.starts.nearest(address)

    def predict(self, node: Node, trap: Optional[TrapFrame]) -> Prediction:
        """Where the function that runs behind a node has its own return slot."""
        if node.clues & UNREAD:
            return self._by_layout(node)
        if trap is not None and node.clues & TRAP_FRAME:
            return self.resumed(node.address, node.behind, trap.ebp)
        depths, frame = self.look(node.address)
        slots = depths.return_slots(node.slot)
        known = bool(depths.depths) or depths.dynamic or bool(frame)
        low = node.slot + WORD + depths.minimum
        return Prediction(slots, depths.exact, low, frame, depths.saved_ebp, depths.ebp_kept, known, depths.certain)

    def _by_layout(self, node: Node) -> Prediction:
        """What frame data say; how much the arguments of the function called take is open, but for what it pops."""
        layout = self._evidence.layouts.get(node.address)
        if layout is None:
            return Prediction((), False, node.behind, (), None, False, False)
        frame = () if layout.frame_ebp is None else (layout.frame_ebp,)
        slots: Tuple[int, ...] = ()
        if layout.depth is not None:
            slots = tuple(node.behind + layout.depth + pushed for pushed in range(0, MOST_PUSHED + 1, WORD))
        return Prediction(slots, False, node.behind, frame, layout.saved_ebp, layout.ebp_kept, True)

    def popped(self, address: int) -> Optional[int]:
        """Argument bytes that the function which holds an address takes off its caller's stack; None if not known."""
        layout = self._evidence.layouts.get(address)
        if layout is not None:
            return layout.parameters
        start = self.start(address)
        return None if start is None else self.depths.popped(start)

    def holds(self, function: int, node: Node) -> bool:
        """Whether the code of a function comes to a node's call, or to the instruction where a trap interrupted it."""
        return self.starts.holds(function, node.address, bool(node.clues & TRAP_FRAME))

    def probe(self, function: int) -> Optional[int]:
        """Bytes that a stack probe pushes itself, None where a function is none.

        It moves ESP when it has touched all the room that it was asked for: where it fails, ESP is still its own.
        """
        blocks = self.depths.blocks
        function = blocks.through_thunks(function)
        if PAGE not in blocks.reader.readable_from(function, PROBE_BYTES):
            return None
        esp = blocks.at(function).esp
        return -esp[1] if esp is not None and esp[0] == ESP else 0

    def resumed(self, address: int, esp: int, ebp: int) -> Prediction:
        """Where the function that runs on at `address` with these registers has its return slot."""
        named = self.starts.named(address)
        start = self.nearest(address) if named is None else named
        inside = Depths() if start is None else self.depths.inside(start, address)
        slots = tuple(esp + depth for depth in inside.depths)
        exact = inside.exact
        if inside.frame_ebp is not None and not exact:
            slots, exact = (ebp + inside.frame_ebp,), True
        if not slots:
            if ends_service(self._evidence.symbols.get(address)):
                return Prediction((esp,), True, esp, (), None, True, True)
            layout = self._evidence.layouts.get(address)
            return self._runs_on(address, esp, ebp) if layout is None else _laid_out(layout, esp, ebp)
        return Prediction(slots, exact, esp, (), inside.saved_ebp, inside.ebp_kept, True)

    def _runs_on(self, address: int, esp: int, ebp: int) -> Prediction:
        """The same by the way to the function's `ret`."""
        behind = self.depths.behind(address)
        slots: Tuple[int, ...] = ()
        if behind.height is not None:
            slots = (esp + behind.height,)
        elif behind.frame_ebp is not None:
            slots = (ebp + behind.frame_ebp,)
        kept = bool(slots) and behind.saved_ebp is None and behind.frame_ebp is None
        return Prediction(slots, behind.exact, esp, (), behind.saved_ebp, kept, bool(slots))

    def look(self, address: int) -> Tuple[Depths, Tuple[int, ...]]:
        """Stack depths at the call before an address, and the distances that can lie between EBP and return slot."""
        found = self._at.get(address)
        if found is None:
            start = self.start(address)
            depths = self.depths.at(start, address, certain=start is None or self._certain(start, address))
            frame: Tuple[int, ...] = () if depths.frame_ebp is None else (depths.frame_ebp,)
            if start is not None and depths.dynamic and not frame:
                frame = self._aligned_frame(start, address)
            found = self._at[address] = depths, frame
        return found

    def _certain(self, start: int, address: int) -> bool:
        return self.starts.named(address) == start or self.starts.certain(start)

    def _aligned_frame(self, start: int, address: int) -> Tuple[int, ...]:
        """Distances from EBP up to the return slot in a function that aligned ESP before it set EBP."""
        flow = self.depths.flow(start)
        state = flow.to_call(address)
        ebp = None if state is None else state.ebp
        if ebp is None or ebp[0] < FIRST_ORIGIN:
            return ()
        alignment, before = flow.origins[ebp[0]]
        if before is None or before[0] != RETURN_SLOT:
            return ()
        return tuple(range(-ebp[1] - before[1], -ebp[1] - before[1] + alignment, WORD))


def _laid_out(layout: FrameLayout, esp: int, ebp: int) -> Prediction:
    """Where frame data place the return slot of a function whose code cannot be read, by its registers."""
    if layout.frame_ebp is not None:
        return Prediction((ebp + layout.frame_ebp,), True, esp, (), layout.saved_ebp, layout.ebp_kept, True)
    slots: Tuple[int, ...] = ()
    if layout.depth is not None:
        slots = tuple(esp + layout.depth + pushed for pushed in range(0, MOST_PUSHED + 1, WORD))
    return Prediction(slots, False, esp, (), layout.saved_ebp, layout.ebp_kept, bool(slots))
