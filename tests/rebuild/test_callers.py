"""Callers whose code cannot be read: what their frame data and the functions they call tell of their frames."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

import pytest

from hogwalk.model import FrameLayout, Module, Symbol
from hogwalk.walk.evidence import Request, gather
from hogwalk.walk.rebuild import Rebuilt, rebuild
from tests.rebuild.machine import Machine

LIMIT, BASE = 0xB8000000, 0xB8000100
NT, GONE = Module("nt", 0x80800000, 0x80802000, "pdb"), Module("gone", 0xB9000000, 0xB9004000, "pdb")
F, G = 0x80801000, 0x80801040  # F takes 8 bytes of arguments and saves ESI, then calls G with one argument
IN_F = F + 7
CALLS_OUTER, OUTER_START = 0x80801108, 0xB9001200  # not where a function starts
IN_OUTER, IN_INNER, DECOY = 0xB9001234, 0xB9001678, 0xB9002345
INNER = FrameLayout(0x20, 4, None, None, True)
OUTER = FrameLayout(0x10, 0, None, None, True)


class Machines(Machine):
    """A machine that knows frame data."""

    def __init__(self, layouts: Dict[int, FrameLayout]) -> None:
        symbols = {
            IN_F: Symbol("nt", "F", 7),
            IN_INNER: Symbol("gone", "Inner", 0x78),
            IN_OUTER: Symbol("gone", "Outer", IN_OUTER - OUTER_START),
            DECOY: Symbol("gone", "Other", 0x45),
        }
        super().__init__((NT, GONE), symbols)
        self._layouts = layouts

    def layouts(self, addresses: Sequence[int]) -> Tuple[Optional[FrameLayout], ...]:
        return tuple(self._layouts.get(address) for address in addresses)


def walked(layouts: Dict[int, FrameLayout], words: Dict[int, int], pops: int = 8) -> Rebuilt:
    """The walk of a stack that holds these words, by their distance from Limit."""
    machine = Machines(layouts)
    machine.write(F, bytes.fromhex("5650e8340000009090905ec2") + pops.to_bytes(2, "little"))
    machine.write(G, bytes.fromhex("c20400"))
    machine.write(CALLS_OUTER, b"\xe8" + (OUTER_START - CALLS_OUTER - 5).to_bytes(4, "little"))
    machine.write_words(LIMIT, [words.get(at, 0) for at in range(0, BASE - LIMIT, 4)])
    return rebuild(gather(machine, Request(LIMIT, BASE), lambda doing: None))


def slots(found: Rebuilt) -> List[int]:
    return [frame.return_slot - LIMIT for frame in found.frames]


def test_frame_data_and_the_callees_arguments_find_the_return_slots() -> None:
    inner = 0x10 + 4 + 8  # behind F's return slot: ESI and G's argument below it
    outer = inner + 4 + 8 + 0x20  # F pops 8 bytes of arguments, Inner has 20h of its own
    top = outer + 4 + 4 + 0x10
    stack = {0x10: IN_F, inner: IN_INNER, inner + 20: DECOY, outer: IN_OUTER, outer + 8: DECOY, top: CALLS_OUTER + 5}
    found = walked({IN_INNER: INNER, IN_OUTER: OUTER}, stack)
    assert slots(found) == [0x10, inner, outer, top]
    prediction = "the function's frame data and the arguments pushed predict this slot"
    assert [prediction in reason for reason in found.reasons] == [False, False, True, True]
    assert found.probabilities[2] > 0.8 > walked({}, stack).probabilities[2]


@pytest.mark.parametrize("pops", [0, 8])
def test_what_a_callee_pops_is_no_return_slot(pops: int) -> None:
    stack = {0x10: IN_F, 0x1C: IN_INNER, 0x20: DECOY, 0x34: IN_OUTER, 0x48: CALLS_OUTER + 5}
    found = slots(walked({}, stack, pops))
    assert {0x10, 0x1C, 0x34, 0x48} <= set(found)
    assert (0x20 in found) == (pops == 0)
