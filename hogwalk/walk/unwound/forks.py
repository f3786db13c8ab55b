"""Which of several callees a call through registers ran last: what they kept of its registers still names it (x64)."""

from __future__ import annotations

from typing import AbstractSet, Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence, Set, Tuple

from hogwalk.machine.words import X64
from hogwalk.machine.x64.calls import LONGEST, Operand, operand
from hogwalk.machine.x64.unwind import RBP
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.unwinding import Unwinding
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.nodes import Edge, Node
from hogwalk.walk.unwound.slots import KERNEL_START

EXACT, OTHER_KEPT = int(Clue.DEPTH | Clue.ANY_TARGET), int(Clue.OTHER_KEPT)
MOST_TABLED = 128  # words of a table of functions that are looked at: a driver object's has 28
PUSHED = 8  # words below a return slot in which a function keeps the nonvolatile registers that it pushes
USER_START = 0x10000  # the least pointer of a program
MOST_INDEX = 0x1000  # a larger one is none: what lies there now is something else


class Forks:
    """Looks at the calls of one stack to which several steps lead and whose target only run time knew.

    `call [rbx+rsi*8+40h]` reads its target through nonvolatile registers, which the function called keeps, if it uses
    them, at places that its unwind data name.  A function for which these places hold what leads to that very function
    is what the call ran, and no other has kept registers there since.  So does the RBP of a caller that RBP frames.
    """

    def __init__(
        self,
        evidence: Evidence,
        unwinding: Unwinding,
        nodes: Sequence[Node],
        predicted: Sequence[Optional[int]],
        stays: Callable[[int], bool],
    ) -> None:
        """`predicted` is as in StepFinder; `stays` tells whether a function is known to hold no jump to another one."""
        self._evidence = evidence
        self._predicted = predicted
        self._stays = stays
        self._unwinding = unwinding
        self._nodes = nodes
        self._operands: Dict[int, Optional[Operand]] = {}
        self._tables: Dict[Tuple[int, int], FrozenSet[int]] = {}
        self._saved: Dict[int, Mapping[Optional[int], int]] = {}

    def judged(self, steps: Sequence[Sequence[Edge]]) -> List[Sequence[Edge]]:
        """The steps; those to a call that ran another function than the one that they come from say so.

        Code of no known function (generated, hand-written) may be what the call ran.  Where every read goes over a line
        the memory that the calls read through is not asked for.
        """
        found = list(steps)
        if self._evidence.about.live:
            return found
        callees: Dict[int, List[int]] = {}
        for number, edges in enumerate(steps):
            for older, mask in edges:
                if mask & EXACT == EXACT:
                    callees.setdefault(older, []).append(number)
        for older, numbers in callees.items():
            node, called = self._nodes[older], [self._nodes[number] for number in numbers]
            ran, framed = self._ran(node, called), self._framed(node, self._predicted[older], called)
            for number, one in zip(numbers, called):
                function = self._unwinding.function(one.address)
                other = bool(ran) and function is not None and function not in ran
                if other or (framed is not None and self._overwrote(node.slot, one, framed)):
                    found[number] = [(at, mask | OTHER_KEPT * (at == older)) for at, mask in found[number]]
        return found

    def _ran(self, node: Node, callees: Sequence[Node]) -> AbstractSet[Optional[int]]:
        """The functions that a call ran last by what was kept for it, of its `callees`, else any; empty: unknown."""
        read = self._operand(node.address)
        if read is None or read.base is None:
            return set()
        bases = self._bases(node.slot)
        own = {self._unwinding.function(one.address) for one in callees if self._names(node.slot, read, one, bases)}
        return own or self._others(node.slot, read, bases)

    def _framed(self, node: Node, end: Optional[int], callees: Sequence[Node]) -> Optional[int]:
        """The RBP of a frame that ends at a slot, where one of its callees kept it; None: not known."""
        above = self._unwinding.above_frame(node.address)
        if end is None or above is None:
            return None
        places = [self._saved_by(one.address).get(RBP) for one in callees]
        kept = any(
            place is not None and self._evidence.image.word(node.slot - place) == end - above for place in places
        )
        return end - above if kept else None

    def _overwrote(self, slot: int, callee: Node, framed: int) -> bool:
        """Whether a callee would have kept another value where its caller's RBP lies, or RBP elsewhere."""
        saved, word = self._saved_by(callee.address), self._evidence.image.word
        return any((word(slot - place) == framed) != (register == RBP) for register, place in saved.items())

    def _operand(self, return_address: int) -> Optional[Operand]:
        """What the call before a return address reads its target through."""
        if return_address not in self._operands:
            call = self._evidence.sites.at(return_address).call
            code = b"" if call is None else self._evidence.reader.readable_before(return_address, LONGEST)
            self._operands[return_address] = None if call is None else operand(code, call)
        return self._operands[return_address]

    def _bases(self, slot: int) -> Dict[int, int]:
        """The pointers among the words right below a return slot, by how far below it they lie."""
        words = {X64.word * at: self._evidence.image.word(slot - X64.word * at) for at in range(1, PUSHED + 1)}
        least = KERNEL_START if self._evidence.about.kernel else USER_START
        return {at: word for at, word in words.items() if word is not None and word >= least}

    def _names(self, slot: int, read: Operand, callee: Node, bases: Mapping[int, int]) -> bool:
        """Whether what a function kept leads to it.

        A base that it does not keep may lie where an earlier callee did, or where what it called has.
        """
        saved, function = self._saved_by(callee.address), self._unwinding.function(callee.address)
        index = None if read.indexed is None or read.indexed not in saved else saved[read.indexed]
        if read.base in saved:
            word = self._evidence.image.word(slot - saved[read.base])
            return word is not None and function in self._through(slot, read, index, word)
        if index is None:
            return False
        pointers = {*bases.values(), *self._bases(callee.slot).values()}
        return any(function in self._through(slot, read, index, base) for base in pointers)

    def _others(self, slot: int, read: Operand, bases: Mapping[int, int]) -> Set[Optional[int]]:
        """The functions that the words below a slot name and that would have kept them there."""
        found: Set[Optional[int]] = set()
        indices = () if read.indexed is None else range(X64.word, X64.word * PUSHED + 1, X64.word)
        for at, base in bases.items():
            for place in (None, *indices):
                for function in self._through(slot, read, place, base):
                    saved = self._saved_by(self._end(function))
                    kept = saved.get(read.base) == at and (read.indexed is None or saved.get(read.indexed) == place)
                    if kept and self._stays(function):
                        found.add(function)
        return found

    def _end(self, function: int) -> int:
        """A return address behind all that a function's prologue keeps."""
        unwinder = self._unwinding.of(function)
        entry = None if unwinder is None else unwinder.table.entry(function)
        return function if entry is None else entry.end

    def _saved_by(self, return_address: int) -> Mapping[Optional[int], int]:
        """By register, how far below its return slot the function at a return address keeps it."""
        if return_address not in self._saved:
            unwinder, caller = self._unwinding.of(return_address), None
            if unwinder is not None and unwinder.table.entry(return_address - 1) is not None:  # code alone does not say
                caller = self._unwinding.whole(return_address)
                if caller is None or caller.slot is None:
                    caller = self._unwinding.caller(return_address, 0, {}, False)
            self._saved[return_address] = {} if caller is None else dict(caller.saved.items())
        return self._saved[return_address]

    def _through(self, slot: int, read: Operand, place: Optional[int], base: int) -> FrozenSet[int]:
        """The functions that a call can have run; of a table whose index nobody kept at a `place`, all."""
        start = base + read.displacement
        if read.indexed is None:
            return self._table(start, 1)
        if place is None:
            return self._table(start, MOST_TABLED) if read.scale == X64.word else frozenset()
        index = self._evidence.image.word(slot - place)
        return frozenset() if index is None or index >= MOST_INDEX else self._table(start + index * read.scale, 1)

    def _table(self, pointer: int, most: int) -> FrozenSet[int]:
        """The functions that words from a pointer on lead to, as long as they do."""
        key = pointer & X64.mask, most
        if key not in self._tables:
            found: List[int] = []
            while len(found) < most:
                function = self._evidence.sites.through(key[0] + X64.word * len(found))
                if function is None:
                    break
                found.append(function)
            self._tables[key] = frozenset(found)
        return self._tables[key]
