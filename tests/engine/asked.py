"""Runs inside Windows Python on the real engine: what every subcommand prints and asks, on one dump or several.

python -m tests.engine.asked each|session DUMP SYMBOLS [DUMP SYMBOLS ..]: with a fresh target for each subcommand, or
all of them on one target, as in a session of `!py -g`.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Dict, List, Optional

from hogwalk import analysis
from hogwalk.analysis import Run
from hogwalk.app.cli.arguments import parse
from hogwalk.app.cli.commands import lines
from hogwalk.errors import HogwalkError
from hogwalk.targets.engine import EngineTarget, load_pykd
from hogwalk.walk.evidence import Request
from hogwalk.walk.merge.walks import reconstruction

SUBCOMMANDS = (
    "triage", "triage --json -", "stack", "stack --all", "candidates", "walk", "walk --json -", "compare",
    "compare --all", "usage --by module", "usage --by product", "usage --by function", "frame #19",
    "frame #19 --json -", "charge", "verdict", "heal", "heal --keep",
)  # fmt: skip


class Counting(EngineTarget):
    """The engine target, counting its reads."""

    reads = 0

    def read(self, address: int, count: int) -> bytes:
        """As EngineTarget.read."""
        self.reads += 1
        return super().read(address, count)


def asked(pykd: Any, each: bool) -> Dict[str, Any]:
    """By subcommand what it printed, the commands it ran, how often it read memory and reconstructed the walk."""
    made: List[None] = []

    def counted(*given: Any) -> Any:
        made.append(None)
        return reconstruction(*given)

    vars(analysis)["reconstruction"] = counted
    found: Dict[str, Any] = {}
    target: Optional[Counting] = None
    run: Optional[Run] = None
    for subcommand in SUBCOMMANDS:
        options = parse(subcommand.split())
        if target is None or run is None or each:
            target = Counting(pykd)
            run = Run(target, Request(thread=target.thread()), None, lambda doing: None)
        before = len(target.commands()), target.reads, len(made)
        try:
            printed = list(lines(run, options))
        except HogwalkError as error:  # what a user would read: in StackHog there is nothing to heal
            printed = [error.line()]
        found[subcommand] = {
            "printed": printed,
            "commands": list(target.commands())[before[0] :],
            "reads": target.reads - before[1],
            "reconstructions": len(made) - before[2],
        }
    vars(analysis)["reconstruction"] = reconstruction
    return found


def without_remarks(printed: List[str]) -> List[str]:
    """The lines without the mark of rows at a trap and the note on the debugger's remarks, which may be wrapped."""
    kept: List[str] = []
    inside = False
    for line in printed:
        inside = "the debugger remarks on its walk" in line or (inside and line.startswith(" " * 11))
        kept += [] if inside else [line.replace(" (T) ", " ")]
    return kept


def main(how: str, *named: str) -> None:
    """Prints one JSON document for each dump and the folder of its symbols that follows it."""
    pykd = load_pykd()
    pykd.initialize()
    for dump, symbols in zip(named[::2], named[1::2]):
        pykd.dbgCommand(f".sympath {symbols}")
        opened = pykd.loadDump(dump)
        sys.stdout.write(json.dumps(asked(pykd, how == "each")) + "\n")
        pykd.closeDump(opened)


if __name__ == "__main__":
    main(*sys.argv[1:])
