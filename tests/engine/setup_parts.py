"""The parts of the engine's folder: programs of this machine, wheels, compiled C sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Iterable, List, Mapping, Sequence

from tests.engine.errors import EngineUnavailableError
from tests.engine.recipe import FIXTURE_PROGRAMS, PROGRAMS, PYTHON_VERSION, SOURCES, WHEELS

_CC, _CXX, _DLLTOOL = (f"x86_64-w64-mingw32-{tool}" for tool in ("gcc", "g++", "dlltool"))
_WARNINGS = ("-O1", "-Wall", "-Wextra")


def ensure_programs() -> None:
    """Install missing programs from Debian where possible; raise EngineUnavailableError for what the engine lacks."""
    packages = _missing({**PROGRAMS, **FIXTURE_PROGRAMS})
    if packages and shutil.which("apt-get") and os.geteuid() == 0:
        options = ["-y", "-qq", "--no-install-recommends", "-o", "APT::Keep-Downloaded-Packages=false"]
        for action in (["update", "-qq"], ["install", *options, *packages]):
            checked(["apt-get", *action], {"DEBIAN_FRONTEND": "noninteractive"})
    packages = _missing(PROGRAMS)
    if packages:
        raise EngineUnavailableError(f"Wine or its compiler is missing; as root: apt-get install {' '.join(packages)}")


def checked(command: Sequence[str], variables: Mapping[str, str], cwd: Path = SOURCES) -> None:
    """Run a command quietly; raise EngineUnavailableError with its last line of complaint when it fails."""
    environment = {**os.environ, **variables}
    done = subprocess.run(
        list(command), cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        complaint = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
        raise EngineUnavailableError(f"{' '.join(command[:3])} ... failed: {complaint[-1]}")


def fetch_wheels(folder: Path) -> List[Path]:
    """Download the Windows wheels of the recipe with pip; return their files."""
    platform = ("--platform", "win_amd64", "--python-version", PYTHON_VERSION)
    options = ("--no-deps", "--only-binary=:all:", *platform, "--no-cache-dir", "--disable-pip-version-check", "-q")
    checked([sys.executable, "-m", "pip", "download", *options, "-d", str(folder), *WHEELS], {})
    return sorted(folder.glob("*.whl"))


def unpack_wheels(wheels: Sequence[Path], python: Path) -> None:
    """Lay out python39.dll with its extension modules from panda3d's wheel, and every other wheel in site-packages."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            if wheel.name.startswith("panda3d-"):
                _unpack_python(archive, python)
            else:
                archive.extractall(python / "Lib/site-packages")


def _unpack_python(archive: zipfile.ZipFile, python: Path) -> None:
    for member in archive.namelist():
        name = Path(member).name
        if member.startswith("deploy_libs/") and name.endswith((".pyd", ".dll")) and not name.startswith("api-ms"):
            beside = name.startswith(("python39", "VCRUNTIME"))
            folder = python if beside else python / "DLLs"
            folder.mkdir(exist_ok=True)
            (folder / name).write_bytes(archive.read(member))


def build_programs(python: Path, debugger: Path, scratch: Path) -> None:
    """Compile the C sources: python.exe, mscoree.dll (in both folders), kd.exe and pyhost.exe beside the engine."""
    library = scratch / "libpython39.a"
    checked([_DLLTOOL, "-d", "python39.def", "-l", str(library)], {})
    checked([_CC, *_WARNINGS, "-municode", "python.c", "-o", str(python / "python.exe"), str(library)], {})
    checked([_CC, *_WARNINGS, "-shared", "mscoree.c", "-o", str(python / "mscoree.dll")], {})
    for dll in [*(python / "Lib/site-packages/pykd").glob("*.dll"), python / "mscoree.dll"]:
        shutil.copy2(dll, debugger)
    session = _objects(["session.cpp", "state.cpp"], scratch)
    for name, sources in {"kd": ["kd.cpp"], "pyhost": ["pyhost.cpp", "bareio.cpp"]}.items():
        own = _objects(sources, scratch)
        checked([_CXX, "-static", "-s", *own, *session, str(library), "-o", str(debugger / f"{name}.exe")], {})


def _objects(sources: Iterable[str], scratch: Path) -> List[str]:
    objects = [(source, str(scratch / f"{source}.o")) for source in sources]
    for source, built in objects:
        checked([_CXX, *_WARNINGS, "-c", source, "-o", built], {})
    return [built for _, built in objects]


def _missing(programs: Mapping[str, str]) -> List[str]:
    return sorted({package for program, package in programs.items() if not shutil.which(program)})
