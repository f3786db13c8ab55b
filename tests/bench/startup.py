"""Start to finished triage of the StackHog dump by hogwalk alone, against importing capstone and rich."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from typing import Dict, List, Sequence

from tests.stackhog import DUMP, ROOT, SYMBOLS

ROUNDS = 5
ALLOWED = 0.3  # seconds on top of twice the imports
IMPORTS = [sys.executable, "-c", "import capstone, rich"]
TRIAGE = [sys.executable, "-m", "hogwalk", "-z", str(DUMP), "-y", str(SYMBOLS), "--engine", "own"]


def measure() -> Dict[str, float]:
    """Seconds of the quickest imports and the quickest triage of some rounds, and the bar that the triage is held to.

    Both run as installed programs do, with their modules compiled before; the rounds alternate, so that whatever else
    the machine does falls on both.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        settings["PYTHONPYCACHEPREFIX"] = folder
        commands: List[Sequence[str]] = [IMPORTS, TRIAGE]
        times: List[List[float]] = [[], []]
        for number in range(ROUNDS + 1):
            for command, taken in zip(commands, times):
                started = time.perf_counter()
                subprocess.run(command, cwd=ROOT, env=settings, stdout=subprocess.DEVNULL, check=True)
                if number:  # the first round compiles
                    taken.append(time.perf_counter() - started)
    imports, triage = (min(taken) for taken in times)
    return {"imports": imports, "triage": triage, "bar": 2 * imports + ALLOWED}


if __name__ == "__main__":
    figures = measure()
    print(f"triage from start to end             {figures['triage']:6.2f} s  at most {figures['bar']:.2f}")
