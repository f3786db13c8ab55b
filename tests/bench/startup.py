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


def clock() -> float:
    """Seconds that finished child processes took of the processor; the time of day where that is not told."""
    if os.name == "nt":
        return time.perf_counter()
    times = os.times()
    return times.children_user + times.children_system


def measure() -> Dict[str, float]:
    """Seconds of the quickest imports and the quickest triage of some rounds, and the bar that the triage is held to.

    Both run as installed programs do, with their modules compiled before.  Seconds are those of the processor where
    the system tells them (POSIX), for both programs wait for nothing, and what else the machine does is not theirs.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        settings["PYTHONPYCACHEPREFIX"] = folder
        commands: List[Sequence[str]] = [IMPORTS, TRIAGE]
        times: List[List[float]] = [[], []]
        for number in range(ROUNDS + 1):
            for command, taken in zip(commands, times):
                started = clock()
                subprocess.run(command, cwd=ROOT, env=settings, stdout=subprocess.DEVNULL, check=True)
                if number:  # the first round compiles
                    taken.append(clock() - started)
    imports, triage = (min(taken) for taken in times)
    return {"imports": imports, "triage": triage, "bar": 2 * imports + ALLOWED}


if __name__ == "__main__":
    figures = measure()
    print(f"triage from start to end             {figures['triage']:6.2f} s  at most {figures['bar']:.2f}")
