"""A 1 MB stack: work grows with its words, memory stays small; things are counted, times are for the benchmark."""

from __future__ import annotations

import random
import tracemalloc
from typing import Dict, List, Tuple

import pytest

from hogwalk.walk.evidence import Evidence, Request, gather
from hogwalk.walk.kf import chains
from hogwalk.walk.kf.scoring import Fact, Tally
from tests.core.scenes import LIMIT, Machine, machine, silent

SMALL, LARGE = 12 << 10, 1 << 20
MOST_MEMORY = 64 << 20


def noisy(size: int) -> Machine:
    """A stack of that size: chains of ten frames in leftovers of every kind."""
    scene = machine()
    chance = random.Random(1)
    codes = [*scene.nt_ring, *scene.hog_ring, scene.bridge]
    words: List[int] = []
    while len(words) < size // 4:
        here = LIMIT + 4 * len(words)
        kind = chance.randrange(5)
        if kind == 0:
            words += [here + 4 * chance.randrange(2, 40), chance.choice(codes)]
        elif kind == 1:
            words += [here + 4 * chance.randrange(size // 4)]
        else:
            words += [chance.getrandbits(31), chance.choice(codes)][: kind - 1]
    scene.target.put_words(LIMIT, *words[: size // 4])
    return scene


def gathered(scene: Machine, size: int) -> Evidence:
    return gather(scene.target, Request(LIMIT, LIMIT + size), silent)


def counted(monkeypatch: pytest.MonkeyPatch, size: int) -> Tuple[int, int, int]:
    """How many chains were built, facts tallied, and reads made."""
    count: Dict[str, int] = {"chains": 0, "facts": 0}
    grown, plus = chains.ChainFinder._grown, Tally.plus

    def grown_counted(*arguments: object) -> object:
        count["chains"] += 1
        return grown(*arguments)  # type: ignore[arg-type]

    def plus_counted(tally: Tally, *facts: Fact) -> Tally:
        count["facts"] += 1
        return plus(tally, *facts)

    with monkeypatch.context() as patch:
        patch.setattr(chains.ChainFinder, "_grown", grown_counted)
        patch.setattr(Tally, "plus", plus_counted)
        scene = noisy(size)
        gathered(scene, size)
    return count["chains"], count["facts"], len(scene.target.reads)


def test_work_grows_with_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = counted(monkeypatch, SMALL), counted(monkeypatch, LARGE)
    growth = LARGE / SMALL
    assert small[0] > 100
    assert large[0] < 1.5 * growth * small[0]
    assert large[1] == large[0] < LARGE // 4


def test_reads_do_not_grow_with_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = counted(monkeypatch, SMALL), counted(monkeypatch, LARGE)
    assert large[2] == small[2] <= 10


def test_a_megabyte_takes_little_memory() -> None:
    scene = noisy(LARGE)
    tracemalloc.start()
    try:
        evidence = gathered(scene, LARGE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(evidence.chains) > 10_000
    assert peak < MOST_MEMORY
