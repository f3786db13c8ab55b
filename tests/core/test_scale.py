"""A 1 MB stack: work grows with its words, memory stays small; things are counted, times are for the benchmark."""

from __future__ import annotations

import random
import struct
import tracemalloc
from typing import Dict, List, Tuple

import pytest

from hogwalk.answer.render.json_report import to_json
from hogwalk.answer.render.triage import render
from hogwalk.errors import Unreadable
from hogwalk.model import Registers
from hogwalk.walk.evidence import Evidence, Request, gather
from hogwalk.walk.facts import image
from hogwalk.walk.facts.gaps import NOT_LOOKED_AT
from hogwalk.walk.kf import chains
from hogwalk.walk.kf.scoring import Fact, Tally
from hogwalk.walk.rebuild import edges
from hogwalk.walk.rebuild.pairs import PairJudge
from tests.bench import scale
from tests.core.scenes import LIMIT, Machine, machine, report_of, silent

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


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """All words of a stack are looked at, however many point into modules."""
    monkeypatch.setattr(image, "MOST_LOOKED", LARGE)


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


@pytest.mark.usefixtures("whole")
def test_work_grows_with_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = counted(monkeypatch, SMALL), counted(monkeypatch, LARGE)
    growth = LARGE / SMALL
    assert small[0] > 100
    assert large[0] < 1.5 * growth * small[0]
    assert large[1] == large[0] < LARGE // 4


@pytest.mark.usefixtures("whole")
def test_reads_do_not_grow_with_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = counted(monkeypatch, SMALL), counted(monkeypatch, LARGE)
    assert large[2] == small[2] <= 10


@pytest.mark.usefixtures("whole")
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


class Dark(scale.Plain):
    """The same target without its code: every word that points into it may be a return address."""

    def read(self, address: int, count: int) -> bytes:
        if address < scale.MODULE.end:
            raise Unreadable(address, count)
        return super().read(address, count)


class Stopped(Dark):
    """The same with registers whose ESP lies in the middle of the stack."""

    def registers(self) -> Tuple[Registers, ...]:
        return (Registers(scale.MODULE.start + 0x45, scale.BASE - len(self.stack) // 2, 0, "drawn"),)


def hostile(size: int) -> bytes:
    """A stack of nothing but return addresses."""
    chance = random.Random(3)
    return struct.pack(
        f"<{size // 4}I",
        *(scale.MODULE.start + scale.FUNCTION * chance.randrange(scale.COUNT) + 11 for _ in range(size // 4)),
    )


def test_what_is_looked_at_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the stack costs no more once there are more words than are looked at."""
    monkeypatch.setattr(image, "MOST_LOOKED", 1024)
    judged, clues = [0], PairJudge.clues

    def counting(*arguments: object) -> int:
        judged[0] += 1
        return clues(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(PairJudge, "clues", counting)
    costs = []
    for size in (LARGE // 2, LARGE):
        judged[0] = 0
        report_of(Dark(hostile(size)), Request(scale.BASE - size, scale.BASE))
        costs.append(judged[0])
    assert 1024 < costs[1] < 1.05 * costs[0]


def test_what_is_not_looked_at_is_said_and_lowers_what_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    limit, wanted = scale.BASE - LARGE, Request(scale.BASE - LARGE, scale.BASE)
    monkeypatch.setattr(image, "MOST_LOOKED", 1024)
    report = report_of(Dark(hostile(LARGE)), wanted)
    (gap,) = [gap for gap in report.gaps if gap.why == NOT_LOOKED_AT]
    assert (gap.start, gap.end) == (limit + 4096, scale.BASE)
    assert report.walked + sum(one.bytes for one in report.gaps) == LARGE
    assert len(report.frames) > 20
    assert max(frame.return_slot for frame in report.frames) < gap.start
    assert report.confidence is not None
    assert report.confidence.probability <= 4096 / LARGE
    assert report.confidence.high >= gap.bytes
    assert sum("may be anybody's" in note for note in report.notes) == 1
    assert not [note for note in report.notes if "cannot be read; it counts" in note]


def test_the_newest_words_from_esp_on_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "MOST_LOOKED", 1024)
    target = Stopped(hostile(LARGE))
    evidence = gather(target, Request(scale.BASE - LARGE, scale.BASE), silent)
    middle = scale.BASE - LARGE // 2
    assert evidence.image.cut == ((scale.BASE - LARGE, middle), (middle + 4096, scale.BASE))
    assert evidence.image.cut_above == LARGE // 2 - 4096
    assert evidence.image.word(middle) == struct.unpack_from("<I", target.stack, LARGE // 2)[0]


def test_no_megabyte_takes_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    share = 16  # of what is looked at, and so of the memory: tracing it takes long
    monkeypatch.setattr(image, "MOST_LOOKED", image.MOST_LOOKED // share)
    monkeypatch.setattr(edges, "MOST_PAIRS", edges.MOST_PAIRS // share)
    target = Dark(hostile(LARGE))
    tracemalloc.start()
    try:
        report = report_of(target, Request(scale.BASE - LARGE, scale.BASE))
        assert list(render(report))
        assert to_json(report)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(report.frames) > 50
    words = 20 * LARGE  # all of the stack's, before it is known how many are looked at
    assert peak < words + (160 << 20) // share  # of objects; a process has a third more
