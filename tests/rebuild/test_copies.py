"""Functions of gcc's that align ESP copy their return address below EBP's place; they return through the original."""

from __future__ import annotations

from typing import Dict, List

import pytest

from hogwalk.model import BugCheck, Module
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.collect import Collector
from hogwalk.walk.rebuild.copies import copies
from hogwalk.walk.rebuild.nodes import Node
from tests.rebuild.machine import Machine

DARK, LIMIT, SIZE = 0xB9800000, 0xB8000000, 0x100
RETURN, OLDER = DARK + 0x1234, DARK + 0x2345


def stack(words: Dict[int, int]) -> Evidence:
    target = Machine([Module("dark", DARK, DARK + 0x8000, "none")], bugcheck=BugCheck(0x7F, (8, 0, 0, 0)))
    target.write_words(LIMIT, [words.get(at, 0) for at in range(0, SIZE, 4)])
    return target.evidence(LIMIT, LIMIT + SIZE)


def aligned(original: int, ebp: int, saved: int = 3) -> Dict[int, int]:
    """The words of such a frame's end: its EBP's value is `ebp`; ECX was pushed `saved` words below EBP's place."""
    copy = (original & -16) - 4
    return {original: RETURN, copy: RETURN, copy - 4: LIMIT + ebp, copy - 4 - 4 * saved: LIMIT + original + 4}


def found(evidence: Evidence) -> List[Node]:
    return Collector(evidence).nodes


@pytest.mark.parametrize("original", [0x40, 0x44, 0x48, 0x4C])
@pytest.mark.parametrize("saved", [1, 4])
def test_a_copy_is_no_candidate(original: int, saved: int) -> None:
    evidence = stack(aligned(original, 0x80, saved))
    assert copies(evidence) == {LIMIT + (original & -16) - 4: LIMIT + original}
    assert [node.slot for node in found(evidence)] == [LIMIT + original]


def test_the_same_word_twice_is_no_copy_where_nothing_points_behind_the_upper_one() -> None:
    words = aligned(0x44, 0x80)
    del words[0x3C - 4 - 12]
    assert [node.slot for node in found(stack(words))] == [LIMIT + 0x3C, LIMIT + 0x44]


def test_a_chain_of_saved_ebps_leads_to_the_originals() -> None:
    # The newest frame's EBP points to the copy in an aligned one, whose own EBP lies below the copy and leads on.
    words = {0x20: OLDER, 0x1C: LIMIT + 0x38, **aligned(0x44, 0x7C), 0x80: OLDER}
    newest, middle, oldest = found(stack(words))
    assert newest.looks & Clue.SAVED_EBP
    assert middle.looks & Clue.POINTED_AT
    assert middle.below == LIMIT + 0x7C
    assert (newest.slot, middle.slot, oldest.slot) == (LIMIT + 0x20, LIMIT + 0x44, LIMIT + 0x80)
