"""The engine's installation: starts that Wine itself spoils, engines of older recipes, links in place of copies."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import List

import pytest

from tests.engine import wine
from tests.engine.bounded import Finished
from tests.engine.engine import Engine
from tests.engine.locks import USE, held
from tests.engine.older import IDLE_SECONDS, remove_compiled, remove_older
from tests.engine.setup_links import link_to_wine
from tests.engine.wine import STARTS, Prefix, Setting

ROOT = Path(__file__).parent.parent.parent
MOST_ENGINE_BYTES = 200 << 20
SPOILT = "wine client error:0: recvmsg: Connection reset by peer"
REFUSED = "wine: a wine server seems to be running, but I cannot connect to it."
CRASHED = "wine: Unhandled page fault on read access to 0000000000000000 (thread 0024), starting debugger..."
CURRENT, OLDER = "00000000000a", "00000000000b"


def started(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> Finished:
    """How a program ends whose `wine` is a script; each start adds a byte to the file `starts`."""
    program = folder / "wine"
    program.write_text(f"#!/bin/sh\nprintf x >> {folder}/starts\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(wine, "PAUSE_SECONDS", 0.01)
    return Prefix(folder).run("any.exe", [], Setting(timeout=20.0))


@pytest.mark.parametrize(
    ("script", "code", "starts"),
    [
        (f"[ $(wc -c < {{0}}/starts) -ge 3 ] && echo said && exit 0; echo '{SPOILT}' >&2; exit 1", 0, 3),
        (f"echo '{SPOILT}' >&2; exit 1", 1, STARTS),
        (f"echo '{REFUSED}' >&2; exit 1", 1, STARTS),
        (f"echo '{CRASHED}' >&2; exit 5", 5, 1),
        (f"echo half; echo '{SPOILT}' >&2; exit 1", 1, 1),  # something of it ran: never twice
        ("echo 'kd: no such dump' >&2; exit 1", 1, 1),
        ("exit 7", 7, 1),
        ("[ $(wc -c < {0}/starts) -ge 2 ] && echo said && exit 0; exit 1", 0, 2),  # not a word: Wine's doing
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_only_what_wine_could_not_start_is_started_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, code: int, starts: int
) -> None:
    done = started(monkeypatch, tmp_path, script.replace("{0}", str(tmp_path)))
    assert done.code == code
    assert len((tmp_path / "starts").read_text()) == starts


def engine_folder(cache: Path, name: str, idle: float) -> Path:
    """A folder that looks like an engine last used so many seconds ago."""
    folder = cache / name
    (folder / "prefix").mkdir(parents=True)
    then = time.time() - idle
    for part in ("prefix/user.reg", "installed"):
        (folder / part).touch()
    for path in (folder / "prefix/user.reg", folder / "installed", folder):
        os.utime(path, (then, then))
    return folder


def names(cache: Path) -> List[str]:
    return sorted(path.name for path in cache.iterdir() if path.is_dir())


@pytest.mark.skipif(sys.platform == "win32", reason="the engine is installed under Wine only")
def test_an_engine_of_an_older_recipe_is_removed_once_it_is_idle(tmp_path: Path) -> None:
    for name in (CURRENT, OLDER, OLDER + ".x1y2", "something-else"):
        engine_folder(tmp_path, name, IDLE_SECONDS + 60)
    engine_folder(tmp_path, "00000000000c", IDLE_SECONDS - 60)
    assert [path.name for path in remove_older(tmp_path, CURRENT)] == [OLDER, OLDER + ".x1y2"]
    assert names(tmp_path) == [CURRENT, "00000000000c", "something-else"]
    assert remove_older(tmp_path, CURRENT) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_an_engine_that_a_program_still_runs_in_stays(tmp_path: Path) -> None:
    folder = engine_folder(tmp_path, OLDER, IDLE_SECONDS + 60)
    environment = {**os.environ, "WINEPREFIX": str(folder / "prefix")}
    with subprocess.Popen(["sleep", "60"], env=environment) as running:
        try:
            wait_for_environment(running.pid)
            assert remove_older(tmp_path, CURRENT) == []
        finally:
            running.kill()
    assert remove_older(tmp_path, CURRENT) == [folder]


def wait_for_environment(pid: int) -> None:
    """Until the process is the program it was started as."""
    for _ in range(500):
        if b"WINEPREFIX=" in Path(f"/proc/{pid}/environ").read_bytes():
            return
        time.sleep(0.01)
    raise AssertionError("the program did not start")


@pytest.mark.skipif(sys.platform == "win32", reason="the engine is installed under Wine only")
def test_an_engine_that_another_suite_uses_stays(tmp_path: Path) -> None:
    folder = engine_folder(tmp_path, OLDER, IDLE_SECONDS + 60)
    script = "import sys; from pathlib import Path; from tests.engine.locks import USE, held\n"
    script += "held(Path(sys.argv[1]), USE); print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:
        assert user.stdout is not None
        assert user.stdout.readline().strip() == b"held"
        assert remove_older(tmp_path, CURRENT) == []
        user.communicate()
    assert remove_older(tmp_path, CURRENT) == [folder]
    assert names(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="the engine is installed under Wine only")
def test_a_shared_lock_is_taken_once(tmp_path: Path) -> None:
    for _ in range(2):
        held(tmp_path / CURRENT, USE)
    assert (tmp_path / (CURRENT + USE)).is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="the engine is installed under Wine only")
def test_compiled_code_of_folders_that_are_gone_is_removed(tmp_path: Path) -> None:
    prefix, there, gone = Prefix(tmp_path / "engine"), tmp_path / "there", tmp_path / "gone"
    kept, removed = (prefix.drive / "pycache" / str(source)[1:] for source in (there, gone))
    own = prefix.drive / "pycache/hogwalk/win/Lib"
    for folder in (there, kept, removed / "inner", own, prefix.drive / "win/Lib"):
        folder.mkdir(parents=True)
    remove_compiled(prefix)
    assert [folder.is_dir() for folder in (kept, removed, own)] == [True, False, True]


def test_the_engine_s_folder_is_small(engine: Engine) -> None:
    folder = engine.prefix.root
    assert sum(path.lstat().st_blocks * 512 for path in folder.rglob("*")) < MOST_ENGINE_BYTES
    linked = [path for path in (folder / "prefix/drive_c/windows").rglob("*") if path.is_symlink()]
    assert len(linked) > 500
    assert all(path.is_file() for path in linked)
    assert (folder / "prefix/.update-timestamp").read_text() == "disable\n"


def test_only_equal_files_become_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    originals, windows = tmp_path / "wine", tmp_path / "prefix/drive_c/windows/system32"
    originals.mkdir()
    windows.mkdir(parents=True)
    for name, own, copy in (("a.dll", b"same", b"same"), ("b.dll", b"mine", b"thin"), ("c.dll", b"longer", b"c")):
        (originals / name).write_bytes(own)
        (windows / name).write_bytes(copy)
    (windows / "d.dll").write_bytes(b"same")
    monkeypatch.setattr("tests.engine.setup_links._FOLDERS", (str(originals),))
    link_to_wine(tmp_path / "prefix")
    assert [path.name for path in sorted(windows.iterdir()) if path.is_symlink()] == ["a.dll"]
    assert (windows / "a.dll").read_bytes() == b"same"
    assert (originals / "b.dll").read_bytes() == b"mine"
