"""Seeds that nobody can have fitted anything to: they follow from the last commit that changed hogwalk."""

from __future__ import annotations

import argparse
import subprocess
from typing import List

from tests.lab.toolchain import ToolError
from tests.stackhog import ROOT

COUNT = 30
FIRST, ROOM = 100_000, 900_000_000  # below FIRST lie the seeds that were used by hand


def last_commit() -> str:
    """The hash of the last commit that changed the folder hogwalk; raises ToolError without git's history."""
    command = ["git", "log", "-1", "--format=%H", "--", "hogwalk"]
    try:
        done = subprocess.run(command, cwd=str(ROOT), check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ToolError(f"fresh seeds need git and the project's history: {error}") from error
    commit = done.stdout.decode("ascii").strip()
    if not commit:
        raise ToolError("fresh seeds need the project's history, and this copy has none")
    return commit


def fresh(count: int = COUNT) -> List[int]:
    """So many consecutive seeds, the first of them from the commit's hash."""
    first = FIRST + int(last_commit()[:12], 16) % ROOM
    return list(range(first, first + count))


def seeds(text: str) -> List[int]:
    """Seeds of "1-10,15", of "fresh" or "fresh:10"; raises argparse.ArgumentTypeError on anything else."""
    word, _, count = text.partition(":")
    found: List[int] = []
    try:
        if word == "fresh":
            return fresh(int(count or COUNT))
        for part in text.split(","):
            start, _, last = part.partition("-")
            found += range(int(start), int(last or start) + 1)
    except ValueError as error:
        raise argparse.ArgumentTypeError("seeds are like 1-10,15 or fresh or fresh:10") from error
    return found
