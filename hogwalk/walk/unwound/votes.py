"""What the candidates in code that cannot be read say of each other's frames: a function's frame has one size.

A first weighing of all steps tells, for each candidate, which sizes its frame is likely to have if it was one: dead
frames count as live ones do, for they were frames of the same functions.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import Callable, DefaultDict, Dict, List, Optional, Sequence

from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.graph import Posterior
from hogwalk.walk.rebuild.nodes import Edge, Node
from hogwalk.walk.unwound.sizes import MOST_NEAR

UNREAD = int(Clue.UNREAD)
SETTLED = int(Clue.DEPTH | Clue.DEPTH_OTHER)  # where a log shows a function's unwind data
FUNCTION = 0x100  # bytes between two return addresses that may well lie in one function
VOTE, SURE = 0.5, 1.5  # likely frames of one size that bear a size out
PLAIN_SIZES = sum(
    int(clue)
    for clue in (
        Clue.UP_TO_20, Clue.UP_TO_40, Clue.UP_TO_80, Clue.UP_TO_100, Clue.UP_TO_200, Clue.UP_TO_400, Clue.UP_TO_800,
        Clue.OVER_800,
    )
)  # fmt: skip
UNSIZED = ~PLAIN_SIZES
LEAST = 0.1  # likely frames of a size that are no chance
SIZE_SURE, SIZE_BORNE_OUT, SIZE_DENIED = int(Clue.SIZE_SURE), int(Clue.SIZE_BORNE_OUT), int(Clue.SIZE_DENIED)
SIZE_HELD, SIZE_OPPOSED = int(Clue.SIZE_HELD), int(Clue.SIZE_OPPOSED)
Votes = Dict[int, float]


def voted(
    nodes: Sequence[Node], steps: Sequence[Sequence[Edge]], scores: Posterior, function: Callable[[int], Optional[int]]
) -> List[Sequence[Edge]]:
    """The steps from code that cannot be read with what the other candidates' likely steps say of them.

    `function` names the start of the function that holds a return address, where that is known.
    """
    likely = scores.onward_shares()
    own: List[Votes] = [
        {nodes[older].slot - node.slot: share for (older, _), share in zip(edges, shares)}
        if node.clues & UNREAD and edges and not edges[0][1] & SETTLED
        else {}
        for node, edges, shares in zip(nodes, steps, likely)
    ]
    groups = {node.address: function(node.address) or node.address for node in nodes if node.clues & UNREAD}
    same: Dict[int, DefaultDict[int, float]] = {group: defaultdict(float) for group in groups.values()}
    for node, votes in zip(nodes, own):
        for size, share in votes.items():
            same[groups[node.address]][size] += share
    alone = {group for address, group in groups.items() if address == group}  # of functions not known
    order = sorted(alone)
    near: Dict[int, Votes] = {group: _near(group, order, same) if group in alone else {} for group in same}
    whole = {group: sum(votes.values()) for group, votes in same.items()}
    held_by = {group: sum(votes.values()) >= VOTE for group, votes in near.items()}
    found: List[Sequence[Edge]] = []
    for node, edges, votes in zip(nodes, steps, own):
        if not votes:
            found.append(edges)
            continue
        named, joined = groups[node.address], []
        group, nearby, held = same[named], near[named], held_by[named]
        told = whole[named] - sum(votes.values()) >= VOTE
        for (older, mask), (size, share) in zip(edges, votes.items()):
            others, here = group[size] - share, nearby.get(size, 0.0) if held else 0.0
            if others >= VOTE:  # then it does not matter how usual a size is
                mask = mask & UNSIZED | (SIZE_SURE if others >= SURE else SIZE_BORNE_OUT)
            elif told and others < LEAST:
                mask |= SIZE_DENIED
            if here >= VOTE:
                mask |= SIZE_HELD
            elif held and here < LEAST:
                mask |= SIZE_OPPOSED
            joined.append((older, mask))
        found.append(joined)
    return found


def returned_to(nodes: Sequence[Node], predicted: Sequence[Optional[int]]) -> List[Node]:
    """The candidates; those to whose return address unwind data lead at another slot are no pointers to data."""
    slots = {slot for slot in predicted if slot is not None}
    led: DefaultDict[int, List[int]] = defaultdict(list)
    for node in nodes:
        if node.slot in slots:
            led[node.address].append(node.slot)
    looks, clue = ~int(Clue.ALIGNED | Clue.ALIGNED_8), int(Clue.RETURNED_TO)
    return [
        node._replace(clues=node.clues & looks | clue)
        if node.clues & UNREAD and any(slot != node.slot for slot in led.get(node.address, ()))
        else node
        for node in nodes
    ]


def _near(address: int, order: Sequence[int], same: Dict[int, DefaultDict[int, float]]) -> Votes:
    total: DefaultDict[int, float] = defaultdict(float)
    first, last = bisect_left(order, address - FUNCTION), bisect_right(order, address + FUNCTION)
    for other in order[first : min(last, first + MOST_NEAR)]:
        if other != address:
            for size, share in same[other].items():
                total[size] += share
    return total
