"""The steps between candidate return slots, each with the clues for and against it."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.traps import Traps
from hogwalk.walk.rebuild.chained import UNREAD, Chains
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.ebps import Ebps
from hogwalk.walk.rebuild.functions import Functions, Prediction
from hogwalk.walk.rebuild.habits import REACH, Habits
from hogwalk.walk.rebuild.nodes import Edge, Node
from hogwalk.walk.rebuild.pairs import TRAPPED, PairJudge
from hogwalk.walk.rebuild.pruner import Pruner
from hogwalk.walk.rebuild.scale import Scale

SAVED_EBP = int(Clue.SAVED_EBP)
UNLIKELY = int(Clue.NOT_REGISTERS | Clue.FAR_FROM_LIMIT)  # a start that hardly is one
CONFIRMED = int(Clue.REACHED | Clue.TABLE_TARGET | Clue.TAIL_REACHED)
PLACED = int(Clue.DEPTH | Clue.CHAINED)
EBP_CHAIN = int(Clue.EBP_CHAIN)
DEPTH_ALONE = int(Clue.DEPTH_ALONE)
PASSING = int(Clue.EBP_PASSED | Clue.KEEPER_PASSED | Clue.FPO_PASSED)
EBP_LOST, PASSES_FRAME = int(Clue.EBP_LOST), int(Clue.PASSES_FRAME)

WINDOW = 40  # candidates looked at where the depth is not known
BLIND_WINDOW = 100  # the same where no code tells it: a large frame may hold a whole chain of an earlier call
MOST_PAIRS = 280_000  # in all: a stack of more than 7,000 candidates gets a narrower window, not more time
FALLBACK = 10  # candidates looked at where none lies at the predicted place: the depth analysis may be wrong
TELL = 1000  # candidates between two words about how far the work is: a fraction of a second
FEW = 3  # where one does, but nothing else confirms it

Resumed = Optional[Tuple[Prediction, int]]

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
        self._image = evidence.image
        self._judge = judge
        self._habits = habits
        self._order = list(range(len(nodes)))  # the one int of each number, for all steps to it
        self._masks: Dict[int, int] = {}  # and of each set of clues
        self._numbers = {node.slot: number for node, number in zip(nodes, self._order)}
        self._slots = [node.slot for node in nodes]
        self._ebps = Ebps(nodes, self._numbers, judge)

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
            self._ebps.resume(starts, *resumed)
        steps: List[Sequence[Edge]] = [()] * count
        predictions: List[Optional[Prediction]] = [None] * count
        for number, node in enumerate(self._nodes):
            if number % TELL == 0:
                announce(f"rebuilding the frames from the code: {number} of {count} possible return addresses")
            if not pruner.may_win(number):
                continue
            trap = self._traps.by_slot[node.slot] if node.clues & TRAPPED else None
            if trap is not None:
                self._ebps.trapped(number, trap.ebp)
            elif resumed is None and not starts.get(number, UNLIKELY) & UNLIKELY:
                self._ebps.started(number)
            prediction = predictions[number] = self._ebps.applied(number, self._functions.predict(node, trap))
            found = steps[number] = self._along_chain(node) or self._known(number, prediction)
            better = pruner.advance(number, found)
            self._ebps.advance(number, prediction, found, better)
        return Edges(steps, predictions, scale)

    def _along_chain(self, node: Node) -> List[Edge]:
        """The one step of a function that cannot be read where a believed chain goes on."""
        older = self._chained.get(node.slot) if node.clues & UNREAD else None
        return [] if older is None else [(self._numbers[older], EBP_CHAIN)]

    def _known(self, number: int, prediction: Prediction) -> List[Edge]:
        """As _steps, which depends on these alone; a second gathering finds most steps as they were."""
        known = None if prediction.known else self._ebps.known(number)
        given = prediction, self._ebps.at(number), known, self._ebps.next_frame(number)
        found = self._found.get(number)
        if found is None or found[0] != given:
            found = self._found[number] = given, self._steps(number, prediction)
        steps = found[1]
        return [(older, mask | EBP_LOST) for older, mask in steps] if number in self._ebps.lost else steps

    def _steps(self, number: int, prediction: Prediction) -> List[Edge]:
        node, nodes = self._nodes[number], self._nodes
        hole = self._image.next_hole(node.slot)
        ebps = self._ebps.at(number)
        trapped = (trap.slot for trap in self._traps.above(node.slot))
        likely = None if prediction.known else self._ebps.known(number)
        expected = (*_expected(node, prediction, ebps), *trapped)
        if likely is not None:
            expected = (*expected, self._judge.framed(likely))
        predicted = [self._numbers[slot] for slot in dict.fromkeys(expected) if slot in self._numbers]
        predicted = [older for older in predicted if older > number]  # the thread's first code pops its return address
        if likely is not None and self._judge.framed(likely) not in self._numbers:
            likely = None
        clues, one = self._judge.clues, self._masks.setdefault
        found = [(older, clues(node, nodes[older], prediction, ebps, likely)) for older in predicted]
        if prediction.known and any(mask & CONFIRMED and mask & PLACED for _, mask in found):
            return [(older, mask & ~DEPTH_ALONE) for older, mask in found]  # it does not stand alone beside that one
        if proven := [(older, mask) for older, mask in found if self._judge.proves(node, mask)]:
            return proven
        predicted_exactly = (
            prediction.known and bool(expected) and (prediction.exact or not (prediction.slots or None in ebps))
        )
        window = self._window if prediction.known else self._blind_window
        window = (FEW if found else FALLBACK) if predicted_exactly else window
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
        found = self._past_frame(number, found)
        if hole is not None and hole[0] - node.slot <= REACH and not any(mask & PLACED for _, mask in found):
            found.extend(self._over_hole(prediction, hole))
        return found

    def _past_frame(self, number: int, steps: List[Edge]) -> List[Edge]:
        """The steps, those marked that pass over the next frame that EBP is known to point to."""
        framed = self._ebps.next_frame(number)
        if framed is None:
            return steps
        slots = self._slots
        return [(older, mask & ~PASSING | PASSES_FRAME if slots[older] > framed else mask) for older, mask in steps]

    def _over_hole(self, prediction: Prediction, hole: Tuple[int, int]) -> List[Edge]:
        nodes = self._nodes
        first = bisect_left(self._slots, hole[1])
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
