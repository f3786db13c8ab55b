"""Chains of saved EBPs: one backward pass over the stack finds the best chain that starts at every slot.

A node is a slot at address A whose word points further up into the stack and whose next word is a code address.
Every node has one successor (the slot it points to), so the best chain from it is known as soon as its successor's
is: linear in the words of the stack, no recursion.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional

from hogwalk.machine.windows import TRAP_MARK, USER_END
from hogwalk.machine.words import X86
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.facts.links import Link, LinkJudge
from hogwalk.walk.facts.sites import CallSites, SiteKind
from hogwalk.walk.kf.scoring import End, Fact, Tally

WORD = X86.word
NEAR_BASE = 0x400


class Chain(NamedTuple):
    """The best chain from one slot: its length, where and how it ends, its facts and their points."""

    slot: int
    successor: Optional[int]
    frames: int
    last_slot: int
    end: End
    tally: Tally
    points: int


class ChainFinder:
    """Finds the chains of one stack; `alive_from` is the faulting ESP, below which every frame is dead."""

    def __init__(self, image: StackImage, sites: CallSites, judge: LinkJudge, alive_from: Optional[int]) -> None:
        self._image = image
        self._sites = sites
        self._judge = judge
        self._alive_from = alive_from

    def chains(self) -> Dict[int, Chain]:
        """The best chain of every node, by slot address."""
        found: Dict[int, Chain] = {}
        words, region = self._image.words, self._image.region
        low, high = self._sites.modules.span
        limit, base = region.limit, region.base
        pointers = {at for at, word in enumerate(words[:-2]) if limit < word < base}
        pointers.update([at for at, word in enumerate(words[2:]) if word == TRAP_MARK])
        for index in sorted(pointers, reverse=True):
            pointer, code = words[index], words[index + 1]
            slot = limit + WORD * index
            inside = slot < pointer < base and not pointer % WORD
            if inside and low <= code < high and self._sites.modules.is_code(code):
                found[slot] = self._chain(slot, pointer, code, words[index + 2], found.get(pointer))
            elif words[index + 2] == TRAP_MARK:
                found[slot] = self._trap(slot, pointer, code, found.get(pointer))
        return found

    def _chain(self, slot: int, pointer: int, code: int, third: int, older: Optional[Chain]) -> Chain:
        if third == TRAP_MARK:
            return self._trap(slot, pointer, code, older)
        facts = [self._site_fact(code)]
        if older is None:
            return self._grown(slot, None, facts, self._end(pointer))
        facts.extend(self._link_facts(code, older))
        return self._grown(slot, older, facts, older.end)

    def _trap(self, slot: int, pointer: int, code: int, older: Optional[Chain]) -> Chain:
        if code < USER_END and pointer < USER_END:
            return self._grown(slot, None, [Fact.TRAP], End.USER)
        if older is None:
            return self._grown(slot, None, [Fact.TRAP], self._end(pointer))
        return self._grown(slot, older, [Fact.TRAP, *self._link_facts(code, older)], older.end)

    def _site_fact(self, code: int) -> Fact:
        kind = self._sites.at(code).kind
        if kind is SiteKind.CALL:
            return Fact.CALLED
        return Fact.UNREAD if kind is SiteKind.UNREAD else Fact.PLAIN

    def _link_facts(self, running: int, older: Chain) -> List[Fact]:
        return_address = self._image.words[(older.slot + WORD - self._image.region.limit) // WORD]
        verdict = self._judge.judge(return_address, running)
        if verdict is Link.MATCH:
            return [Fact.LINKED]
        return [Fact.CONTRADICTED] if verdict is Link.MISMATCH else []

    def _end(self, pointer: int) -> End:
        last = self._image.word(pointer)
        if last == 0:
            return End.ZERO
        return End.BASE if 0 < self._image.region.base - pointer <= NEAR_BASE else End.OPEN

    def _grown(self, slot: int, older: Optional[Chain], facts: List[Fact], end: End) -> Chain:
        if self._alive_from is not None and slot < self._alive_from:
            facts.append(Fact.STALE)
        tally = (older.tally if older is not None else Tally()).plus(*facts)
        return Chain(
            slot,
            older.slot if older is not None else None,
            older.frames + 1 if older is not None else 1,
            older.last_slot if older is not None else slot,
            end,
            tally,
            tally.points() + end.points,
        )
