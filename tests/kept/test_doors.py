"""One answer at every way in: the own reader, `!py` in the real engine, pykd's console, and that run's recording."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.engine import Engine
from tests.kept.doors import Answer, console, in_debugger, own
from tests.kept.store import unpacked
from tests.lab.cases import StoredCase

# Six styles; -7002 of each is for hand runs (a minute more).
NAMES = ("ebp-7001", "fpo-7001", "allfpo-7001", "gcc-7001", "gone-7001", "trap-7001")


@pytest.fixture(scope="module", params=NAMES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> StoredCase:
    return unpacked(request.param, tmp_path_factory.mktemp("doors"))


@pytest.fixture(scope="module")
def inside(engine: Engine, case: StoredCase) -> Answer:
    """What `!py hogwalk` answers."""
    return in_debugger(engine, case.dump, case.symbols)


def adds_up(given: Answer) -> bool:
    return sum(size or 0 for _, _, size in given.rows) + sum(given.gaps) == given.size


def test_the_debuggers_doors_agree(engine: Engine, case: StoredCase, inside: Answer, tmp_path: Path) -> None:
    shown, replayed = console(engine, case.dump, case.symbols, tmp_path / "run.recording")
    assert shown == inside
    assert replayed == inside
    assert adds_up(inside)


def test_the_own_reader_names_the_same_hog(case: StoredCase, inside: Answer) -> None:
    # To come: the same rows and sums too.  Until kf is a witness only, the debugger's answer may hold rows that kf
    # found by itself, and lack what kf skipped.
    outside = own(case.dump, case.symbols)
    assert adds_up(outside)
    assert inside.size == outside.size
    if inside.hog:
        assert inside.hog == outside.hog
