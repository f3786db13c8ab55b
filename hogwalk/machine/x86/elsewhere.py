"""What functions take whose code does not tell, by calls of them behind which the stack must come out even."""

from __future__ import annotations

from typing import Dict, Sequence, Set, Tuple

from hogwalk.machine.x86.depth import StackDepths

Call = Tuple[int, int]  # the start of a function that calls, and a return address in it


def taken_elsewhere(depths: StackDepths, calls: Sequence[Call]) -> Dict[int, int]:
    """By function called, or by import cell, the bytes that the calls on the ways to these ones show it to take.

    Nothing of those of which two calls show different numbers: one of them never returns, or was not made for what the
    cell holds by now.
    """
    for function, return_address in calls:
        depths.blocks.begin()
        depths.flow(function).to_call(return_address)
    shown: Dict[int, Set[int]] = {}
    for function in dict.fromkeys(function for function, _ in calls):
        depths.blocks.begin()
        flow = depths.flow(function)
        for behind, state in flow.sites.items():
            callee = flow.called_at(behind)
            if callee is None or callee.known or state.guesses:
                continue
            taken = flow.even(behind, state)
            if taken is not None:
                shown.setdefault(callee.address, set()).add(taken)
    return {callee: min(counts) for callee, counts in shown.items() if len(counts) == 1}
