"""Run the whole test suite: python -m tests [PYTEST ARGUMENTS].

Installs what the tests need first, where this machine can: the Windows debugger engine, the compilers of the lab and
the fixtures.  Elsewhere it says why, and their tests are skipped.  A part of the suite runs on Python 3.8, the oldest
that hogwalk supports, where there is one.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.engine.errors import EngineUnavailableError
from tests.engine.older import remove_older
from tests.engine.setup import install
from tests.engine.setup_parts import ensure_programs
from tests.floor import FLOOR, run_on_the_floor


def main() -> int:
    """Return pytest's exit code, that of Python 3.8 first."""
    try:
        ensure_programs()
        install()
    except EngineUnavailableError as error:
        print(f"engine: {error}", file=sys.stderr, flush=True)
    on_the_floor = run_on_the_floor()
    command = [sys.executable, "-m", "pytest", *sys.argv[1:]]
    code = subprocess.run(command, cwd=Path(__file__).parent.parent, check=False).returncode
    for folder in remove_older():
        print(f"engine: removed {folder.name}, of an older recipe", file=sys.stderr)
    if on_the_floor:  # its own words stand far above
        print(f"floor: the tests failed on Python {FLOOR} (exit code {on_the_floor})", file=sys.stderr)
    return on_the_floor or code


if __name__ == "__main__":
    sys.exit(main())
