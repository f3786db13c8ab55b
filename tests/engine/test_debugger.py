"""HOGWALK_ENGINE: the debugger's DLLs come from the folder it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine import debugger
from tests.engine.errors import EngineUnavailableError
from tests.engine.recipe import cache_folder, default_folder


def folder(parent: Path, name: str, **files: str) -> Path:
    made = parent / name
    made.mkdir()
    for stem, text in files.items():
        (made / f"{stem}.dll").write_text(text)
    return made


def test_the_dlls_of_the_folder_take_the_place_of_pykds(tmp_path: Path) -> None:
    given = folder(tmp_path, "given", dbgeng="new", dbgmodel="new", dbgcore="new")
    (given / "readme.txt").write_text("no DLL")
    pykd = folder(tmp_path, "pykd", dbgeng="old", DbgModel="old", srcsrv="old")
    debugger.put_in_place(given, pykd)
    assert {path.name: path.read_text() for path in pykd.iterdir()} == {
        "dbgeng.dll": "new", "dbgmodel.dll": "new", "dbgcore.dll": "new", "srcsrv.dll": "old",
    }  # fmt: skip


def test_other_dlls_are_another_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = folder(tmp_path, "one", dbgeng="1"), folder(tmp_path, "other", dbgeng="2")
    monkeypatch.delenv(debugger.VARIABLE, raising=False)
    found = [default_folder()]
    for given in (one, other):
        monkeypatch.setenv(debugger.VARIABLE, str(given))
        found.append(default_folder())
    assert len(set(found)) == 3
    assert [path.parent == cache_folder() for path in found] == [True, False, False]  # no recipe of theirs is older


@pytest.mark.parametrize("given", ["nowhere", "bare"])
def test_a_folder_without_an_engine_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    folder(tmp_path, "bare", dbghelp="1")
    monkeypatch.setenv(debugger.VARIABLE, str(tmp_path / given))
    with pytest.raises(EngineUnavailableError, match=r"HOGWALK_ENGINE names .*, which holds no dbgeng.dll"):
        default_folder()
