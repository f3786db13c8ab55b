"""Record the StackHog demo anew in the real engine: python -m tests.engine.demo."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.engine.engine import Engine
from tests.engine.setup import install
from tests.engine.wine import Setting, windows_path
from tests.stackhog import DEMO, DUMP, ROOT, SYMBOLS


def record(engine: Engine, setting: Setting, file: Path) -> str:
    """What hogwalk prints while it records the StackHog triage into a file."""
    options = ["-z", windows_path(DUMP), "-y", windows_path(SYMBOLS), "--record", windows_path(file)]
    finished = engine.python(["-m", "hogwalk", *options], setting)
    if finished.code:
        raise SystemExit(finished.stdout + finished.stderr)
    return finished.stdout


if __name__ == "__main__":
    DEMO.parent.mkdir(exist_ok=True)
    sys.stdout.write(record(Engine(install()), Setting(import_path=(ROOT,)), DEMO))
