"""The x64 lab's command: generates what is not there yet and measures walks.

python -m tests.lab64 [-s sym,asm] [-n 21-25] [-o FOLDER] [--bare] [--kf] [--engine] [--keep FILE] [--bins]

With --keep every measured walk is a line of FILE, and is not measured again: what was stopped goes on, and seeds can be
added.  --bins prints how often what was stated with a probability came true.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from tests.lab.__main__ import seeds
from tests.lab.toolchain import ToolError, cache_root
from tests.lab64.case import Case, case, score
from tests.lab64.measure import BARE, ENGINE, OWN, Measured, bins, engine_walk, line, own_walk
from tests.lab64.styles import STYLES

Key = Tuple[str, int, str]
Walk = Callable[[Case], Measured]


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Exit code: 0 done, 3 a tool is missing or failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab64", description="generated x64 stack overflows")
    parser.add_argument("-s", "--styles", default=",".join(STYLES), help="names with commas")
    parser.add_argument("-n", "--seeds", type=seeds, default=[1], help="like 21-25")
    parser.add_argument("-o", "--out", type=Path, default=cache_root() / "cases64", help="folder of cases")
    parser.add_argument("--keep", type=Path, help="file of what is measured")
    parser.add_argument("--bins", action="store_true", help="what was stated against what came true")
    parser.add_argument("--bare", action="store_true", help="also without any registers")
    parser.add_argument("--kf", action="store_true", help="also the real engine's kf")
    parser.add_argument("--engine", action="store_true", help="also through !py in the real engine")
    options = parser.parse_args(arguments)
    kept = _read(options.keep)
    walks: Dict[str, Walk] = {OWN: own_walk}
    if options.bare:
        walks[BARE] = lambda made: own_walk(made, False)
    if options.engine:
        walks[ENGINE] = engine_walk()
    if options.kf:
        walks.update(_kf())
    try:
        for style in options.styles.split(","):
            for name, walk in walks.items():
                some = [_measured(kept, options, (style, seed, name), walk) for seed in options.seeds]
                print(line(style, name, some), flush=True)
    except ToolError as error:
        print(f"lab64: {error}", file=sys.stderr)
        return 3
    if options.bins:
        chosen = [one for (style, seed, name), one in kept.items() if name == OWN and seed in options.seeds]
        for about in bins(chosen):
            print(about)
    return 0


def _measured(kept: Dict[Key, Measured], options: argparse.Namespace, key: Key, walk: Walk) -> Measured:
    if key not in kept:
        style, seed, name = key
        found = kept[key] = walk(case(style, seed, options.out))
        if options.keep is not None:
            with options.keep.open("a", encoding="utf-8") as file:
                file.write(json.dumps([style, seed, name, list(found)]) + "\n")
    return kept[key]


def _read(file: Optional[Path]) -> Dict[Key, Measured]:
    found: Dict[Key, Measured] = {}
    if file is not None and file.exists():
        for row in file.read_text("utf-8").splitlines():
            style, seed, name, values = json.loads(row)
            found[style, seed, name] = Measured(*values)
    return found


def _kf() -> Iterator[Tuple[str, Walk]]:
    from tests.engine.engine import Engine  # only these peers need Wine
    from tests.engine.setup import install
    from tests.lab64 import peer_kf

    engine = Engine(install())
    done: Dict[Path, Dict[str, List[Tuple[int, str]]]] = {}

    def of(name: str, made: Case) -> Measured:
        if made.folder not in done:
            done[made.folder] = peer_kf.walk(engine, made)
        found = score(made.truth, done[made.folder][name])
        return Measured(found.recall, found.precision, found.bytes_right, found.right_hog, 0.0, [], None, None)

    for name in (peer_kf.OWN, peer_kf.TRAP, peer_kf.PAIR):
        yield name, lambda made, name=name: of(name, made)  # type: ignore[misc]


if __name__ == "__main__":
    sys.exit(main())
