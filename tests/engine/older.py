"""Remove what no suite needs any more: engines of older recipes, code compiled from folders that are gone."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Iterator, List, Optional

from tests.engine.locks import BUILD, USE, free, lock_file
from tests.engine.recipe import cache_folder, recipe_key
from tests.engine.wine import Prefix

IDLE_SECONDS = 900.0  # since Wine last ran there: suites older than the locks hold none
_RECIPE = re.compile(r"[0-9a-f]{12}(?=\.|$)")  # a recipe's folder, or one that a broken build left beside it
_TRACES = ("prefix/user.reg", "prefix/system.reg", "prefix/dosdevices", "installed", ".")


def remove_older(cache: Optional[Path] = None, current: Optional[str] = None) -> List[Path]:
    """Remove what other recipes than the current one left in the cache; return the folders removed.

    A folder stays while a process holds its lock, while a program of its prefix runs, and for IDLE_SECONDS after its
    last use.
    """
    removed = []
    for folder in _others(cache or cache_folder(), current or recipe_key()):
        if time.time() - _last_use(folder) < IDLE_SECONDS or _runs(folder):
            continue
        recipe = folder.with_name(folder.name.partition(".")[0])
        with free(recipe) as unused:
            if unused:
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
        if unused:
            for kind in (BUILD, USE):
                lock_file(recipe, kind).unlink(missing_ok=True)
    return removed


def remove_compiled(prefix: Prefix) -> None:
    """Remove from the engine's cache of compiled code what came from folders that are no longer there.

    The cache holds the tree of each source folder, its drive left out; most of them are some test run's own.
    """
    root = prefix.drive / "pycache"
    for folder, inner, _ in os.walk(root):
        source = Path(folder).relative_to(root)
        if not any((drive / source).is_dir() for drive in (Path("/"), prefix.root / "prefix/drive_c")):
            shutil.rmtree(folder, ignore_errors=True)
            inner.clear()


def _others(cache: Path, current: str) -> Iterator[Path]:
    if sys.platform == "win32" or not cache.is_dir():
        return
    for folder in sorted(cache.iterdir()):
        if folder.is_dir() and _RECIPE.match(folder.name) and folder.name.partition(".")[0] != current:
            yield folder


def _last_use(folder: Path) -> float:
    """Seconds since the epoch; every start of Wine writes one of the traces."""
    roots = (folder, folder / "engine")
    return max((root / name).stat().st_mtime for root in roots for name in _TRACES if (root / name).exists())


def _runs(folder: Path) -> bool:
    """Whether a process that this user may look at was started in one of the folder's prefixes."""
    wanted = b"WINEPREFIX=" + bytes(folder) + b"/"
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in environment.read_bytes():
                return True
        except OSError:
            continue
    return False
