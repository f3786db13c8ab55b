"""List the goldens that differ, or write them anew: python -m tests.goldens [--refresh]."""

from __future__ import annotations

import argparse
import sys
from typing import Dict

from tests.engine.engine import Engine, Target, unannounced
from tests.engine.errors import EngineUnavailableError
from tests.engine.setup import install
from tests.engine.wine import Setting
from tests.goldens import __doc__ as about
from tests.goldens.cases import EXPECTED, cases, engine_steps, expected, kept, printed
from tests.stackhog import DUMP, LAUNCHER, ROOT, SYMBOLS


def engine_texts() -> Dict[str, str]:
    """What the debugger alone prints, by file; nothing where it cannot be installed."""
    steps = {step: file for step, file in engine_steps().items() if file.startswith("engine/")}
    try:
        engine = Engine(install())
    except EngineUnavailableError as error:
        print(f"engine: {error}; its goldens are left as they are", file=sys.stderr)
        return {}
    done = engine.host(
        Target(DUMP, symbols=[SYMBOLS]), list(steps), Setting(import_path=(ROOT,), search_path=(LAUNCHER,))
    )
    return {steps[step.command]: unannounced(step.output) for step in done}


def main() -> int:
    """Return 1 if any golden differs from what is printed now."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--refresh", action="store_true", help="write what differs anew")
    refresh = parser.parse_args().refresh
    now = {case.file: printed(case.arguments) for case in cases()}
    now.update(engine_texts())
    different = [file for file, text in now.items() if expected(file) != text]
    different += [file for file in on_disk() if file not in now and not file.startswith("engine/")]
    for file in different:
        print(f"{'refreshed' if refresh else 'different'}: {file}")
        if refresh and file in now:
            kept(file, now[file])
        elif refresh:
            (EXPECTED / file).unlink()
    return 1 if different else 0


def on_disk() -> Dict[str, str]:
    """Every golden there is, by its name."""
    return {path.relative_to(EXPECTED).as_posix(): "" for path in EXPECTED.rglob("*.*") if path.is_file()}


if __name__ == "__main__":
    sys.exit(main())
