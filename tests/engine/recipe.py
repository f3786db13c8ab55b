"""What the engine is made of, and the name of the folder that a given recipe makes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tests.engine import debugger

SOURCES = Path(__file__).parent / "src"
PYTHON_VERSION = "3.9"
# panda3d carries python39.dll and the extension modules; the rest goes into site-packages.
WHEELS = (
    "panda3d==1.10.16",
    "pykd==0.3.4.15",
    "capstone==5.0.9",
    "rich==13.9.4",
    "markdown-it-py==3.0.0",
    "mdurl==0.1.2",
    "pygments==2.19.2",
    "typing-extensions==4.15.0",
)
# What a program on PATH is called, and the Debian package that brings it.
PROGRAMS = {
    "wine": "wine",
    "wineserver": "wine64",
    "x86_64-w64-mingw32-gcc": "gcc-mingw-w64-x86-64",
    "x86_64-w64-mingw32-g++": "g++-mingw-w64-x86-64",
}
# What the fixtures and the lab are built with; without them their tests are skipped.
FIXTURE_PROGRAMS = {
    "clang": "clang",
    "lld-link": "lld",
    "llvm-pdbutil": "llvm",
    "i686-w64-mingw32-gcc": "gcc-mingw-w64-i686",
    "chromium": "chromium",  # the HTML report is looked at in it
    "parallel": "parallel",  # many dumps are shared out by it
}


def recipe_key() -> str:
    """Return 12 hex digits that change when anything that goes into the engine's folder changes."""
    digest = hashlib.sha256(" ".join((PYTHON_VERSION, *WHEELS)).encode())
    parts = [*SOURCES.iterdir(), *Path(__file__).parent.glob("setup*.py")]
    for part in sorted(parts):
        digest.update(part.name.encode() + part.read_bytes())
    return digest.hexdigest()[:12]


def default_folder() -> Path:
    """Return where the engine lives: a folder of this recipe in the user's cache, another for another debugger's DLLs.

    Raises EngineUnavailableError where the debugger's folder that is named holds no engine.
    """
    folder = debugger.chosen()
    if folder is None:
        return cache_folder() / recipe_key()
    return cache_folder().with_name("hogwalk-debugger") / f"{recipe_key()}-{debugger.key(folder)}"


def cache_folder() -> Path:
    """Return the folder that holds one folder a recipe."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "hogwalk-engine"
