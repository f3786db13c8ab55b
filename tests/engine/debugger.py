"""Another debugger's DLLs instead of those in pykd's wheel: $HOGWALK_ENGINE names their folder.

A folder of x64 DLLs does: a Windows user's debugger (C:\\Program Files (x86)\\Windows Kits\\10\\Debuggers\\x64), or
content/amd64 of Microsoft's NuGet package Microsoft.Debugging.Platform.DbgEng.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import List, Optional

from tests.engine.errors import EngineUnavailableError

VARIABLE = "HOGWALK_ENGINE"
ENGINE = "dbgeng.dll"


def chosen() -> Optional[Path]:
    """The folder that the variable names, None where it is not set."""
    name = os.environ.get(VARIABLE)
    return Path(name).absolute() if name else None


def key(folder: Path) -> str:
    """12 hex digits that differ for other DLLs."""
    digest = hashlib.sha256()
    for dll in dlls(folder):
        digest.update(dll.name.lower().encode() + dll.read_bytes())
    return digest.hexdigest()[:12]


def dlls(folder: Path) -> List[Path]:
    """The DLLs of a folder, by name; raises EngineUnavailableError where the engine is not among them."""
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() == ".dll") if folder.is_dir() else []
    if ENGINE not in [path.name.lower() for path in found]:
        raise EngineUnavailableError(f"${VARIABLE} names {folder}, which holds no {ENGINE}")
    return found


def put_in_place(folder: Path, pykd: Path) -> None:
    """Lays the DLLs of a folder over those in pykd's; names count without case, as on Windows."""
    there = {path.name.lower(): path for path in pykd.glob("*.dll")}
    for dll in dlls(folder):
        if dll.name.lower() in there:
            there[dll.name.lower()].unlink()
        shutil.copy2(dll, pykd / dll.name)
