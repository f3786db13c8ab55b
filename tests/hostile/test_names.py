"""Two thousand inputs of the fuzz of names; and the fuzz itself would see what it looks for."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from hogwalk.targets.dump import open_dump
from hogwalk.targets.parsers import asked
from hogwalk.targets.text import open_text
from hogwalk.walk.evidence import Request
from tests.core.scenes import report_of
from tests.hostile import dumps, fuzz, logs
from tests.hostile.debugger import Debugger
from tests.hostile.fuzz import faults
from tests.hostile.names import COMMAND, RAW, names

COUNT, PARTS = 2000, 8
PLAIN = ("C:\\evil\x1b.sys", "Maker", "Ware", "f0", "f1", "f2", "f3", "f4")


@pytest.mark.parametrize("part", range(PARTS))
def test_no_name_reaches_a_command_or_the_screen_raw(part: int, tmp_path: Path) -> None:
    assert [(seed, found) for seed in range(part, COUNT, PARTS) for found in faults(seed, tmp_path)] == []


def test_the_fuzz_sees_a_name_in_a_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def by_name(*_: object) -> str:
        return "lmv m x;.shell calc"

    monkeypatch.setattr(asked, "format_lmv", by_name)
    assert any("command 'lmv m x;.shell calc'" in fault for fault in faults(0, tmp_path))


def test_the_debugger_prints_names_as_they_are() -> None:
    drawn = names(5, fuzz.NAMES)
    debugger = Debugger(["a\nb", *drawn[1:]])
    hog = debugger.scene.hog.start
    assert "a\nb" in debugger.dbgCommand(f"lmv a 0x{hog:08x}")
    assert any(name in debugger.dbgCommand(f'.foreach /s (hogwalk_word "{hog + 0x1040:x}") {{}}') for name in drawn[3:])
    assert RAW.search("\x1b")
    assert not RAW.search("a\n")
    assert not COMMAND.fullmatch("lmv a 0xb9580000;q")


def test_a_dump_and_a_log_bring_every_name_into_the_report(tmp_path: Path) -> None:
    for target in (
        open_dump(str(dumps.write(tmp_path, PLAIN)), str(tmp_path)),
        open_text(io.BytesIO(logs.log(PLAIN))),
    ):
        report = report_of(target, Request())
        assert report.hog is not None
        assert (report.hog.product.company, report.hog.product.name) == PLAIN[1:3]
        assert "evil" in report.hog.product.modules[0]
        called = {frame.symbol.name for frame in report.frames if frame.symbol is not None}
        assert called >= set(PLAIN[4:])


def test_a_fuzz_goes_on_where_it_was_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state"
    assert fuzz.main(["3", "40", "--state", str(state)]) == 0
    assert json.loads(state.read_text()) == {"next": 43, "faults": 0}
    state.write_text('{"next": 44, "faults": 1}')
    assert fuzz.main(["8", "40", "--state", str(state)]) == 1
    assert json.loads(state.read_text()) == {"next": 48, "faults": 1}
    assert capsys.readouterr().out.endswith("seeds 40 to 47: 8 inputs, 1 faults\n")
