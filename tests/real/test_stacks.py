"""A stack of real code, walked; many of them, and what they give, are `python -m tests.real.stacks`."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pefile")
pytest.importorskip("unicorn")

from tests.lab.toolchain import missing_tools
from tests.real.stacks import write
from tests.real.test_real import FUNCTIONS, SMALL
from tests.real.wheels import FILES, UnreachableError
from tests.rebuild.calibrate import measure


@pytest.mark.skipif(bool(missing_tools()), reason="no compilers")
def test_a_stack_of_real_code_is_walked_whole(tmp_path: Path) -> None:
    try:
        write(1, tmp_path, [file for file in FILES if file.name in SMALL], FUNCTIONS)
    except UnreachableError as error:
        pytest.skip(str(error))
    for style in ("real", "real-regs"):
        found = measure(tmp_path / style / "1", 0).score
        assert found.true_frames >= 20
        assert (found.recall, found.precision, found.right_hog) == (1, 1, True)
