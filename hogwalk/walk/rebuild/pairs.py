"""The clues between two candidates: does the function that runs behind the newer one return through the older one?"""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Sequence, Set, Tuple

from hogwalk.machine.windows import KERNEL
from hogwalk.machine.words import X86
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.traps import Traps
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.copies import framed
from hogwalk.walk.rebuild.functions import Prediction
from hogwalk.walk.rebuild.habits import Habits
from hogwalk.walk.rebuild.links import Links
from hogwalk.walk.rebuild.nodes import Node
from hogwalk.walk.rebuild.reach import Reach, size_clue

WORD = X86.word

DEPTH, DEPTH_LIKELY, DEPTH_POSSIBLE = int(Clue.DEPTH), int(Clue.DEPTH_LIKELY), int(Clue.DEPTH_POSSIBLE)
DEPTH_AT_LEAST, DEPTH_OTHER = int(Clue.DEPTH_AT_LEAST), int(Clue.DEPTH_OTHER)
DEPTH_NOWHERE = int(Clue.DEPTH_NOWHERE)
DEPTH_OTHER_LIKELY, DEPTH_UNKNOWN = int(Clue.DEPTH_OTHER_LIKELY), int(Clue.DEPTH_UNKNOWN)
DEPTH_UNREAD, UNREAD = int(Clue.DEPTH_UNREAD), int(Clue.UNREAD)
CHAINED, CHAIN_BROKEN = int(Clue.CHAINED), int(Clue.CHAIN_BROKEN)
KEPT_WELL, KEPT_BADLY = int(Clue.EBP_KEPT_WELL), int(Clue.EBP_KEPT_BADLY)
TAIL_REACHED, LEFT_BY_JUMP = int(Clue.TAIL_REACHED), 0x20  # bytes of a frame that a jump may leave below
ELSEWHERE = DEPTH_OTHER | DEPTH_NOWHERE | DEPTH_OTHER_LIKELY
OTHER_TARGET, JUMPED_ON = int(Clue.OTHER_TARGET), DEPTH | DEPTH_LIKELY | DEPTH_UNKNOWN | int(Clue.NO_TRAP)
ALONE, DEPTH_ALONE = int(Clue.DEPTH | Clue.ANY_TARGET), int(Clue.DEPTH_ALONE)
HANDLER, HOLE = int(Clue.TRAP_HANDLER), int(Clue.HOLE)
HANDLED = DEPTH | HANDLER
SERVICE_ARGUMENTS = 0x50  # bytes: hardly a system service takes more
SAME_MODULE, OTHER_MODULE = int(Clue.SAME_MODULE), int(Clue.OTHER_MODULE)
NO_TRAP = int(Clue.NO_TRAP)
EBP_FRAME, EBP_BELOW, EBP_PASSED = int(Clue.EBP_FRAME), int(Clue.EBP_BELOW), int(Clue.EBP_PASSED)
DEPTH_OPEN = DEPTH_UNKNOWN | NO_TRAP | DEPTH_UNREAD | DEPTH_AT_LEAST
TRAPPED = int(Clue.TRAP_FRAME | Clue.SYSTEM_CALL)
TRAP_FRAME, SAVED_EBP = int(Clue.TRAP_FRAME), int(Clue.SAVED_EBP)
USUAL_FRAME = (4,)  # EBP points to the word below the return slot
BESIDE = 0x10  # bytes below a trap frame: what an interrupt object's code, in no module, pushes for the handler


class PairJudge:
    """Compares candidates of one stack two by two."""

    def __init__(
        self,
        evidence: Evidence,
        nodes: Sequence[Node],
        links: Links,
        reach: Reach,
        habits: Habits,
        traps: Traps,
        copied: Mapping[int, int],
    ) -> None:
        """`copied` is what `copies` found."""
        self._habits = habits
        self._copies = copied
        self._links = links
        self._reach = reach
        self._traps = traps
        self._modules = evidence.modules
        self._limit, self._base = evidence.region.limit, evidence.region.base
        self._words = evidence.image.words
        self._slots = {node.slot for node in nodes}
        # Of these only the kernel's own handle a trap: what they call may well be a driver's.
        self._handlers = {node.address for node in nodes if traps.above(node.slot) and self._system(node.address)}
        self._gates = self._entered_at(nodes)

    def _system(self, address: int) -> bool:
        module = self._modules.at(address)
        return module is not None and module.name == KERNEL

    def _entered_at(self, nodes: Sequence[Node]) -> Set[int]:
        """The handlers' return addresses that lie right below a trap frame, but for arguments, in most places.

        Where only run time knows what is called, as services are, two places will do: old calls' trap frames are gone.
        """
        found: Dict[int, List[bool]] = {}
        through: Set[int] = set()
        for node in nodes:
            if node.address in self._handlers:
                found.setdefault(node.address, []).append(self._right_below(node))
                if node.target is None and not node.dispatch and not node.clues & UNREAD:
                    through.add(node.address)
        return {
            address
            for address, every in found.items()
            if sum(every) > max(1, 0 if address in through else len(every) // 2)
        }

    def _right_below(self, node: Node) -> bool:
        near = self._traps.above(node.slot)
        return bool(near) and near[0].start - node.slot <= SERVICE_ARGUMENTS

    def proves(self, node: Node, mask: int) -> bool:
        """Whether a step leads to the trap frame right above where the kernel calls its services from."""
        return mask & HANDLED == HANDLED and node.address in self._gates and self._right_below(node)

    def may_return_at(self, slot: int, minimum: int) -> bool:
        """Whether a return slot can lie at an address at all: else the EBP that says so is not that of the frame."""
        return minimum <= slot < self._base and not slot % WORD

    def framed(self, ebp: int) -> int:
        """The return slot of the frame that an EBP points to."""
        return framed(self._copies, ebp)

    def word(self, address: int) -> Optional[int]:
        """The word of the stack at an address, or None off the stack."""
        index = (address - self._limit) // WORD
        return self._words[index] if 0 <= index < len(self._words) else None

    def clues(
        self,
        node: Node,
        older: Node,
        prediction: Prediction,
        ebps: Sequence[Optional[int]],
        likely: Optional[int] = None,
    ) -> int:
        """The clues of a step; `ebps` is what EBP can hold behind the node's call, None among it where that is open.

        `likely` is EBP where it points to a candidate's frame while the code does not say what it is.
        """
        if older.clues & TRAPPED:
            return self._trapped(node, older, prediction)
        link, depth = self._links.link(node, older), self._depth(node, older, prediction, ebps)
        if link == OTHER_TARGET and depth & JUMPED_ON:
            link = self._links.tail(node, older)
        elif depth & ELSEWHERE and self._just_above(older, prediction) and self._links.entered(node, older):
            link, depth = TAIL_REACHED if link == OTHER_TARGET else link, DEPTH
        if depth == DEPTH_OTHER:  # what else would speak for it is chance: the code leaves no other slot
            return depth | (link if link == OTHER_TARGET else 0)
        mask = link | depth
        if mask & ALONE == ALONE:
            mask ^= ALONE | DEPTH_ALONE
        if prediction.frame_ebp or not prediction.known or depth & DEPTH_AT_LEAST:  # after an alloca EBP leads back
            mask |= self._chain(node, older, prediction)
        if likely is not None:
            mask |= _by_ebp(older.slot, self.framed(likely))
        if prediction.saved_ebp is not None:
            mask |= self._kept(older, prediction.saved_ebp)
        if mask & DEPTH_OPEN:
            mask |= older.looks
        if not prediction.known:
            mask |= self._habits.ebp(node, mask) | self._habits.size(node, older)
        if older.clues & UNREAD:
            same = self._modules.at(node.address) is self._modules.at(older.address)
            mask |= SAME_MODULE if same else OTHER_MODULE
        return mask

    @staticmethod
    def _just_above(older: Node, prediction: Prediction) -> bool:
        """Whether a slot lies where it is predicted but for a small frame, as one left on the stack by a jump."""
        return bool(prediction.slots) and 0 < older.slot - prediction.slots[0] <= LEFT_BY_JUMP

    def _trapped(self, node: Node, older: Node, prediction: Prediction) -> int:
        """A trap frame lies right above its handler's own stack; a function with a frame of its own handles none."""
        start = self._traps.by_slot[older.slot].start
        beside = any(start - BESIDE <= slot <= older.slot for slot in prediction.slots)
        ordinary = prediction.frame_ebp == USUAL_FRAME or (prediction.exact and not beside)
        near = self._traps.above(node.slot)
        if not near or start > near[-1].start or start <= node.slot or (ordinary and prediction.known):
            return DEPTH_OTHER
        return HANDLER | (DEPTH if start == near[0].start else DEPTH_OTHER_LIKELY)

    def over_hole(self, older: Node, prediction: Prediction, hole: Tuple[int, int]) -> int:
        """The clues of a step over a page that cannot be read; 0 where the older node cannot be the first behind."""
        reach = self._reach.clues(older, older.slot - hole[1], page=True)
        if not reach:
            return 0
        if not prediction.slots:
            return HOLE | reach | DEPTH_UNKNOWN
        inside = any(hole[0] <= slot < hole[1] for slot in prediction.slots)
        return HOLE | reach | (DEPTH if inside else DEPTH_OTHER)

    def _depth(self, node: Node, older: Node, prediction: Prediction, ebps: Sequence[Optional[int]]) -> int:
        if prediction.slots:
            if older.slot in prediction.slots:
                if prediction.exact:
                    return DEPTH
                return DEPTH_LIKELY if older.slot == prediction.slots[0] else DEPTH_POSSIBLE
            if prediction.exact and self._slots.isdisjoint(prediction.slots):
                return size_clue(older.slot - node.slot) | DEPTH_NOWHERE
            return DEPTH_OTHER if prediction.exact else DEPTH_OTHER_LIKELY
        for ebp in ebps if prediction.frame_ebp else ():  # None among them: else they would be prediction.slots by now
            if ebp is not None and older.slot - ebp in prediction.frame_ebp:
                return DEPTH
        size = size_clue(older.slot - node.slot)
        if not prediction.known and node.address in self._handlers and not node.clues & TRAPPED:
            return size | NO_TRAP
        if prediction.known:
            return size | (DEPTH_AT_LEAST if older.slot >= prediction.minimum else DEPTH_OTHER)
        return size | (DEPTH_UNREAD if node.clues & UNREAD else DEPTH_UNKNOWN)

    def _chain(self, node: Node, older: Node, prediction: Prediction) -> int:
        """Whether the word below the node's slot, if it is a saved EBP, fits the older slot."""
        framed = prediction.frame_ebp
        if older.slot - node.below in framed if framed else older.slot == self.framed(node.below):
            return CHAINED
        return CHAIN_BROKEN if node.looks & SAVED_EBP and node.below < older.slot else 0

    def _kept(self, older: Node, below: int) -> int:
        """Whether the EBP that the function saved `below` its return slot lies above its frame, as a chain's must."""
        saved = self.word(older.slot - below)
        if saved is None or not self._limit <= saved < self._base:
            return 0
        return KEPT_WELL if saved > older.slot else KEPT_BADLY


def _by_ebp(slot: int, framed: int) -> int:
    """The clue of a step to a slot where EBP points to the frame of another one."""
    if slot == framed:
        return EBP_FRAME
    return EBP_BELOW if slot < framed else EBP_PASSED
