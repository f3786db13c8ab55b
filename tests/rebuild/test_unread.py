"""Stacks of which some code cannot be read, with what earlier calls have left inside the frames of that code."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Optional, Tuple

import pytest

from hogwalk.model import BugCheck, Module, Registers
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.rebuild import rebuild
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.collect import Collector
from hogwalk.walk.rebuild.walk import DARK_TRUTH, Truth
from tests.rebuild.machine import Machine
from tests.rebuild.test_outranked import call, framed

DRIVER, DARK, LIMIT = 0xB9000000, 0xB9800000, 0xB8000000
BOTTOM, AGAIN, NEWEST = range(DRIVER + 0x1000, DRIVER + 0x1300, 0x100)
IN_DARK, HANDLER = DARK + 0x1234, DARK + 0x1555
END = 0xFFFFFFFF  # of a chain of exception records


def machine() -> Machine:
    modules = [Module("drv", DRIVER, DRIVER + 0x2000, "none"), Module("dark", DARK, DARK + 0x8000, "none")]
    return Machine(modules, bugcheck=BugCheck(0x7F, (8, 0, 0, 0)))


def stack(target: Machine, words: Dict[int, int], base: int) -> Evidence:
    target.write_words(LIMIT, [words.get(address, 0) for address in range(LIMIT, base, 4)])
    return target.evidence(LIMIT, base)


def frames(slot: int, sizes: List[int], returns: List[int], words: Dict[int, int]) -> int:
    """Writes frames that keep EBP, from a return slot up; `sizes` are from slot to slot.  The slot behind them."""
    for size, address in zip(sizes, returns):
        words.update({slot: address, slot - 4: slot + size - 4})
        slot += size
    return slot


def one_large_frame(turns: int) -> Tuple[Machine, Dict[int, int], List[int], int]:
    """A live frame of unread code that holds a whole recursion of an earlier call, each of its steps exact."""
    target = machine()
    in_bottom = framed(target, BOTTOM, 0x10, "ffd0")
    in_again = framed(target, AGAIN, 4, call(AGAIN + 9, AGAIN))
    in_newest = framed(target, NEWEST, 0x20, "ffd0")
    words: Dict[int, int] = {}
    newest = LIMIT + 0x20
    size = 0x40 + 12 * turns
    bottom = frames(newest, [0x28, size], [in_newest, IN_DARK], words)
    base = frames(bottom, [0x18], [in_bottom], words) + 0x20
    words[bottom - 4] = 0
    stale = frames(newest + 0x28 + 0x18, [12] * turns, [in_again] * turns, words)
    words[stale] = 0x55
    return target, words, [newest, newest + 0x28, bottom], base


@pytest.mark.parametrize("turns", [8, 30, 100])
def test_a_whole_chain_inside_one_large_frame_is_not_live(turns: int) -> None:
    target, words, live, base = one_large_frame(turns)
    found = rebuild(stack(target, words, base))
    assert [frame.return_slot for frame in found.frames] == live


def test_no_chain_passes_over_the_frame_that_the_registers_lead_to() -> None:
    """EBP's own chain, in unread code, goes through a recursion of an earlier call, around which each step is exact."""
    target = machine()
    in_again = framed(target, AGAIN, 8, call(AGAIN + 9, AGAIN))
    words: Dict[int, int] = {}
    live = [LIMIT + 0x100 + 0x300 * at for at in range(4)]
    frames(live[1] - 0x148, [0x10] * 40, [in_again] * 40, words)
    base = frames(live[0], [0x300] * 4, [IN_DARK + 0x40 * at for at in range(4)], words)
    words[live[-1] - 4] = 0
    evidence = stack(target, words, base)
    registers = Registers(ip=DARK + 0x1000, sp=live[0] - 0x20, bp=live[0] - 4, source="a test")
    found = rebuild(replace(evidence, registers=registers))
    assert [frame.return_slot for frame in found.frames if frame.return_address != in_again] == live


@pytest.mark.parametrize("level", [0, 3, 0xFFFFFFFF, 0x1234])
@pytest.mark.parametrize("end", [END, 0])
def test_a_chain_of_exception_records_is_none_of_frames(level: int, end: int) -> None:
    """Next, Handler, try level: it ends with -1, as no chain of saved EBPs does."""
    records = [LIMIT + 0x100 + 0x40 * at for at in range(5)]
    words: Dict[int, int] = {}
    for record, following in zip(records, [*records[1:], end]):
        words.update({record: following, record + 4: HANDLER, record + 8: level, record + 12: 0x777777})
    words[records[-1] + 0x40] = IN_DARK
    nodes = Collector(stack(machine(), words, records[-1] + 0x80)).nodes
    handlers = [record + 4 for record in records]
    dropped = end == END and level != 0x1234
    assert [node.slot for node in nodes] == [*(() if dropped else handlers), records[-1] + 0x40]


def test_a_handler_that_can_be_read_needs_no_try_level() -> None:
    target, records = machine(), [LIMIT + 0x100, LIMIT + 0x140]
    target.write(DRIVER + 0x1500, bytes.fromhex("b8785634129090e9"))
    words = {records[0]: records[1], records[0] + 4: HANDLER, records[0] + 8: 0x777777, records[0] + 12: 0x777777}
    words.update({records[1]: END, records[1] + 4: DRIVER + 0x1500, records[1] + 8: 0x777777, LIMIT + 0x180: IN_DARK})
    assert [node.slot for node in Collector(stack(target, words, LIMIT + 0x1C0)).nodes] == [LIMIT + 0x180]


@pytest.mark.parametrize(("unread", "stated_by"), [(0, None), (1, DARK_TRUTH), (5, DARK_TRUTH)])
def test_of_a_dark_walk_its_own_map_tells_what_is_stated(unread: int, stated_by: Optional[Truth]) -> None:
    target = machine()
    in_bottom = framed(target, BOTTOM, 0x10, "ffd0")
    words: Dict[int, int] = {}
    slots = [LIMIT + 0x20 + 0x18 * at for at in range(6)]
    base = frames(slots[0], [0x18] * 6, [IN_DARK] * unread + [in_bottom] * (6 - unread), words) + 0x20
    words[slots[-1] - 4] = 0
    found = rebuild(stack(target, words, base))
    assert [frame.return_slot for frame in found.frames] == slots
    assert found.truth is stated_by
    if stated_by is not None:
        shares = found.weighed.posterior.nodes()
        numbers = {node.slot: number for number, node in enumerate(found.weighed.clued.nodes)}
        stated = [DARK_TRUTH.of(shares[numbers[slot]]) for slot in slots]
        assert found.probabilities == tuple(stated)


def test_a_greater_share_of_all_walks_is_never_stated_as_less() -> None:
    stated = [DARK_TRUTH.of(share / 1000) for share in range(1001)]
    assert stated == sorted(stated)
    assert 0 < stated[0] < stated[-1] < 1


@pytest.mark.parametrize(("below", "live"), [(0x40, 0), (0, 6)])
def test_an_array_of_one_word_is_no_recursion_but_where_the_stack_ends(below: int, live: int) -> None:
    """Eight words alike: dead within a frame; at Limit what calls itself before it pushes anything."""
    target, words = machine(), {}
    in_bottom = framed(target, BOTTOM, 0x10, "ffd0")
    first = LIMIT + below
    words.update({first + 4 * at: IN_DARK for at in range(8)})
    bottom = first + 0x40
    words.update({bottom: in_bottom, bottom - 4: 0})
    nodes = Collector(stack(target, words, bottom + 0x38)).nodes
    assert [node.slot for node in nodes if first < node.slot < first + 28] == [
        first + 4 * at for at in range(1, live + 1)
    ]


@pytest.mark.parametrize(("apart", "crowded"), [(1, True), (4, True), (5, False)])
def test_no_two_calls_end_less_than_a_calls_bytes_apart(apart: int, crowded: bool) -> None:
    words = {LIMIT + 0x20: IN_DARK, LIMIT + 0x40: IN_DARK + apart, LIMIT + 0x60: IN_DARK + 0x100}
    found = Collector(stack(machine(), words, LIMIT + 0x80)).nodes
    assert [bool(node.clues & Clue.CROWDED) for node in found] == [crowded, crowded, False]


def test_a_long_recursion_of_unread_code_is_a_walk() -> None:
    """Each of its turns costs more than it gains, but no stack ends far from its thread's first frame."""
    target, words = machine(), {}
    in_bottom = framed(target, BOTTOM, 0x10, "ffd0")
    turns = [LIMIT + 0x1C + 0x84 * turn for turn in range(400)]
    words.update(dict.fromkeys(turns, IN_DARK))
    words.update({slot + 0x10 + 4 * at: IN_DARK + 0x2000 + 4 * at for slot in turns for at in range(6)})
    words[turns[-1] + 0x84] = in_bottom
    found = {frame.return_slot for frame in rebuild(stack(target, words, turns[-1] + 0xA4)).frames}
    assert len(found.intersection(turns)) > 300
    assert found <= {*turns, turns[-1] + 0x84}
