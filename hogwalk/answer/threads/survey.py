"""All threads of a dump, the worst first, each with its products."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Callable, Dict, List, Tuple

from hogwalk.answer.threads.depth import Depths
from hogwalk.answer.threads.owners import Owners
from hogwalk.answer.threads.records import ThreadUse
from hogwalk.errors import BadInput, HogwalkError, NothingFound
from hogwalk.fault import guarded
from hogwalk.targets.protocol import Target

MOST_LIVE = 4096  # threads of a live machine, each of which takes some reads over a wire
Begin = Callable[[str, int], None]
Advance = Callable[[], None]
NOT_LOOKED_AT = "not looked at; -n N does"


def survey(target: Target, by: str, deep: int, begin: Begin, advance: Advance) -> Tuple[ThreadUse, ...]:
    """Every thread, the one with least left first (by "left") or with most used first (by "used").

    The `deep` worst are walked frame by frame, on a live machine they alone are looked into.
    Raises NothingFound where no thread is known.
    """
    begin("listing the threads", 0)
    depths = Depths(target)
    live = target.about().live
    threads = islice(target.threads(), MOST_LIVE if live else None)
    uses = [ThreadUse(stack, depths.of(stack), (), False) for stack in threads]
    if not uses:
        raise NothingFound("no thread is known", "give the symbols of nt (-y)")
    ranked = sorted(uses, key=ORDERS[by])
    owners = Owners(target)
    begin("looking through the stacks", len(ranked))
    found: List[ThreadUse] = []
    for number, use in enumerate(ranked):
        if live and number >= deep:
            found.append(replace(use, trouble="" if use.depth is None else NOT_LOOKED_AT))
            continue
        found.append(_owned(owners, use, number < deep))
        advance()
    return tuple(found)


def _owned(owners: Owners, use: ThreadUse, deep: bool) -> ThreadUse:
    depth = use.depth
    if depth is None or depth.used is None:
        return replace(use, trouble="stack not in the dump")
    if deep and owners.walkable(depth):
        try:
            return replace(use, products=guarded(lambda: owners.walked(use, depth)), walked=True)
        except HogwalkError as error:
            return replace(use, trouble=error.wrong)
    try:
        return replace(use, products=owners.counted(depth))
    except BadInput as error:
        return replace(use, trouble=error.wrong)


def _left(use: ThreadUse) -> Tuple[bool, bool, int, int]:
    depth = use.depth
    if depth is None or depth.used is None:
        return True, True, 0, use.stack.thread
    return False, depth.left is None, depth.left or 0, -depth.used


def _used(use: ThreadUse) -> Tuple[bool, bool, int, int]:
    depth = use.depth
    if depth is None or depth.used is None:
        return True, True, 0, use.stack.thread
    return False, False, -depth.used, depth.left or 0


ORDERS: Dict[str, Callable[[ThreadUse], Tuple[bool, bool, int, int]]] = {"left": _left, "used": _used}
