"""Runs inside Windows Python with pykd: `hogwalk -z DUMP` on many dumps, each run's recording kept.

python -m tests.kept.console FOLDER DUMP SYMBOLS [DUMP SYMBOLS ..]: of the Nth dump FOLDER/N.json, FOLDER/N.recording.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hogwalk.__main__ import main
from hogwalk.targets.engine import load_pykd


def run(folder: str, *named: str) -> None:
    """One console run for each dump; raises SystemExit where one fails."""
    pykd = load_pykd()
    pykd.initialize()
    vars(pykd)["initialize"] = lambda: None  # it refuses a second time; a user's process opens one dump
    for number, (dump, symbols) in enumerate(zip(named[::2], named[1::2])):
        # Of an earlier dump's folder the engine would take files that bear a stripped module's name.
        os.environ.pop("_NT_SYMBOL_PATH", None)
        pykd.dbgCommand(f".sympath {symbols}")
        saved = Path(folder) / str(number)
        options = ["--json", f"{saved}.json", "--record", f"{saved}.recording"]
        if main(["-z", dump, "-y", symbols, "--engine", "pykd", *options]):
            raise SystemExit(f"{dump} failed")
        pykd.closeDump(0)


if __name__ == "__main__":
    run(*sys.argv[1:])
