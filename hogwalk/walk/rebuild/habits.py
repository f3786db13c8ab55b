"""What several places of the same return address on one stack tell of code that cannot be read.

A function's stack depth at one call is the same each time it runs, but for an alloca; and a module's functions mostly
all keep a frame in EBP, or none does.  Frames of calls that have returned tell both as well as live ones.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from functools import cached_property
from typing import Dict, FrozenSet, List, Sequence, Tuple

from hogwalk.walk.facts.modules import ModuleMap
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.nodes import Node

REPEATED_PAIR, SAVED_EBP = int(Clue.REPEATED_PAIR), int(Clue.SAVED_EBP)
# By the number of other places compared (the last row: or more), from the rarest share to all of them.
SIZES: Tuple[Tuple[int, ...], ...] = (
    (int(Clue.NO_SIZE_ONE), int(Clue.SIZE_ONE)),
    (int(Clue.SIZE_NONE_FEW), int(Clue.SIZE_SOME_FEW), int(Clue.SIZE_ALL_FEW)),
    (int(Clue.SIZE_NONE), int(Clue.SIZE_SOME), int(Clue.SIZE_MOST), int(Clue.SIZE_ALL)),
)
BY_EBP = tuple(
    (int(plain), int(keeping), int(leaving))
    for plain, keeping, leaving in (
        (Clue.EBP_FRAME, Clue.KEEPER_FRAME, Clue.FPO_FRAME),
        (Clue.CHAINED, Clue.KEEPER_CHAINED, Clue.FPO_CHAINED),
        (Clue.EBP_PASSED, Clue.KEEPER_PASSED, Clue.FPO_PASSED),
        (Clue.CHAIN_BROKEN, Clue.KEEPER_BROKEN, Clue.FPO_BROKEN),
    )
)
ONE, FEW = 1, 3
RECURRING = int(Clue.REPEATED_PAIR | Clue.SIZE_ONE | Clue.SIZE_ALL_FEW | Clue.SIZE_ALL)
FARTHER_ONE, PAST_ITSELF = int(Clue.REPEATS_FARTHER), int(Clue.PAST_ITSELF)
TURN = int(Clue.REPEATED_PAIR | Clue.SIZE_ALL)
MOST_COMPARED = 8  # other places of the same return address that are compared
REACH = 0x2000  # bytes: no frame seen is larger
FARTHER = 16  # candidates behind the window that are looked at for their distance
MOST_LOOKED_AT = 320, 400_000  # candidates above one place, and in all
OFTEN, NEARLY_ALL = 4, 2 / 3  # places at which a distance has candidates whatever their address, and their share
FRAMED, FEWEST_PAIRS = 0.75, 3  # share of agreeing pairs of places from which on a module keeps frames
POINTING, HARDLY_POINTING, FEWEST_PLACES = 0.42, 0.1, 12  # share of pointing words: of modules that do, that do not

Counted = Tuple[int, int, Dict[int, int]]  # places compared, those with a candidate, and how often it is which address


class Habits:
    """The places of each return address, compared."""

    def __init__(self, nodes: Sequence[Node], base: int, modules: ModuleMap) -> None:
        self._nodes = nodes
        self._base = base
        self._modules = modules
        self._numbers = {node.slot: number for number, node in enumerate(nodes)}
        self._slots = [node.slot for node in nodes]
        self._places: Dict[int, List[int]] = {}
        for node in nodes:
            self._places.setdefault(node.address, []).append(node.slot)
        self._far: Dict[int, Tuple[int, ...]] = {}
        self._compared: Dict[int, FrozenSet[int]] = {}
        self._counted: Dict[Tuple[int, int], Counted] = {}
        self._left = MOST_LOOKED_AT[1]

    def size(self, node: Node, older: Node) -> int:
        """How many other places of a return address have a candidate at the same distance."""
        if len(self._places[node.address]) == 1:
            return 0
        key = node.address, older.slot - node.slot
        counted = self._counted.get(key)
        if counted is None:
            counted = self._counted[key] = self._count(*key)
        compared, seen, found = counted
        same, own = found.get(older.address, 0), node.slot in self._compared[node.address]
        return (REPEATED_PAIR if same > own else 0) | _share(seen - own, compared - own)

    def _count(self, address: int, distance: int) -> Counted:
        places = self._compared.get(address)
        if places is None:
            places = self._compared[address] = frozenset(self._some(address))
        compared, numbers, nodes = [place + distance for place in places], self._numbers, self._nodes
        found: Counter[int] = Counter()
        for slot in compared:
            if slot in numbers:
                found[nodes[numbers[slot]].address] += 1
        return sum(1 for slot in compared if slot < self._base), sum(found.values()), found

    def beyond(self, node: Node, first: int) -> List[int]:
        """The candidates from number `first` on that lie as far above a node as others do above its other places."""
        distances = self._far.get(node.address)
        if distances is None:
            distances = self._far[node.address] = self._repeated(node.address)
        low = self._slots[first] if first < len(self._slots) else self._base
        slots = (node.slot + distance for distance in distances)
        return [self._numbers[slot] for slot in slots if slot >= low and slot in self._numbers]

    def nearest(self, node: Node, steps: Sequence[Tuple[int, int]]) -> List[Tuple[int, int]]:
        """The steps from one node, those that recur farther off than another one does marked: a caller's caller.

        So are those past the node's own return address, where that comes back at the same distance again and again:
        the recursion's next turn begins there at the latest.
        """
        first = min((older for older, mask in steps if mask & RECURRING), default=None)
        if first is None:
            return list(steps)
        turns = (older for older, mask in steps if mask & TURN == TURN and self._nodes[older].address == node.address)
        turn = min(turns, default=len(self._nodes))
        return [
            (older, mask | (PAST_ITSELF if older > turn else FARTHER_ONE if mask & RECURRING and older > first else 0))
            for older, mask in steps
        ]

    def ebp(self, node: Node, mask: int) -> int:
        """The clues of a step that EBP gives the more for what the module that runs seems to do with it."""
        module = self._modules.at(node.address)
        for plain, keeping, leaving in BY_EBP:
            if mask & plain and module is not None and module.start in self._ebp:
                return keeping if self._ebp[module.start] else leaving
        return 0

    def _some(self, address: int) -> Sequence[int]:
        places = self._places[address]
        return places[:: 1 + (len(places) - 1) // MOST_COMPARED]

    def _repeated(self, address: int) -> Tuple[int, ...]:
        """The distances up to REACH at which several places of an address have the same candidate, or most have one."""
        places = self._some(address)
        if len(places) < 2 or self._left < 0:
            return ()
        pairs: Counter[Tuple[int, int]] = Counter()
        for place in places:
            low, high = (bisect_right(self._slots, end) for end in (place, place + REACH))
            high = min(high, low + MOST_LOOKED_AT[0])
            self._left -= high - low
            pairs.update((node.slot - place, node.address) for node in self._nodes[low:high])
        sizes: Counter[int] = Counter()
        for (distance, _), count in pairs.items():
            sizes[distance] += count
        found = {distance for (distance, _), count in pairs.items() if count > 1}
        if len(places) >= OFTEN:
            found.update(distance for distance, count in sizes.items() if count >= NEARLY_ALL * len(places))
        return tuple(sorted(found, key=lambda distance: -sizes[distance])[:FARTHER])

    @cached_property
    def _ebp(self) -> Dict[int, bool]:
        """Modules, by start, whose functions keep a frame in EBP, or do not; those of which neither shows are left out.

        They keep one where the word below a return address points as far above it at each place, or often points to
        a candidate's frame at all.
        """
        agreeing: Counter[int] = Counter()
        compared: Counter[int] = Counter()
        pointing: Counter[int] = Counter()
        every: Counter[int] = Counter()
        for address in self._places:
            module = self._modules.at(address)
            if module is None:
                continue
            own = [self._nodes[self._numbers[place]] for place in self._some(address)]
            distances = Counter(node.below - node.slot for node in own if node.looks & SAVED_EBP)
            count = sum(distances.values())
            every[module.start] += len(own)
            pointing[module.start] += count
            if count > 1:
                compared[module.start] += count - 1
                agreeing[module.start] += max(distances.values()) - 1
        found: Dict[int, bool] = {}
        for start, count in every.items():
            alike = compared[start] >= FEWEST_PAIRS and agreeing[start] >= FRAMED * compared[start]
            if alike or (count >= FEWEST_PLACES and pointing[start] >= POINTING * count):
                found[start] = True
            elif count >= FEWEST_PLACES and pointing[start] <= HARDLY_POINTING * count:
                found[start] = False
        return found


def _share(seen: int, compared: int) -> int:
    """The clue of a distance found at so many of so many places; 0 for none compared."""
    if not compared:
        return 0
    row = SIZES[0 if compared == ONE else 1 if compared <= FEW else 2]
    return row[-1] if seen == compared else row[(len(row) - 1) * seen // compared]
