"""Whether the frame of the function that a call enters can reach down to a place where a stack ends or breaks off."""

from __future__ import annotations

from bisect import bisect_left
from typing import Dict, Optional, Tuple

from hogwalk.machine.words import X86
from hogwalk.machine.x86.blocks import Exit
from hogwalk.machine.x86.flow import Flow
from hogwalk.machine.x86.opcodes import CALL_NEAR, MOV_EAX
from hogwalk.machine.x86.values import CONSTANT, EAX, ESP, FIRST_ORIGIN, RETURN_SLOT, Known
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.functions import Functions
from hogwalk.walk.rebuild.links import Links
from hogwalk.walk.rebuild.nodes import Node

WORD = X86.word

REACHES_LIMIT, FAR_FROM_LIMIT = int(Clue.REACHES_LIMIT), int(Clue.FAR_FROM_LIMIT)
OVER_800, MAY_REACH_FAR = int(Clue.OVER_800), int(Clue.MAY_REACH_FAR)
SIZES: Tuple[Tuple[int, int], ...] = (
    (0x20, int(Clue.UP_TO_20)),
    (0x40, int(Clue.UP_TO_40)),
    (0x80, int(Clue.UP_TO_80)),
    (0x100, int(Clue.UP_TO_100)),
    (0x200, int(Clue.UP_TO_200)),
    (0x400, int(Clue.UP_TO_400)),
    (0x800, int(Clue.UP_TO_800)),
)
SIZE_TOPS = tuple(top for top, _ in SIZES)
SIZE_CLUES = (*(clue for _, clue in SIZES), OVER_800)
FARTHEST_START = 0x1800  # bytes above where a stack ends: no frame that could lie below is known to be larger
NEAR = 0x400  # bytes within which any candidate may be the newest one
PUSHED = 8  # bytes: any function pushes that much, and a call that cannot push its return address needs none
UNKNOWN = ((0x100, int(Clue.MAY_REACH_NEAR)), (0x400, int(Clue.MAY_REACH)), (0x1000, MAY_REACH_FAR))
# The same for a probe asked for room whose size only run time knows.  Of those in some 500 lab dumps (seeds 1-8,
# 84315705-708, 5101-5110, 5301-5310) that a step joins to the true walk, 12 of 18 up to 70h above Limit were live,
# none farther up: the lab's allocas are small.
ALLOCA = ((0x70, REACHES_LIMIT), (0x400, int(Clue.MAY_REACH)))
PROBE_CALL = 10  # bytes of mov eax,N; call _chkstk
MOST_PROBED = 0x10000  # larger numbers are addresses: mov eax,handler; call __EH_prolog
NOWHERE = X86.mask  # no call returns here: asked for, it makes a flow run to its end


def size_clue(distance: int) -> int:
    """The class of a distance in bytes."""
    return SIZE_CLUES[bisect_left(SIZE_TOPS, distance)]


class Reach:
    """Judges frames by how deep their functions can go, each looked at once."""

    def __init__(self, evidence: Evidence, functions: Functions, links: Links) -> None:
        self._functions = functions
        self._table = links.table
        self._deepest: Dict[int, Tuple[int, bool]] = {}

    def clues(self, node: Node, distance: int, page: bool = False) -> int:
        """The clues for and against no live slot lying in the `distance` bytes below a node's slot.

        If so, the function that the node's call enters has a frame at least that large.  0 where that is out of the
        question: far from there, with a function whose frame is small.  `page`: the stack does not end there, a page
        that cannot be read begins, and newer frames lie in it; a stack probe has none.
        """
        if distance <= PUSHED:
            return REACHES_LIMIT
        if node.target is None:
            return self._dispatched(node, distance)
        given, probe = self._given(node), self._functions.probe(node.target) is not None
        if given is None and probe:
            given = self._asked(node)
        if given is not None and given >= distance:
            return REACHES_LIMIT
        if probe:
            if given is not None or page:
                return 0
            return next((clue for top, clue in ALLOCA if distance <= top), MAY_REACH_FAR)
        deepest, certain = self._look(node.target)
        if deepest >= distance:
            return REACHES_LIMIT
        if distance > NEAR and self._at_entry(node.target) < distance - NEAR:
            return 0
        return FAR_FROM_LIMIT if certain else _unknown(distance)

    def _dispatched(self, node: Node, distance: int) -> int:
        """The clues where the call goes through a table: whether any function in it has a frame that large."""
        if not _unknown(distance):
            return 0
        table = self._table(node) if node.dispatch else ()
        looks = [self._look(function) for function in table]
        if not looks or not all(certain for _, certain in looks):
            return _unknown(distance)
        return _unknown(distance) if any(deepest >= distance for deepest, _ in looks) else FAR_FROM_LIMIT

    def _given(self, node: Node) -> Optional[int]:
        """Bytes that a prologue helper or stack probe gives its caller; None where their code does not say."""
        helper = node.target is not None and self._functions.depths.callees.of(node.target).helper
        start = self._functions.start(node.address) if helper else None
        if start is None:
            return None
        flow = self._functions.depths.flow(start)
        flow.to_call(NOWHERE)
        effect = flow.effects.get(node.address)
        esp = None if effect is None else effect.esp
        return -esp[1] if esp is not None and esp[0] == ESP else None

    def _asked(self, node: Node) -> Optional[int]:
        """Bytes that the call before a node's return address asks a stack probe for; None where it does not say."""
        code = self._functions.depths.blocks.reader.readable_before(node.address, PROBE_CALL)
        if len(code) < PROBE_CALL or code[0] != MOV_EAX or code[5] != CALL_NEAR:
            return None
        asked = int.from_bytes(code[1:5], "little")
        return asked if asked < MOST_PROBED else None

    def _at_entry(self, function: int) -> int:
        """Bytes of stack that a function's first straight run of code takes or asks a stack probe for."""
        block = self._functions.depths.blocks.at(function)
        esp, eax = block.esp, block.get(EAX)
        taken = -esp[1] if esp is not None and esp[0] == ESP else 0
        if block.exit is not Exit.CALL or all(self._functions.probe(target) is None for target in block.targets[1:]):
            return taken  # a number that happens to be in EAX is none that it asks for
        asked = eax[1] if eax is not None and eax[0] == CONSTANT else 0
        return max(taken, asked) if asked < MOST_PROBED else taken

    def _look(self, function: int) -> Tuple[int, bool]:
        """Bytes from the lowest address of a function's own frame up to its return slot; whether that is certain."""
        found = self._deepest.get(function)
        if found is None:
            flow = self._functions.depths.flow(function)
            flow.to_call(NOWHERE)
            below = [_below(flow, state.esp) for state in flow.sites.values()]
            block = self._functions.depths.blocks.at(function)
            taken = max(self._at_entry(function), block.pushes, *(count for count, _ in below), 0)
            certain = bool(below) and all(sure for _, sure in below)
            found = self._deepest[function] = taken + WORD, certain
        return found


def _unknown(distance: int) -> int:
    """The clue for a function of unknown depth, by how deep it would have to be."""
    return next((clue for top, clue in UNKNOWN if distance <= top), 0)


def _below(flow: Flow, esp: Known) -> Tuple[int, bool]:
    """At least how many bytes ESP lies below the return slot, and whether it cannot be more (but for alignment)."""
    count, certain = 0, True
    while esp is not None and esp[0] >= FIRST_ORIGIN:
        count -= esp[1]
        step, esp = flow.origins[esp[0]]
        count += step
        certain = certain and step > 0
    if esp is None or esp[0] != RETURN_SLOT:
        return 0, False
    return count - esp[1], certain
