"""A machine on a slow line: breaking in and loading modules each have their own time; what is typed is no escape."""

from __future__ import annotations

import argparse
import os
from types import SimpleNamespace
from typing import List, Tuple

import pytest

from hogwalk.app.cli import watch
from hogwalk.app.cli.open import open_target
from hogwalk.app.cli.progress import Progress
from hogwalk.targets import attach


class _Watch(watch.Watch):
    def __init__(self, done: List[object]) -> None:
        super().__init__()
        self._done = done

    def within(self, seconds: float, doing: str) -> None:
        self._done.append(seconds)


def test_loading_modules_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    done: List[object] = []
    pykd = SimpleNamespace(
        initialize=lambda: None, attachKernel=done.append, dbgCommand=done.append, DbgException=OSError, breakin=None
    )
    monkeypatch.setattr(attach, "load_pykd", lambda: pykd)
    opened = SimpleNamespace(line=SimpleNamespace(), about=lambda: SimpleNamespace(bugcheck=None))
    monkeypatch.setattr(attach, "EngineTarget", lambda _: opened)
    options = argparse.Namespace(k="com:pipe", stay=False, z=None, file=None, y="", i="", command="triage")
    open_target(options, Progress(quiet=True), _Watch(done))
    assert done == [watch.ATTACHING, "com:pipe", watch.LOADING, ".reload"]


def test_what_was_typed_is_printed_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    written: List[Tuple[int, bytes]] = []
    monkeypatch.setattr(os, "write", lambda where, data: written.append((where, data)))
    watching = watch.Watch()
    watching._doing = " at \x1b[2J\u0444"
    watching._ring()
    ((where, data),) = written
    assert where == watch.STDERR
    assert data.startswith(b"hogwalk: no answer from the machine at \\x1b[2J?; ")
    assert data.endswith(b"\n")
