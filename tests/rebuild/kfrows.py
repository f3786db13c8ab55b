"""The debugger's own walk of lab cases, asked for in the real engine as triage does: kf.json beside each case.

python -m tests.rebuild.kfrows CASES [-n 1-18] [-s gone,fpo]     (the fit reads these files where they are)
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import List, Union

from tests.engine.engine import Engine
from tests.engine.errors import EngineRunError
from tests.engine.setup import install
from tests.engine.wine import Setting
from tests.lab.__main__ import seeds, styles
from tests.lab.styles import STYLES
from tests.rebuild.train import KF_ROWS, folders
from tests.stackhog import ROOT


def main() -> None:
    """Writes the files that are not there yet; raises EngineRunError where the engine fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.rebuild.kfrows")
    parser.add_argument("cases", type=Path)
    parser.add_argument("-n", "--seeds", type=seeds, default=seeds("1-18"))
    parser.add_argument("-s", "--styles", type=styles, default=list(STYLES))
    options = parser.parse_args()
    engine = Engine(install())
    for folder in folders(options.cases, options.seeds):
        if folder.parent.name in options.styles and not (folder / KF_ROWS).exists():
            (folder / KF_ROWS).write_text(walk(engine, folder), "utf-8")
            print(folder, flush=True)


def walk(engine: Engine, folder: Path) -> str:
    """The JSON list of one case's return slots as kf finds them."""
    asked: List[Union[str, Path]] = ["-m", "tests.rebuild.kfwalk", folder / "memory.dmp", folder / "symbols"]
    finished = engine.python(asked, Setting(import_path=(ROOT,)))
    if finished.code:
        raise EngineRunError(f"{folder}: {finished.stderr}")
    return finished.stdout


if __name__ == "__main__":
    main()
