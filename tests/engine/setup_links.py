"""Save space in a Wine prefix: what Wine copied there from its own folder becomes a link to it."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterator, List, Tuple

_FOLDERS = ("/usr/lib/*/wine", "/usr/lib/wine", "/usr/lib64/wine", "/opt/wine*/lib*/wine")


def link_to_wine(prefix: Path) -> None:
    """Replace every file under drive_c/windows that equals one of Wine's own by a link to that.

    The prefix is then kept from Wine's own updates, which would write through the links; the DLLs linked to are
    always those of the Wine that runs.  Call it while no program runs in the prefix.
    """
    own = _own_files()
    for path in _plain_files(prefix / "drive_c" / "windows"):
        content = None
        for original in own.get((path.name.lower(), path.stat().st_size), ()):
            content = path.read_bytes() if content is None else content
            if original.read_bytes() == content:
                path.unlink()
                path.symlink_to(original)
                break
    (prefix / ".update-timestamp").write_text("disable\n")


def _own_files() -> Dict[Tuple[str, int], List[Path]]:
    """Wine's files by name (lower case) and size in bytes."""
    found: Dict[Tuple[str, int], List[Path]] = {}
    for pattern in _FOLDERS:
        for folder in Path("/").glob(pattern[1:]):
            for path in _plain_files(folder):
                found.setdefault((path.name.lower(), path.stat().st_size), []).append(path)
    return found


def _plain_files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
