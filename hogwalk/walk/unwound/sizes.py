"""Distances between candidates in code that cannot be read: a function's frame has one size wherever it runs on."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from typing import Dict, Mapping, Sequence, Tuple

from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.nodes import Node

UNREAD = int(Clue.UNREAD)
WINDOW = 40  # candidates looked at where the next slot is not known
MOST_PAIRS, FEWEST_LOOKED = 240_000, 3  # in all: a stack of more than 6,000 candidates gets a narrower window
NEARBY = 0x80  # bytes between two return addresses that may well lie in one function
MOST_NEAR = 32  # return addresses so near that are compared: compiled code has fewer
SIZE_NEARBY, NOT_REPEATED = int(Clue.SIZE_NEARBY), int(Clue.NOT_REPEATED)
REPEATED_SIZE, REPEATED_PAIR = int(Clue.REPEATED_SIZE), int(Clue.REPEATED_PAIR)
REPEATED_ALONE = int(Clue.REPEATED_ALONE)


class Distances(Dict[int, int]):
    """What the distances from one return address in code that cannot be read to later candidates say: `of[distance]`.

    `found` holds how often each comes up, of `count` times that the address itself does; `near` those of others near
    enough to be in the same function.  A function's frame has one size wherever it runs on at the same address, but
    for alloca.  `other` is what any distance says that comes up nowhere.
    """

    def __init__(self, found: Mapping[int, int], count: int, near: Sequence[Mapping[int, int]]) -> None:
        self.other = NOT_REPEATED if count > 1 else 0
        super().__init__(dict.fromkeys(frozenset().union(*near), SIZE_NEARBY | self.other))
        if count > 1:
            pair = REPEATED_PAIR | REPEATED_ALONE if list(found.values()).count(count) == 1 else REPEATED_PAIR
            for distance, seen in found.items():
                if seen > 1:
                    own = REPEATED_SIZE if seen < count else pair
                    self[distance] = self.get(distance, 0) & SIZE_NEARBY | own

    def __missing__(self, distance: int) -> int:
        return self.other


def window(candidates: int) -> int:
    """How many of so many candidates are looked at where the next slot is not known."""
    return max(FEWEST_LOOKED, min(WINDOW, MOST_PAIRS // max(1, candidates)))


class Sizes:
    """How often each distance to a later candidate comes up, by the return address in code that cannot be read."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._found: Dict[int, Tuple[Counter[int], int]] = {}
        slots, wide = [node.slot for node in nodes], window(len(nodes))
        for number, node in enumerate(nodes):
            if node.clues & UNREAD:
                sizes, count = self._found.get(node.address, (Counter(), 0))
                sizes.update([slot - node.slot for slot in slots[number + 1 : number + 1 + wide]])
                self._found[node.address] = sizes, count + 1
        self._order = sorted(self._found)
        self._known: Dict[int, Distances] = {}

    def of(self, address: int) -> Distances:
        """The distances from an address."""
        known = self._known.get(address)
        if known is None:
            first = bisect_left(self._order, address - NEARBY)
            last = bisect_right(self._order, address + NEARBY)
            beside = self._order[first : min(last, first + MOST_NEAR)]
            near = [self._found[other][0] for other in beside if other != address]
            sizes, count = self._found.get(address, ({}, 0))
            known = self._known[address] = Distances(sizes, count, near)
        return known
