"""Two thousand inputs of the fuzz of names; and the fuzz itself would see what it looks for."""

from __future__ import annotations

import pytest

from hogwalk.targets.parsers import asked
from tests.hostile.debugger import Debugger
from tests.hostile.fuzz import faults
from tests.hostile.names import COMMAND, RAW, names

COUNT, PARTS = 2000, 8


@pytest.mark.parametrize("part", range(PARTS))
def test_no_name_reaches_a_command_or_the_screen_raw(part: int) -> None:
    assert [(seed, found) for seed in range(part, COUNT, PARTS) for found in faults(seed)] == []


def test_the_fuzz_sees_a_name_in_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_name(*_: object) -> str:
        return "lmv m x;.shell calc"

    monkeypatch.setattr(asked, "format_lmv", by_name)
    assert any("command 'lmv m x;.shell calc'" in fault for fault in faults(0))


def test_the_debugger_prints_names_as_they_are() -> None:
    drawn = names(5, 4)
    debugger = Debugger(["a\nb", *drawn[1:]])
    hog = debugger.scene.hog.start
    assert "a\nb" in debugger.dbgCommand(f"lmv a 0x{hog:08x}")
    assert drawn[1] in debugger.dbgCommand(f'.foreach /s (hogwalk "{hog + 0x1040:x}") {{}}')
    assert RAW.search("\x1b")
    assert not RAW.search("a\n")
    assert not COMMAND.fullmatch("lmv a 0xb9580000;q")
