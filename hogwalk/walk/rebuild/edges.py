"""The steps between candidate return slots, each with the clues for and against it."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.traps import Traps
from hogwalk.walk.rebuild.chained import UNREAD, Chains
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.functions import Functions, Prediction
from hogwalk.walk.rebuild.habits import REACH, Habits
from hogwalk.walk.rebuild.nodes import Node
from hogwalk.walk.rebuild.pairs import TRAPPED, USUAL_FRAME, PairJudge
from hogwalk.walk.rebuild.pruner import Pruner
from hogwalk.walk.rebuild.scale import Scale

SAVED_EBP = int(Clue.SAVED_EBP)
HOLE = int(Clue.HOLE)
UNLIKELY = int(Clue.NOT_REGISTERS | Clue.FAR_FROM_LIMIT)  # a start that hardly is one
CONFIRMED = int(Clue.REACHED | Clue.TABLE_TARGET | Clue.TAIL_REACHED)
PLACED = int(Clue.DEPTH | Clue.CHAINED)
EBP_CHAIN = int(Clue.EBP_CHAIN)
FITTING, UNFIT = PLACED | int(Clue.DEPTH_ALONE), int(Clue.OTHER_TARGET | Clue.NO_TABLE_TARGET)

WINDOW = 40  # candidates looked at where the depth is not known
BLIND_WINDOW = 100  # the same where no code tells it: a large frame may hold a whole chain of an earlier call
MOST_PAIRS = 280_000  # in all: a stack of more than 7,000 candidates gets a narrower window, not more time
FALLBACK = 10  # candidates looked at where none lies at the predicted place: the depth analysis may be wrong
MOST_EBPS = 4  # different values of EBP that several ways to one node can leave
TELL = 1000  # candidates between two words about how far the work is: a fraction of a second
FEW = 3  # where one does, but nothing else confirms it

FRAME = USUAL_FRAME[0]
FROM_REGISTERS = int(Clue.FROM_REGISTERS)
LIKELY_STARTS = FROM_REGISTERS | int(Clue.EBP_START | Clue.BELOW_EBP_START | Clue.ESP_START)
Resumed = Optional[Tuple[Prediction, int]]

Edge = Tuple[int, int]  # the older node's number and the clues
Found = Dict[int, Tuple[object, List[Edge]]]  # by a node's number what its steps were found by, and these


@dataclass(frozen=True)
class Edges:
    """For each node its steps to older ones and where its function's return slot is predicted.

    Nodes that no walk comes to have no steps and no prediction.  `scale` has weighed the steps already (x86).
    """

    steps: Sequence[Sequence[Edge]]
    predictions: Sequence[Optional[Prediction]]
    scale: Scale = field(default_factory=Scale, repr=False, compare=False)


class EdgeFinder:
    """Finds the steps of one stack."""

    def __init__(
        self,
        evidence: Evidence,
        nodes: Sequence[Node],
        functions: Functions,
        judge: PairJudge,
        habits: Habits,
        traps: Traps,
        chains: Chains,
        found: Found,
    ) -> None:
        """`found` keeps the steps for a further gathering."""
        self._found = found
        self._chained = chains.onward
        self._nodes = nodes
        most = max(FEW, MOST_PAIRS // max(1, len(nodes)))
        self._window, self._blind_window = min(WINDOW, most), min(BLIND_WINDOW, most)
        self._functions = functions
        self._traps = traps
        self._holes = evidence.image.holes
        self._judge = judge
        self._habits = habits
        self._order = list(range(len(nodes)))  # the one int of each number, for all steps to it
        self._masks: Dict[int, int] = {}  # and of each set of clues
        self._numbers = {node.slot: number for node, number in zip(nodes, self._order)}
        self._slots = [node.slot for node in nodes]
        self._ebp: Dict[int, Tuple[Optional[int], ...]] = {}
        self._likely: Dict[int, Optional[int]] = {}  # EBP by the best walk to a node, None where that does not tell it
        self._sure: Set[int] = set()

    def edges(
        self, starts: Mapping[int, int], resumed: Resumed, margin: float, announce: Callable[[str], None]
    ) -> Edges:
        """Every step worth weighing between nodes that a walk from one of `starts` (numbers, clues) can come to.

        `resumed` is what runs with the registers, if these are known.  Nodes further behind than `margin` are passed
        over, as in Pruner.
        """
        count, scale = len(self._nodes), Scale()
        pruner = Pruner(self._nodes, starts, margin, scale)
        if resumed is not None:
            self._resume(starts, *resumed)
        steps: List[Sequence[Edge]] = [()] * count
        predictions: List[Optional[Prediction]] = [None] * count
        for number, node in enumerate(self._nodes):
            if number % TELL == 0:
                announce(f"rebuilding the frames from the code: {number} of {count} possible return addresses")
            if not pruner.may_win(number):
                continue
            trap = self._traps.by_slot[node.slot] if node.clues & TRAPPED else None
            if trap is not None:
                self._ebp[number] = (trap.ebp,)
                self._sure.add(number)
            elif (
                resumed is None
                and not starts.get(number, UNLIKELY) & UNLIKELY
                and None not in self._ebp.get(number, (None,))
            ):
                self._ebp[number] = (*self._ebp[number], None)  # where the walk starts nothing newer tells EBP
            prediction = predictions[number] = self._by_ebp(number, self._functions.predict(node, trap))
            found = steps[number] = self._along_chain(node) or self._known(number, prediction)
            better = pruner.advance(number, found)
            self._propagate_ebp(number, prediction, found)
            self._propagate_likely(number, prediction, found, better)
        return Edges(steps, predictions, scale)

    def _resume(self, starts: Mapping[int, int], prediction: Prediction, ebp: int) -> None:
        """Notes what EBP holds where the walk can start, when the function that runs with `ebp` has returned."""
        for number, mask in starts.items():
            if mask & LIKELY_STARTS:
                self._likely[number] = self._held(prediction, ebp, self._nodes[number])
                if mask & FROM_REGISTERS and prediction.known:
                    self._ebp[number] = (self._likely[number],)
                    self._sure.add(number)

    def _held(self, prediction: Prediction, ebp: Optional[int], older: Node) -> Optional[int]:
        """What EBP holds again behind an older slot when it was `ebp` in the function that returned through it.

        None where that is open.  A function that cannot be read either has its frame where EBP points to or, where
        that lies above the older slot, keeps EBP.
        """
        if prediction.saved_ebp is not None:
            return self._judge.word(older.slot - prediction.saved_ebp)
        if prediction.ebp_kept or (not prediction.known and ebp is not None and ebp > older.slot):
            return ebp
        if not prediction.known and ebp is not None and ebp + FRAME == older.slot:
            return self._judge.word(ebp)
        return None

    def _propagate_likely(
        self, number: int, prediction: Prediction, steps: Sequence[Edge], better: Sequence[int]
    ) -> None:
        """The same as _propagate_ebp by the best walk alone, for functions whose code says nothing of EBP."""
        ebp, masks = self._known_ebp(number), dict(steps)
        for older in better:
            held = None if masks[older] & HOLE else self._held(prediction, ebp, self._nodes[older])
            self._likely[older] = held

    def _known_ebp(self, number: int) -> Optional[int]:
        """EBP behind a node's call: what the functions returned have saved; else the word pushed as one would be."""
        node, ebp = self._nodes[number], self._likely.get(number)
        if number in self._sure and len(self._ebp.get(number, ())) == 1:
            ebp = self._ebp[number][0]
        if ebp is None and node.looks & SAVED_EBP:
            ebp = node.below
        return ebp

    def _by_ebp(self, number: int, prediction: Prediction) -> Prediction:
        """The prediction for a function that keeps a frame, where EBP is known."""
        ebps = self._ebp.get(number, (None,))
        if prediction.slots or not prediction.frame_ebp or None in ebps:
            return prediction
        every = {ebp + distance for ebp in ebps if ebp is not None for distance in prediction.frame_ebp}
        slots = {slot for slot in every if self._judge.may_return_at(slot, prediction.minimum)}
        if slots != every:  # EBP is not what the newer frames seem to leave in it
            self._ebp[number] = (*(ebp for ebp in ebps if ebp is not None), None)
            return prediction
        return prediction._replace(slots=tuple(sorted(slots)), exact=prediction.certain)

    def _propagate_ebp(self, number: int, prediction: Prediction, steps: Sequence[Edge]) -> None:
        """Notes what EBP can hold again when the function behind a node has returned to each older one."""
        for older, mask in steps:
            sure = bool(mask & FITTING) and not mask & UNFIT
            if older in self._sure and not sure:
                continue
            if mask & HOLE:
                held: Tuple[Optional[int], ...] = (None,)  # other functions return to it, unseen
            elif prediction.saved_ebp is not None:
                held = (self._judge.word(self._nodes[older].slot - prediction.saved_ebp),)
            elif prediction.ebp_kept:
                held = self._ebp.get(number, (None,))
            else:
                held = (None,)
            if sure and older not in self._sure:
                self._sure.add(older)
                self._ebp[older] = held
            elif len(held) == 1 and self._ebp.get(older, held) == held:
                self._ebp[older] = held
            else:
                every = {*self._ebp.get(older, ()), *held}
                self._ebp[older] = tuple(every) if len(every) <= MOST_EBPS else (None,)

    def _along_chain(self, node: Node) -> List[Edge]:
        """The one step of a function that cannot be read where a believed chain goes on."""
        older = self._chained.get(node.slot) if node.clues & UNREAD else None
        return [] if older is None else [(self._numbers[older], EBP_CHAIN)]

    def _known(self, number: int, prediction: Prediction) -> List[Edge]:
        """As _steps, which depends on these alone; a second gathering finds most steps as they were."""
        given = prediction, self._ebp.get(number), None if prediction.known else self._known_ebp(number)
        found = self._found.get(number)
        if found is None or found[0] != given:
            found = self._found[number] = given, self._steps(number, prediction)
        return found[1]

    def _steps(self, number: int, prediction: Prediction) -> List[Edge]:
        node, nodes = self._nodes[number], self._nodes
        hole = next((hole for hole in self._holes if hole[0] > node.slot), None) if self._holes else None
        ebps = self._ebp.get(number, (None,))
        trapped = (trap.slot for trap in self._traps.above(node.slot))
        likely = None if prediction.known else self._known_ebp(number)
        expected = (*_expected(node, prediction, ebps), *trapped)
        if likely is not None:
            expected = (*expected, likely + FRAME)
        predicted = [self._numbers[slot] for slot in dict.fromkeys(expected) if slot in self._numbers]
        predicted = [older for older in predicted if older > number]  # the thread's first code pops its return address
        if likely is not None and likely + FRAME not in self._numbers:
            likely = None
        clues, one = self._judge.clues, self._masks.setdefault
        found = [(older, clues(node, nodes[older], prediction, ebps, likely)) for older in predicted]
        if prediction.known and any(mask & CONFIRMED and mask & PLACED for _, mask in found):
            return found
        if proven := [(older, mask) for older, mask in found if self._judge.proves(node, mask)]:
            return proven
        predicted_exactly = (
            prediction.known and bool(expected) and (prediction.exact or not (prediction.slots or None in ebps))
        )
        window = self._window if prediction.known else self._blind_window
        if predicted_exactly:
            window = FEW if found else FALLBACK
        first = number + 1
        if not (predicted_exactly or prediction.slots):
            first = max(first, bisect_left(self._slots, prediction.minimum))
        end = node.slot + REACH if hole is None else min(node.slot + REACH, hole[1] - 1)
        for older in self._order[first : first + window]:
            other = nodes[older]
            if other.slot > end:
                break
            if older not in predicted:
                mask = clues(node, other, prediction, ebps, likely)
                found.append((older, one(mask, mask)))
        if not prediction.known:
            beyond = self._habits.beyond(node, first + window)[: WINDOW // 3] if self._window == WINDOW else ()
            for older in beyond:
                if older not in predicted and (hole is None or nodes[older].slot < hole[1]):
                    found.append((older, clues(node, nodes[older], prediction, ebps, likely)))
            found = self._habits.nearest(node, found)
        if hole is not None and hole[0] - node.slot <= REACH and not any(mask & PLACED for _, mask in found):
            found.extend(self._over_hole(number, prediction, hole))
        return found

    def _over_hole(self, number: int, prediction: Prediction, hole: Tuple[int, int]) -> List[Edge]:
        nodes = self._nodes
        first = next((older for older in range(number + 1, len(nodes)) if nodes[older].slot >= hole[1]), len(nodes))
        found: List[Edge] = []
        for older in range(first, min(len(nodes), first + WINDOW)):
            mask = self._judge.over_hole(nodes[older], prediction, hole)
            if mask:
                found.append((older, mask))
        return found


def _expected(node: Node, prediction: Prediction, ebps: Sequence[Optional[int]]) -> Tuple[int, ...]:
    """Where the code, or the EBP of a function that keeps a frame, says that the return slot lies."""
    if prediction.slots or not prediction.frame_ebp:
        return prediction.slots
    held = [ebp for ebp in ebps if ebp is not None]
    if node.looks & SAVED_EBP:
        held.append(node.below)
    return tuple({ebp + distance for ebp in held for distance in prediction.frame_ebp})
