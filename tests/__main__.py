"""Run the whole test suite: python -m tests [PYTEST ARGUMENTS].

Installs the Windows debugger engine first where this machine can; elsewhere says why, and its tests are skipped.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.engine.errors import EngineUnavailableError
from tests.engine.setup import install


def main() -> int:
    """Return pytest's exit code."""
    try:
        install()
    except EngineUnavailableError as error:
        print(f"engine: {error}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "pytest", *sys.argv[1:]]
    return subprocess.run(command, cwd=Path(__file__).parent.parent, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
