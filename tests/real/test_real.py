"""Depths and call targets on files that other compilers made; the whole list runs as `python -m tests.real`."""

from __future__ import annotations

import pytest

pytest.importorskip("pefile")
pytest.importorskip("unicorn")

from tests.real.measure import measured, stack_bytes
from tests.real.wheels import FILES, UnreachableError, cache_root

SMALL = ("_regex.cp310-win32.pyd", "_psutil_windows.cp35-win32.pyd")  # two linkers, one with bnd prefixes
FUNCTIONS = 150


@pytest.mark.parametrize("name", SMALL)
def test_nothing_stated_as_exact_is_wrong_on_real_code(name: str) -> None:
    (file,) = [file for file in FILES if file.name == name]
    try:
        _, found = measured(file, stack_bytes(), FUNCTIONS, cache_root())
    except UnreachableError as error:
        pytest.skip(str(error))
    assert [(verdict, call) for verdict, call, *_ in found.wrong if not verdict.startswith("not")] == []
    assert found.sites > 250
    assert found.known >= 0.93 * found.sites  # all files and functions: 0.98; what few functions show is their own


def test_the_files_are_of_many_compilers() -> None:
    assert len(FILES) >= 10
    assert sum(file.held for file in FILES) >= 4
