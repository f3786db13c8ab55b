"""Overrides planned for frames, checked against a debugger that walks as the real one was seen to."""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Sequence, Tuple

from hypothesis import given
from hypothesis import strategies as st

from hogwalk.model import Frame, Source, Trust
from hogwalk.walk.heal.commands import PER_COMMAND, enabled, entries, set_commands
from hogwalk.walk.heal.plan import SEARCHED, WORD, Plan, not_reached, plan

LOW = 0xB8AE6000


def frames(steps: Sequence[Tuple[int, int]]) -> List[Frame]:
    """A frame for each (dwords from the newer slot to its own, return address)."""
    found: List[Frame] = []
    slot, running = LOW, 0
    for dwords, address in steps:
        slot += WORD * dwords
        found.append(Frame(slot - 4, slot, address, running, None, None, Source.HOGWALK, Trust.CALL))
        running = address
    return found


def walked(start: Frame, locals_: Dict[int, int], words: Dict[int, int]) -> List[int]:
    """The slots that a debugger shows: at the place an override names, or the first return address above."""
    shown: List[int] = []
    slot, address = start.return_slot, start.return_address
    while address in locals_:
        named = slot + WORD + WORD * locals_[address]
        reach = range(named, named + WORD * (SEARCHED + 1), WORD)
        slot = next((at for at in reach if at in words), 0)
        if not slot:
            break
        shown.append(slot)
        address = words[slot]
    return shown


def planned(walk: Sequence[Frame], words: Dict[int, int], hidden: FrozenSet[int] = frozenset()) -> Plan:
    return plan(walk, hidden, words.__contains__)


def test_an_override_counts_the_dwords_between_two_return_slots() -> None:
    walk = frames([(1, 0x1000), (25, 0x2000), (5, 0x3000)])
    made = planned(walk, {})
    assert made.locals == {0x1000: 24, 0x2000: 4}
    assert made.shown == tuple(frame.return_slot for frame in walk)


def test_a_hidden_frame_is_led_past() -> None:
    walk = frames([(1, 0x1000), (25, 0x2000), (5, 0x3000)])
    made = planned(walk, {}, frozenset({walk[1].return_slot}))
    assert made.locals == {0x1000: 29}
    assert made.shown == (walk[0].return_slot, walk[2].return_slot)


def test_the_search_serves_two_distances_at_once_where_nothing_lies_between() -> None:
    walk = frames([(1, 0x1000), (11, 0x2000), (8, 0x1000), (14, 0x3000)])
    live = {frame.return_slot: frame.return_address for frame in walk}
    assert planned(walk, live).locals == {0x1000: 10, 0x2000: 7}
    dead = {**live, walk[3].return_slot - WORD: 0x4000}
    made = planned(walk, dead)
    assert made.shown == (walk[0].return_slot, walk[1].return_slot, walk[3].return_slot)
    assert made.locals == {0x1000: 10, 0x2000: 21}


def test_the_start_is_never_passed_over() -> None:
    walk = frames([(1, 0x1000), (30, 0x1000), (9, 0x1000), (9, 0x1000), (9, 0x1000), (9, 0x2000)])
    words = {frame.return_slot: frame.return_address for frame in walk}
    made = planned(walk, words, frozenset({walk[0].return_slot}))
    assert made.shown[0] == walk[0].return_slot
    assert made.locals[0x1000] == (made.shown[1] - made.shown[0]) // WORD - 1


def test_slots_not_reached_are_those_behind_a_row_that_is_there() -> None:
    shown = (0x100, 0x110, 0x120, 0x130, 0x140)
    assert not_reached(shown, [0x110, 0x120, 0x130, 0x140]) == frozenset()
    assert not_reached(shown, [0x110, 0x124, 0x130, 0x140]) == {0x120}
    assert not_reached(shown, [0x118, 0x120, 0x138]) == {0x110, 0x130}
    assert not_reached(shown, []) == frozenset()


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 6)), min_size=2, max_size=30),
    st.sets(st.integers(0, 300), max_size=30),
    st.sets(st.integers(0, 29), max_size=4),
)
def test_the_debugger_shows_exactly_what_is_planned(
    steps: List[Tuple[int, int]], dead: FrozenSet[int], hide: FrozenSet[int]
) -> None:
    walk = frames([(dwords, 0x1000 * number) for dwords, number in steps])
    words = {LOW + WORD * at: 0xDEAD for at in dead}
    words.update({frame.return_slot: frame.return_address for frame in walk})
    hidden = frozenset(walk[at].return_slot for at in hide if at < len(walk))
    made = planned(walk, words, hidden)
    expected = list(made.shown[1:])
    assert walked(walk[0], made.locals, words)[: len(expected)] == expected
    assert not hidden - {walk[0].return_slot} & set(made.shown)
    assert set(made.locals) <= {frame.return_address for frame in walk}


@given(st.dictionaries(st.integers(0x80000001, 0xFFFFFFF0), st.integers(0, 0x4000), max_size=200))
def test_every_override_is_set_once_a_byte_before_the_return_address(overrides: Dict[int, int]) -> None:
    commands = set_commands(overrides)
    single = [command for joined in commands for command in joined.split(";")]
    assert single == [f".fpo -s -fl 0x{overrides[at]:x} -fs 0x2 0xffffffff{at - 1:08x}" for at in sorted(overrides)]
    assert all(command.count(";") < PER_COMMAND for command in commands)


def test_the_debuggers_answers_are_read() -> None:
    entry = "Debugger function entry 012129a8 for:\n(b9f24000)   netmon5!Ordinal0+0x1942\n\nOffStart:  00001942\n"
    assert entries(entry * 3) == 3
    assert entries("All user FPO entries for netmon5 removed\n") == 0
    assert enabled("VC7 FPO - Disabled\n") is False
    assert enabled("VC7 FPO - Enabled\n") is True
    assert enabled("dbghelp has no vc7fpo export\n") is None
