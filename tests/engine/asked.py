"""Runs inside Windows Python on the real engine: what every subcommand prints and which commands it runs."""

from __future__ import annotations

import json
import sys
from typing import Any, Dict, List

from hogwalk.analysis import Run
from hogwalk.app.cli.arguments import parse
from hogwalk.app.cli.commands import lines
from hogwalk.targets.engine import EngineTarget, open_engine
from hogwalk.walk.evidence import Wanted

SUBCOMMANDS = (
    "triage", "triage --json -", "stack", "stack --all", "candidates", "walk", "walk --json -", "compare",
    "compare --all", "usage --by module", "usage --by product", "usage --by function", "frame #19",
    "frame #19 --json -", "heal", "heal --keep",
)  # fmt: skip


def asked(dump: str, symbols: str) -> Dict[str, Any]:
    """By subcommand what it printed and the commands it ran; one session, a fresh target for each."""
    first = open_engine(dump, "", symbols, "")
    found: Dict[str, Any] = {}
    for subcommand in SUBCOMMANDS:
        target = EngineTarget(first._pykd)
        options = parse(subcommand.split())
        printed: List[str] = list(lines(Run(target, Wanted(thread=target.thread()), None, lambda doing: None), options))
        found[subcommand] = {"printed": printed, "commands": list(target.commands())}
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asked(sys.argv[1], sys.argv[2])) + "\n")
