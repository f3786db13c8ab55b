"""What EBP holds behind each candidate's call, as far as the registers and the newer frames tell it."""

from __future__ import annotations

from bisect import bisect_right
from typing import Dict, List, Mapping, Optional, Sequence, Set, Tuple

from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.functions import Prediction
from hogwalk.walk.rebuild.nodes import Edge, Node
from hogwalk.walk.rebuild.pairs import PairJudge

HOLE, SAVED_EBP, UNREAD = int(Clue.HOLE), int(Clue.SAVED_EBP), int(Clue.UNREAD)
FITTING = int(Clue.DEPTH | Clue.CHAINED | Clue.DEPTH_ALONE)
UNFIT = int(Clue.OTHER_TARGET | Clue.NO_TABLE_TARGET)
FROM_REGISTERS = int(Clue.FROM_REGISTERS)
LIKELY_STARTS = FROM_REGISTERS | int(Clue.EBP_START | Clue.BELOW_EBP_START | Clue.ESP_START)
MOST_EBPS = 4  # different values of EBP that several ways to one node can leave


class Ebps:
    """EBP behind the candidates of one stack, by their numbers, newest first as they are advanced."""

    def __init__(self, nodes: Sequence[Node], numbers: Mapping[int, int], judge: PairJudge) -> None:
        """`numbers` are those of `nodes` by their slots."""
        self._nodes = nodes
        self._numbers = numbers
        self._judge = judge
        self._values: Dict[int, Tuple[Optional[int], ...]] = {}
        self._sure: Set[int] = set()
        self._likely: Dict[int, Optional[int]] = {}  # EBP by the best walk to a node, None where that does not tell it
        self._proven: Set[int] = set()  # nodes of which that EBP goes back to the registers or to what code has saved
        self.lost: Set[int] = set()  # nodes whose function keeps a frame where the EBP that code has saved is none
        self._framed: List[int] = []  # the return slots of the chain of saved EBPs that the registers' EBP starts

    def at(self, number: int) -> Tuple[Optional[int], ...]:
        """What EBP can hold behind a node's call; None among it where that is open."""
        return self._values.get(number, (None,))

    def resume(self, starts: Mapping[int, int], prediction: Prediction, ebp: int) -> None:
        """Notes what EBP holds where the walk can start, when the function that runs with `ebp` has returned."""
        unread = any(node.clues & UNREAD for node in self._nodes)  # else the code says it all
        framed = self._judge.framed(ebp) if unread else 0
        while framed in self._numbers and (not self._framed or framed > self._framed[-1]):
            self._framed.append(framed)
            ebp = self._judge.word(ebp) or 0
            framed = self._judge.framed(ebp)
        for number, mask in starts.items():
            if mask & LIKELY_STARTS:
                self._likely[number] = self._held(prediction, ebp, self._nodes[number])
                self._proven.add(number)
                if mask & FROM_REGISTERS and prediction.known:
                    self._values[number] = (self._likely[number],)
                    self._sure.add(number)

    def trapped(self, number: int, ebp: int) -> None:
        """Notes the EBP in a node's trap frame."""
        self._values[number] = (ebp,)
        self._sure.add(number)

    def started(self, number: int) -> None:
        """Notes that the walk may start at a node: then nothing newer tells EBP."""
        if None not in self.at(number):
            self._values[number] = (*self._values[number], None)

    def known(self, number: int) -> Optional[int]:
        """EBP behind a node's call: what the functions returned have saved; else the word pushed as one would be."""
        node, ebp = self._nodes[number], self._saved(number) or self._likely.get(number)
        if ebp is None and node.looks & SAVED_EBP:
            ebp = node.below
        return ebp

    def _saved(self, number: int) -> Optional[int]:
        """The one value that EBP can hold behind a node's call by what code has saved; None where there is no one."""
        ebps = self.at(number)
        return ebps[0] if number in self._sure and len(ebps) == 1 else None

    def applied(self, number: int, prediction: Prediction) -> Prediction:
        """The prediction for a function that keeps a frame, where EBP is known."""
        ebps = self.at(number)
        if prediction.slots or not prediction.frame_ebp or None in ebps:
            return prediction
        every = {ebp + distance for ebp in ebps if ebp is not None for distance in prediction.frame_ebp}
        slots = {slot for slot in every if self._judge.may_return_at(slot, prediction.minimum)}
        if slots != every:  # EBP is not what the newer frames seem to leave in it
            if self._saved(number) is not None and prediction.certain:
                self.lost.add(number)
            self._values[number] = (*(ebp for ebp in ebps if ebp is not None), None)
            return prediction
        return prediction._replace(slots=tuple(sorted(slots)), exact=prediction.certain)

    def next_frame(self, number: int) -> Optional[int]:
        """The return slot of the next frame that EBP is known to point to, which no newer frame holds.

        A function returns with its caller's EBP, so that one that points to a frame says so of all older frames too.
        """
        slot = self._nodes[number].slot
        at = bisect_right(self._framed, slot)
        if at < len(self._framed):
            return self._framed[at]
        if not self._nodes[number].clues & UNREAD or not self._is_proven(number):
            return None
        framed = self._judge.framed(self.known(number) or 0)
        return framed if framed > slot and framed in self._numbers else None

    def advance(self, number: int, prediction: Prediction, steps: Sequence[Edge], better: Sequence[int]) -> None:
        """Notes what EBP can hold behind each older node of `steps`; `better` are those that the best walk comes to."""
        self._propagate(number, prediction, steps)
        ebp, masks, proven = self.known(number), dict(steps), self._is_proven(number)
        for older in better:
            held = None if masks[older] & HOLE else self._held(prediction, ebp, self._nodes[older])
            self._likely[older] = held
            if held is not None and (prediction.saved_ebp is not None or proven):
                self._proven.add(older)
            else:
                self._proven.discard(older)

    def _propagate(self, number: int, prediction: Prediction, steps: Sequence[Edge]) -> None:
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
                held = self.at(number)
            else:
                held = (None,)
            if sure and older not in self._sure:
                self._sure.add(older)
                self._values[older] = held
            elif len(held) == 1 and self._values.get(older, held) == held:
                self._values[older] = held
            else:
                every = {*self._values.get(older, ()), *held}
                self._values[older] = tuple(every) if len(every) <= MOST_EBPS else (None,)

    def _held(self, prediction: Prediction, ebp: Optional[int], older: Node) -> Optional[int]:
        """What EBP holds again behind an older slot when it was `ebp` in the function that returned through it.

        None where that is open.  A function that cannot be read either has its frame where EBP points to or, where
        that lies above the older slot, keeps EBP.
        """
        if prediction.saved_ebp is not None:
            return self._judge.word(older.slot - prediction.saved_ebp)
        if prediction.ebp_kept or (not prediction.known and ebp is not None and ebp > older.slot):
            return ebp
        if not prediction.known and ebp is not None and self._judge.framed(ebp) == older.slot:
            return self._judge.word(ebp)
        return None

    def _is_proven(self, number: int) -> bool:
        """Whether the EBP known behind a node's call goes back to the registers or to what code has saved."""
        if self._saved(number):
            return True
        return self._likely.get(number) is not None and number in self._proven
