"""Measure the kept cases, write their floors anew, make the cases anew: python -m tests.kept -h."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.kept import __doc__ as about
from tests.kept.doors import found, own
from tests.kept.store import FLOORS, SEEDS, STYLES, Floors, fallen, figures, floors, names, pack, unpacked
from tests.lab.generate import generate
from tests.lab.score import score


def main() -> int:
    """Return 1 if a figure is below its floor, refreshed or not."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--refresh", action="store_true", help="write the figures anew as floors")
    parser.add_argument("--generate", action="store_true", help="make the cases anew (the lab's compilers are needed)")
    options = parser.parse_args()
    low = 0
    with tempfile.TemporaryDirectory() as scratch:
        if options.generate:
            _generate(Path(scratch) / "new")
        now: Floors = {}
        for name in names():
            case = unpacked(name, Path(scratch))
            scored = score(case.truth, found(case, own(case.dump, case.symbols)))
            now[name] = figures(scored)
            print(name, *now[name].values())
            for line in fallen(name, scored) if name in (floors() if FLOORS.exists() else {}) else ():
                print(line)
                low = 1
    if options.refresh:
        FLOORS.write_text(json.dumps(now, indent=1) + "\n", "ascii")
    return low


def _generate(folder: Path) -> None:
    for style in STYLES:
        for seed in SEEDS:
            generate(style, seed, folder / style / str(seed))
            pack(f"{style}-{seed}", folder / style / str(seed))


if __name__ == "__main__":
    sys.exit(main())
