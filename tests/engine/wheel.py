"""Lay a wheel out as pip does on Windows."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

from tests.engine.wine import Setting

_SCHEMES = {"purelib": "Lib/site-packages", "platlib": "Lib/site-packages", "scripts": "Scripts", "data": "."}
_INTERPRETER = b"#!C:\\hogwalk\\win\\python.exe"


def install_wheel(wheel: Path, target: Path) -> Setting:
    """Unpack a wheel into target's Lib\\site-packages and Scripts; return the setting that has them on Python's paths.

    As by pip, the first line "#!python" of a script becomes the interpreter's path. No .exe is made of an entry point.
    """
    site, scripts = target / "Lib/site-packages", target / "Scripts"
    scripts.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                _place(PurePosixPath(member.filename), archive.read(member), target)
    return Setting(import_path=(site,), search_path=(scripts,))


def _place(name: PurePosixPath, content: bytes, target: Path) -> None:
    folder = "Lib/site-packages"
    if name.parts[0].endswith(".data"):
        scheme, name = name.parts[1], PurePosixPath(*name.parts[2:])
        folder = _SCHEMES[scheme]
        first, newline, rest = content.partition(b"\n")
        if scheme == "scripts" and first.rstrip().startswith(b"#!python"):
            content = _INTERPRETER + newline + rest
    place = target / folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
