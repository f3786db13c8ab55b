"""Whether the frame of the function that a call enters can reach down to a place where a stack ends or breaks off."""

from __future__ import annotations

from typing import Tuple

from hogwalk.rebuild.clues import Clue
from hogwalk.rebuild.functions import Functions
from hogwalk.rebuild.nodes import Node

REACHES_LIMIT, FAR_FROM_LIMIT = int(Clue.REACHES_LIMIT), int(Clue.FAR_FROM_LIMIT)
START_UNKNOWN, OVER_800 = int(Clue.START_UNKNOWN), int(Clue.OVER_800)
SIZES: Tuple[Tuple[int, int], ...] = (
    (0x20, int(Clue.UP_TO_20)),
    (0x40, int(Clue.UP_TO_40)),
    (0x80, int(Clue.UP_TO_80)),
    (0x100, int(Clue.UP_TO_100)),
    (0x200, int(Clue.UP_TO_200)),
    (0x400, int(Clue.UP_TO_400)),
    (0x800, int(Clue.UP_TO_800)),
)
NEAR = 0x400  # bytes within which any candidate may be the newest one


def size_clue(distance: int) -> int:
    """The class of a distance in bytes."""
    for top, clue in SIZES:
        if distance <= top:
            return clue
    return OVER_800


def reach_clues(node: Node, distance: int, functions: Functions) -> int:
    """The clues for and against no live slot lying in the `distance` bytes below a node's slot.

    If so, the function that the node's call enters has a frame at least that large.  0 where that is out of the
    question: far from there, with a function whose frame is small.
    """
    if node.target is None:
        return START_UNKNOWN | size_clue(distance)
    probed = functions.probed(node)
    if probed:
        return REACHES_LIMIT if probed >= distance else 0
    if distance > NEAR and functions.at_entry(node.target) < distance - NEAR:
        return 0
    deepest = functions.deepest(node.target)
    if not deepest:
        return START_UNKNOWN | size_clue(distance)
    return REACHES_LIMIT if deepest >= distance else FAR_FROM_LIMIT | size_clue(distance)
