"""A machine of 150 modules, the resources of some discarded: what it costs stays, products come of images on disk."""

from __future__ import annotations

from typing import List

import pytest

from tests.engine.engine import Engine, Target, unannounced
from tests.kd.counts import Counts
from tests.kd.crowd import crowd, file_of
from tests.kd.faults import Faults
from tests.kd.machine import opened
from tests.kd.serve import served
from tests.kd.test_faults import joined, without_progress
from tests.kd.test_session import SETTING
from tests.kd.test_slow import DPS_AND_KF
from tests.stackhog import DUMP, SYMBOLS

MODULES = 150
LINE = 460_800  # baud: slow enough for kf to be left out
BOSS, MAMA, RESOURCES = 0xB80BA000, 0xB8D89000, (0xB80D4000, 0xB8DA2000)  # where they begin, and their .rsrc
BOSS_BYTES = 0x1B000


@pytest.fixture(scope="module")
def crowded(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> List[object]:
    """`lm`, the triage, all counts: BossHog.sys is on disk, too, MamaHog.sys there is of another build."""
    folder, machine = tmp_path_factory.mktemp("images"), opened(DUMP)
    machine.fill()
    machine.tell_bugcheck()
    added = crowd(machine, MODULES - 8)
    (folder / "BossHog.sys").write_bytes(file_of(machine, BOSS, BOSS_BYTES))
    (folder / "MamaHog.sys").write_bytes(file_of(machine, BOSS, BOSS_BYTES))
    discarded = {*RESOURCES, *(base + 0x1000 for base in added[::2])}
    with served(machine, Faults(LINE, refused=frozenset(discarded))) as one:
        target = Target(None, connect=one.connection, symbols=[SYMBOLS], images=[folder])
        steps = [".reload", "lm", "db ee001000 L1", "!py hogwalk", "db ee002000 L1"]
        done = engine.host(target, steps, SETTING)
    return [done[1].output, without_progress(unannounced(done[3].output)), one.counts]


def test_the_budget_holds(crowded: List[object]) -> None:
    listed, _, counts = crowded
    assert isinstance(listed, str)
    assert isinstance(counts, Counts)
    assert listed.count("\nf2") == MODULES - 8
    assert counts.of(1).bytes <= 0.25 * DPS_AND_KF
    assert counts.of(1).again == 0
    assert counts.changes() == {}


def test_a_product_that_cannot_be_read_live_comes_from_disk_or_that_is_said(crowded: List[object]) -> None:
    triage = joined(str(crowded[1]))
    assert "Hog StackHog (Stack Hog Software, Inc.): 3204 bytes" in triage
    assert " in 45 frames of BossHog01, BossHog, BabyHog, daddyHog" in triage
    assert (
        "Note no version data for MamaHog: each counts as a product of its own; their images (-i, .exepath)" in triage
    )
    assert "rows of `lm` left out" not in triage
