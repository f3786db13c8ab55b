"""Runs inside Windows Python on the real engine: what every subcommand prints and which commands it runs."""

from __future__ import annotations

import json
import sys
from typing import Any, Dict, List

from hogwalk.analysis import Run
from hogwalk.app.cli.arguments import parse
from hogwalk.app.cli.commands import lines
from hogwalk.errors import HogwalkError
from hogwalk.targets.engine import EngineTarget, open_engine
from hogwalk.walk.evidence import Wanted

SUBCOMMANDS = (
    "triage", "triage --json -", "stack", "stack --all", "candidates", "walk", "walk --json -", "compare",
    "compare --all", "usage --by module", "usage --by product", "usage --by function", "frame #19",
    "frame #19 --json -", "heal", "heal --keep",
)  # fmt: skip


class Counting(EngineTarget):
    """The engine target, counting its reads."""

    reads = 0

    def read(self, address: int, count: int) -> bytes:
        """As EngineTarget.read."""
        self.reads += 1
        return super().read(address, count)


def asked(dump: str, symbols: str) -> Dict[str, Any]:
    """By subcommand what it printed, the commands it ran and how often it read memory; a fresh target for each."""
    first = open_engine(dump, "", symbols, "")
    found: Dict[str, Any] = {}
    for subcommand in SUBCOMMANDS:
        target = Counting(first._pykd)
        options = parse(subcommand.split())
        run = Run(target, Wanted(thread=target.thread()), None, lambda doing: None)
        try:
            printed = list(lines(run, options))
        except HogwalkError as error:  # what a user would read: in StackHog there is nothing to heal
            printed = [error.line()]
        found[subcommand] = {"printed": printed, "commands": list(target.commands()), "reads": target.reads}
    return found


def without_remarks(printed: List[str]) -> List[str]:
    """The lines without the mark of rows at a trap and the note on the debugger's remarks, which may be wrapped."""
    kept: List[str] = []
    inside = False
    for line in printed:
        inside = "the debugger remarks on its walk" in line or (inside and line.startswith(" " * 11))
        kept += [] if inside else [line.replace(" (T) ", " ")]
    return kept


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asked(sys.argv[1], sys.argv[2])) + "\n")
