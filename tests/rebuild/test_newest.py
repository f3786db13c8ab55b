"""The newest end of a stack that ran out, where no registers are known."""

from __future__ import annotations

import pytest

from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.collect import Collector
from hogwalk.walk.rebuild.confidence import Confidence, confidence
from tests.code.test_helpers import SEH_PROLOG
from tests.rebuild.machine import CHKSTK
from tests.rebuild.test_clues_decide import BASE, HOG_CODE, LIMIT, NT_CODE, OVERFLOW, PIG_CODE, Scene, near, slots

HELPER = NT_CODE + 0x100


@pytest.mark.parametrize(
    ("helper", "before", "behind", "frame"),
    [
        # push ebp; mov ebp,esp; push ecx; push ecx; mov eax,[ebp+8]; call _chkstk; push eax, four times; call eax; ..
        (CHKSTK, "558bec51518b4508", "50505050ffd0c9c3", 0x10),
        # push 30h; push handler; call __SEH_prolog; push eax; call eax; ..
        (SEH_PROLOG, "6a306800108080", "50ffd0c9c3", 0x0C),
    ],
)
def test_a_helper_that_can_reach_limit_is_newer_than_its_caller(
    helper: str, before: str, behind: str, frame: int
) -> None:
    """Its return address lies where its caller's exact depth says, and is gone once it has returned."""
    scene, slot = Scene(OVERFLOW), LIMIT + 0x0C
    scene.code[HELPER] = helper
    older = slot + frame
    scene.words[slot] = scene.function(HOG_CODE, near(HOG_CODE, before, HELPER), behind)
    scene.words[older] = scene.function(NT_CODE, near(NT_CODE, "51", HOG_CODE), "59c3")
    clued = Collector(scene.machine().evidence(LIMIT, BASE)).collect()
    starts = {clued.nodes[number].slot: mask for number, mask in clued.starts.items()}
    assert starts[slot] & Clue.REACHES_LIMIT
    assert {slot, older} <= slots(scene.walked())


def ran_out(distance: int) -> Scene:
    """What nt calls through a pointer ran out of stack, `distance` bytes below; hog's frame is larger than pig's."""
    scene = Scene(OVERFLOW)
    slot = LIMIT + distance
    scene.words[slot] = scene.function(NT_CODE, "ffd0", "c3")
    # sub esp,80h; call NT_CODE; add esp,80h; ret, and the same with 40h
    scene.words[slot + 4] = scene.function(HOG_CODE, near(HOG_CODE, "81ec80000000", NT_CODE), "81c480000000c3")
    scene.words[slot + 0x88] = scene.function(PIG_CODE, near(PIG_CODE, "83ec40", HOG_CODE), "83c440c3")
    scene.words[slot + 0xCC] = scene.function(NT_CODE + 0x40, near(NT_CODE + 0x40, "51", PIG_CODE), "59c3")
    return scene


def stated(distance: int) -> Confidence:
    """How sure it is that hog's bytes are the most."""
    scene = ran_out(distance)
    walked = scene.walked()
    assert walked.frames[0].return_slot == LIMIT + distance
    found = confidence(walked, scene.machine().evidence(LIMIT, BASE).modules, lambda name: name)
    assert found is not None
    assert found.owner == "hog"
    return found


def test_the_frame_of_an_unknown_function_that_runs_may_change_the_hog() -> None:
    near_limit, far = stated(0x10), stated(0x200)
    assert far.probability < near_limit.probability
    assert far.low <= 0x84 <= 0x84 + 0x200 <= far.high
