"""A Wine prefix: where things lie in it, the environment of its programs, and how paths are written there."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Mapping, Optional, Sequence, Tuple, Union

from tests.engine.bounded import Finished, run_bounded

# Once in hundreds of starts a program meets the last one's server as it ends; then Wine's own client gives up, with
# "wine client error:..", "wine: a wine server seems to be running, but I cannot connect to it." or the like, or with
# no word at all and code 1.
_NOT_STARTED, _CRASHED, _SILENT = ("wine client error:", "wine: "), "wine: Unhandled", 1
# How long the server stays after its last program: longer than tests without the engine take between two with it.
_SERVER_SECONDS = 600
STARTS, PAUSE_SECONDS = 4, 1.0
_KEPT_VARIABLES = ("PATH", "HOME", "USER", "TMPDIR", "LANG", "LC_ALL")
# Wine's own debugger DLLs are placeholders; its menu builder and .NET/HTML installers have nothing to do here.
_OVERRIDES = "mscoree,dbgeng,dbghelp,dbgmodel,symsrv,msdia140=n;dbgcore=n,b;winedbg.exe,winemenubuilder.exe,mshtml=d"


@dataclass(frozen=True)
class Setting:
    """How a program is started: folders for Python's imports and for PATH, its folder, variables, seconds allowed."""

    import_path: Tuple[Path, ...] = ()
    search_path: Tuple[Path, ...] = ()
    cwd: Optional[Path] = None
    variables: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 120.0


_PLAIN = Setting()


def windows_path(path: Union[str, Path]) -> str:
    """Return a path of this machine as Windows programs under Wine see it: Z: and backslashes."""
    return "Z:" + str(Path(path).absolute()).replace("/", "\\")


def windows_paths(paths: Sequence[Path]) -> str:
    """Return several folders as one Windows search path."""
    return ";".join(windows_path(path) for path in paths)


@dataclass(frozen=True)
class Prefix:
    """The folder of one engine; all that programs refer to lies on its drive C:, so the folder may be renamed."""

    root: Path

    @property
    def drive(self) -> Path:
        return self.root / "prefix" / "drive_c" / "hogwalk"

    @property
    def python(self) -> Path:
        return self.drive / "win"

    @property
    def debugger(self) -> Path:
        return self.drive / "kd"

    @property
    def no_symbols(self) -> Path:
        return self.drive / "no-symbols"

    def environment(self, setting: Setting) -> Dict[str, str]:
        """Return the whole environment of a program: little of this machine's own, so that runs are alike."""
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        search = [*map(windows_path, setting.search_path), "C:\\hogwalk\\win", "C:\\hogwalk\\win\\Scripts"]
        kept.update(
            LC_ALL="C.UTF-8",
            WINEPREFIX=str(self.root / "prefix"),
            WINEARCH="win64",
            WINEDEBUG="-all",
            WINEDLLOVERRIDES=_OVERRIDES,
            WINEPATH=";".join(search),
            PYTHONPYCACHEPREFIX="C:\\hogwalk\\pycache",
        )
        if setting.import_path:
            kept["PYTHONPATH"] = windows_paths(setting.import_path)
        return {**kept, **setting.variables}

    def keep_server(self) -> None:
        """Start the prefix's server so that it outlives pauses between programs; where one runs already, it stays."""
        self._server(f"-p{_SERVER_SECONDS}")

    def end_server(self) -> None:
        """End the prefix's server and all that runs in it: one that has served a whole suite keeps a processor busy."""
        self._server("-k", "-w")

    def _server(self, *options: str) -> None:
        nothing, command = subprocess.DEVNULL, ["wineserver", *options]
        subprocess.run(
            command, env=self.environment(_PLAIN), stdin=nothing, stdout=nothing, stderr=nothing, check=False
        )

    def run(self, program: Union[str, Path], arguments: Sequence[str], setting: Setting) -> Finished:
        """Return the finished Windows program; raise EngineRunError when it does not end in time.

        A program that Wine itself could not start, so that nothing of it ever ran, is started again, STARTS times in
        all; nothing else is.
        """
        command = ["wine", str(program), *arguments]
        for start in range(STARTS):
            if start:
                time.sleep(PAUSE_SECONDS * start)
            finished = run_bounded(command, self.environment(setting), setting.timeout, setting.cwd)
            if not _never_started(finished):
                break
        return finished


def _never_started(finished: Finished) -> bool:
    if not finished.code or finished.stdout:
        return False
    complaints = finished.stderr.splitlines()
    if not complaints and finished.code == _SILENT:
        return True
    return any(line.startswith(_NOT_STARTED) and not line.startswith(_CRASHED) for line in complaints)
