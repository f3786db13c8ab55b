"""A long chain of earlier calls, each step exact but the last, against three live frames: the code outranks numbers.

The newest live function was called through a pointer that cannot be read, so that nothing tells how deep it goes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Tuple

import pytest

from hogwalk.model import BugCheck, Module, Registers
from hogwalk.walk.rebuild import rebuild
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.collect import Collector
from hogwalk.walk.rebuild.weigh import weigh
from tests.rebuild.machine import Machine

DRIVER, LIMIT = 0xB9000000, 0xB8000000
BOTTOM, BIG, MIDDLE, AGAIN, OUTER, WIDE, LEAF = range(DRIVER + 0x1000, DRIVER + 0x1700, 0x100)
ROOM, WIDER = 0x1000, 0x280  # bytes of locals
FRAMES = 40  # of the earlier recursion


def call(source: int, target: int) -> str:
    return "e8" + (target - source - 5 & 0xFFFFFFFF).to_bytes(4, "little").hex()


def framed(machine: Machine, start: int, room: int, called: str) -> int:
    """A function that keeps EBP, with one call, as a driver's: the call's return address."""
    head = bytes.fromhex("558bec81ec") + room.to_bytes(4, "little")
    code = head + bytes.fromhex(called)
    machine.write(start, code + bytes.fromhex("c9c3"))
    return start + len(code)


def drawn(last: int) -> Tuple[Machine, List[int]]:
    """The machine, and its live return slots and Base.

    `last` is the word where the oldest function of the recursion would have its return address.
    """
    machine = Machine([Module("drv", DRIVER, DRIVER + 0x2000, "none")], bugcheck=BugCheck(0x7F, (8, 0, 0, 0)))
    in_bottom = framed(machine, BOTTOM, 0, "ffd0")
    in_big = framed(machine, BIG, ROOM, call(BIG + 9, MIDDLE))
    in_middle = framed(machine, MIDDLE, 0x40, "ff1500000090")
    in_again = framed(machine, AGAIN, 4, call(AGAIN + 9, AGAIN))
    in_outer = framed(machine, OUTER, 4, call(OUTER + 9, WIDE))
    in_wide = framed(machine, WIDE, WIDER, call(WIDE + 9, LEAF))
    machine.write(LEAF, bytes.fromhex("558bec83ec40c9c3"))
    words: Dict[int, int] = {}

    def chain(slot: int, rooms: List[int], codes: List[int]) -> int:
        for room, code in zip(rooms, codes):
            older = slot + 4 + room + 4
            words.update({slot: code, slot - 4: older - 4})
            slot = older
        return slot

    newest = LIMIT + 0x180
    oldest = chain(newest, [0x40, ROOM], [in_middle, in_big])
    words.update({oldest: in_bottom, oldest - 4: 0})
    stale = chain(LIMIT + 0x20, [WIDER, 4, *[4] * FRAMES], [in_wide, in_outer, *[in_again] * FRAMES])
    assert newest + 0x60 < stale < oldest - 0x100
    words[stale] = last
    for address in range(LIMIT, oldest + 0x20, 4):
        machine.write_words(address, [words.get(address, 0)])
    return machine, [newest, newest + 0x48, oldest, oldest + 0x20]


@pytest.mark.parametrize("last", [0, 3, LIMIT + 0x100, 0x90001234])
def test_exact_steps_to_the_first_frame_outrank_a_longer_chain_that_breaks(last: int) -> None:
    machine, (*live, base) = drawn(last)
    found = rebuild(machine.evidence(LIMIT, base))
    assert [frame.return_slot for frame in found.frames] == live
    assert min(found.probabilities) > 0.98


@pytest.mark.parametrize("turns", [30, 100])
def test_a_recursion_within_a_large_frame_is_not_live_where_the_registers_start(turns: int) -> None:
    """It is exact in all of its turns; of the live frames the newest is not, as it calls what cannot be read."""
    machine = Machine([Module("drv", DRIVER, DRIVER + 0x2000, "none")], bugcheck=BugCheck(0x7F, (8, 0, 0, 0)))
    room = 0x80 + 16 * turns
    in_bottom = framed(machine, BOTTOM, 0, "ffd0")
    in_big = framed(machine, BIG, room, call(BIG + 9, MIDDLE))
    machine.write(LEAF, bytes.fromhex("c3"))
    machine.write(MIDDLE, bytes.fromhex("83ec40 50 ff1500009000 ffd0 83c440 c3"))
    in_middle, in_again = MIDDLE + 12, framed(machine, AGAIN, 8, "ffd0")
    newest = LIMIT + 0x20
    slots = [newest, newest + 0x44, newest + 0x44 + room + 8]
    words = {slots[0]: in_middle, slots[1]: in_big, slots[2]: in_bottom, slots[2] - 4: 0}
    words.update({slots[1] - 4: slots[2] - 4})
    for at in range(turns):
        slot = slots[1] + 0x20 + 16 * at
        words.update({slot: in_again, slot - 4: slot + 12})
    base = slots[2] + 0x20
    machine.write_words(LIMIT, [words.get(address, 0) for address in range(LIMIT, base, 4)])
    evidence = machine.evidence(LIMIT, base)
    registers = Registers(ip=LEAF, sp=newest, bp=slots[2] - 4, source="a test")
    found = rebuild(replace(evidence, registers=registers))
    assert [frame.return_slot for frame in found.frames] == slots


@pytest.mark.parametrize("margin", [2.0, 4.0, 8.0, 14.0, 20.0])
def test_what_was_passed_over_is_no_first_frame(margin: float) -> None:
    """Of a candidate that lies too far behind nothing is known: no more that a walk may well end there."""
    machine, (*_, base) = drawn(0)
    clued = Collector(machine.evidence(LIMIT, base)).collect(margin)
    passed_over = {number for number, found in enumerate(clued.edges.predictions) if found is None}
    assert weigh(clued).best()[-1] not in passed_over


@pytest.mark.parametrize(("saved", "lost"), [(0, True), (LIMIT + 0xBC, False)])
def test_who_keeps_a_frame_needs_the_ebp_that_the_function_called_has_saved(saved: int, lost: bool) -> None:
    """The function called has pushed EBP; 0 there is no frame's address, so that call has long returned."""
    machine = Machine([Module("drv", DRIVER, DRIVER + 0x2000, "none")], bugcheck=BugCheck(0x7F, (8, 0, 0, 0)))
    in_bottom = framed(machine, BOTTOM, 0, "ffd0")
    # push ebp; mov ebp,esp; sub esp,eax (an alloca, so that only EBP tells the frame); call MIDDLE; leave; ret
    machine.write(BIG, bytes.fromhex("558bec2be0" + call(BIG + 5, MIDDLE) + "c9c3"))
    in_middle = framed(machine, MIDDLE, 0x40, call(MIDDLE + 9, LEAF))
    machine.write(LEAF, bytes.fromhex("558bec83ec40c9c3"))
    words = {0x20: in_middle, 0x1C: LIMIT + 0x64, 0x68: BIG + 10, 0x64: saved, 0xC0: in_bottom, 0xBC: LIMIT + 0x10C}
    machine.write_words(LIMIT, [words.get(offset, 0) for offset in range(0, 0x120, 4)])
    clued = Collector(machine.evidence(LIMIT, LIMIT + 0x120)).collect(float("inf"), lambda _: None)
    at = next(number for number, node in enumerate(clued.nodes) if node.slot == LIMIT + 0x68)
    masks = [mask for _, mask in clued.edges.steps[at]]
    assert masks
    assert all(bool(mask & Clue.EBP_LOST) == lost for mask in masks)
