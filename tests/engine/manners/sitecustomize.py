"""Lays today's manners over pykd when it is imported; Python imports this file by itself where its folder is known."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any, Optional, Sequence

from tests.engine.manners import today

REFUSAL = "Call IDebugControl::ExecuteWide failed\nHRESULT 0x80040205"


def lay_over(pykd: Any) -> None:
    """Makes this pykd answer commands as today's engine does."""
    asked = pykd.dbgCommand

    def command(text: str, *rest: Any) -> Optional[str]:
        if pykd.ptrSize() != 4:
            older: Optional[str] = asked(text, *rest)
            return older
        if today.refuses(text):
            raise pykd.DbgException(REFUSAL)
        answer: Optional[str] = asked(text, *rest)
        return today.answer(text, answer, not pykd.isDumpAnalyzing()) if answer else answer

    pykd.dbgCommand = command


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, name: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        if name != "pykd":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_lay_over(module: ModuleType) -> None:
                run(module)
                lay_over(module)

            spec.loader.exec_module = run_and_lay_over  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, _Finder())
