"""Locks beside an engine's folder: who builds it, who uses it.  A process's locks end with it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import IO, Dict, Iterator

BUILD, USE = ".lock", ".use"
_HELD: Dict[Path, IO[str]] = {}


def lock_file(folder: Path, kind: str) -> Path:
    """The lock's file."""
    return folder.with_name(folder.name + kind)


def held(folder: Path, kind: str) -> None:
    """Hold a shared lock until this process ends; waits while another holds it alone."""
    path = lock_file(folder, kind)
    if path not in _HELD:
        _HELD[path] = path.open("a")
        _flock(_HELD[path], alone=False)


@contextlib.contextmanager
def locked(folder: Path, kind: str) -> Iterator[None]:
    """Hold a lock alone; waits until no other holds it."""
    with lock_file(folder, kind).open("a") as file:
        _flock(file, alone=True)
        yield


@contextlib.contextmanager
def free(folder: Path) -> Iterator[bool]:
    """Whether nobody builds or uses the folder; nobody can start to while the body runs."""
    with lock_file(folder, BUILD).open("a") as build, lock_file(folder, USE).open("a") as use:
        try:
            _flock(build, alone=True, wait=False)
            _flock(use, alone=True, wait=False)
        except OSError:
            yield False
        else:
            yield True


def _flock(file: IO[str], *, alone: bool, wait: bool = True) -> None:
    import fcntl  # Windows has none, and still imports this module

    fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | (0 if wait else fcntl.LOCK_NB))
