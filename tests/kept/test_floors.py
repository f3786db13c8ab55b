"""On the kept lab cases hogwalk's own reader, as the command line prints it, is worth at least what it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kept.doors import found, own
from tests.kept.store import FOLDER, fallen, floors, names, unpacked
from tests.lab.score import score

MOST_BYTES = 5 << 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.mark.parametrize("name", names())
def test_no_case_falls_below_its_floor(name: str, folder: Path) -> None:
    case = unpacked(name, folder)
    given = own(case.dump, case.symbols)
    assert fallen(name, score(case.truth, found(case, given))) == []
    assert sum(size or 0 for _, _, size in given.rows) + sum(given.gaps) == given.size


def test_every_case_has_a_floor_and_the_cases_are_small() -> None:
    assert sorted(floors()) == sorted(names())
    files = sorted(FOLDER.iterdir())
    assert [file.name for file in files] == sorted(f"{name}.tar.xz" for name in names())
    assert sum(file.stat().st_size for file in files) < MOST_BYTES


def test_the_floors_are_worth_guarding() -> None:
    # A floor of 0 guards nothing: where today's answer is poor, the case is still of use only as a whole.
    for name, floor in floors().items():
        assert floor["hog"] == 1.0, name
        assert min(floor["recall"], floor["precision"], floor["bytes"]) > 0.9, name
