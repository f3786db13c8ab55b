"""Install the engine: python -m tests.engine.setup [DIR]."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import threading
from pathlib import Path
from typing import Iterator, Optional

from tests.engine import debugger
from tests.engine.errors import EngineRunError, EngineUnavailableError
from tests.engine.locks import BUILD, USE, held, locked
from tests.engine.recipe import default_folder
from tests.engine.setup_links import link_to_wine
from tests.engine.setup_parts import build_programs, checked, ensure_programs, fetch_wheels, unpack_wheels
from tests.engine.setup_stdlib import install_stdlib
from tests.engine.wine import Prefix, Setting

_DONE = "installed"
_START_SECONDS = 300.0  # a first start of Wine on a busy machine
_PYTHON_KEY = "HKLM\\SOFTWARE\\Python\\PythonCore\\3.9\\"
_PYTHON_PATH = "C:\\hogwalk\\win\\Lib;C:\\hogwalk\\win\\DLLs;C:\\hogwalk\\win\\Lib\\site-packages"


def install(folder: Optional[Path] = None) -> Prefix:
    """Return the engine in folder (default_folder() if None), built there first when it is not yet.

    Raises EngineUnavailableError with one line that names what is missing.
    """
    if sys.platform == "win32":
        raise EngineUnavailableError("the engine tests run under Wine; this is Windows")
    root = folder or default_folder()
    root.parent.mkdir(parents=True, exist_ok=True)
    held(root, USE)  # as long as this process lives, so that nobody removes the folder
    if not (root / _DONE).is_file():
        with locked(root, BUILD):
            if not (root / _DONE).is_file():
                _build_beside(root)
    return Prefix(root)


def _build_beside(root: Path) -> None:
    """Build in a folder beside root and rename it, so that root is either whole or absent."""
    if root.exists() and any(root.iterdir()):
        raise EngineUnavailableError(f"{root} exists and is no finished engine: remove it or choose another folder")
    with _announced("install Debian packages"):
        ensure_programs()
    with tempfile.TemporaryDirectory(prefix=root.name + ".", dir=root.parent) as new:
        prefix = Prefix(Path(new) / "engine")
        try:
            _build(prefix, Path(new))
        except (OSError, EngineRunError) as error:
            raise EngineUnavailableError(f"the engine could not be built: {str(error).splitlines()[0]}") from error
        (prefix.root / _DONE).touch()
        prefix.root.rename(root)


def _build(prefix: Prefix, scratch: Path) -> None:
    with _announced("start a new Wine prefix"):
        (prefix.root / "prefix").mkdir(parents=True)
        _wine(prefix, "wineboot", "-i")
        _wine(prefix, "winecfg", "-v", "win10")
    for folder in (prefix.python / "Lib/site-packages", prefix.debugger, prefix.no_symbols):
        folder.mkdir(parents=True)
    with _announced("download wheels"):
        wheels = fetch_wheels(scratch / "wheels")
    with _announced("unpack Windows Python and pykd"):
        unpack_wheels(wheels, prefix.python)
        other = debugger.chosen()
        if other is not None:
            debugger.put_in_place(other, prefix.python / "Lib/site-packages/pykd")
        install_stdlib(prefix.python / "Lib", _made(scratch / "stdlib"))
    with _announced("compile the debugger host"):
        build_programs(prefix.python, prefix.debugger, _made(scratch / "objects"))
    with _announced("try pykd"):
        _register_python(prefix)
        _stop_wine(prefix)
        link_to_wine(prefix.root / "prefix")
        _try_pykd(prefix)
        _stop_wine(prefix)


def _wine(prefix: Prefix, program: str, *arguments: str) -> None:
    done = prefix.run(program, arguments, Setting(timeout=_START_SECONDS))
    if done.code:
        complaint = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.code}").splitlines()
        raise EngineUnavailableError(f"wine {program} {' '.join(arguments)} failed: {complaint[-1]}")


def _register_python(prefix: Prefix) -> None:
    """Tell embedding programs where Python 3.9 is, as its installer on Windows does."""
    for name, value in {"InstallPath": "C:\\hogwalk\\win", "PythonPath": _PYTHON_PATH}.items():
        _wine(prefix, "reg", "add", _PYTHON_KEY + name, "/ve", "/d", value, "/f")


def _try_pykd(prefix: Prefix) -> None:
    question = "import ctypes, json, pykd, capstone, rich; pykd.initialize(); print(pykd.dbgCommand('version'))"
    asked = prefix.run(prefix.python / "python.exe", ["-c", question], Setting())
    if asked.code or "Debugger Version" not in asked.stdout:
        lines = (asked.stderr.strip() or asked.stdout.strip() or f"exit code {asked.code}").splitlines()
        raise EngineUnavailableError(f"pykd does not start under Wine: {lines[-1]}")


def _stop_wine(prefix: Prefix) -> None:
    """End this prefix's own server, so that no process still uses the folder when it is renamed."""
    checked(["wineserver", "-k", "-w"], prefix.environment(Setting()))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


@contextlib.contextmanager
def _announced(step: str) -> Iterator[None]:
    """Say on stderr what is being done once it takes more than a second."""
    timer = threading.Timer(1.0, print, (f"engine: {step} ...",), {"file": sys.stderr, "flush": True})
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def main(arguments: list[str]) -> int:
    """Install into the folder named, or the default one. Exit code 1 and one line when it cannot be."""
    try:
        install(Path(arguments[0]).absolute() if arguments else None)
    except EngineUnavailableError as error:
        print(f"engine: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
