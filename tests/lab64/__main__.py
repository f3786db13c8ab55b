"""The x64 lab's command: generates what is not there yet and measures walks.

python -m tests.lab64 [-s sym,asm] [-n 21-25] [-o FOLDER] [--bare] [--kf] [--engine] [--keep FILE]
    [--log] [--bins] [--below BAR]

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
from tests.lab64.measure import (
    BARE,
    CALLS,
    ENGINE,
    KF_OWN,
    KF_PAIR,
    KF_TRUE,
    OWN,
    ROWS,
    WORDS,
    Measured,
    below,
    bins,
    engine_walk,
    line,
    own_walk,
    pasted_walk,
    scored,
)
from tests.lab64.styles import STYLES

ROWS_SHOWN = 30  # of kf in a log
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
    parser.add_argument("--below", type=float, metavar="BAR", help="also each walk below a bar, or below kf's own")
    parser.add_argument("--bare", action="store_true", help="also without any registers")
    parser.add_argument("--kf", action="store_true", help="also the real engine's kf")
    parser.add_argument("--log", action="store_true", help="also from logs that show the stack's words")
    parser.add_argument("--engine", action="store_true", help="also through !py in the real engine")
    options = parser.parse_args(arguments)
    kept = _read(options.keep)
    walks: Dict[str, Walk] = {OWN: own_walk}
    if options.bare:
        walks[BARE] = lambda made: own_walk(made, False)
    if options.log:
        walks[WORDS] = lambda made: pasted_walk(made, False)
        walks[CALLS] = lambda made: pasted_walk(made, True)
        walks[ROWS] = lambda made: pasted_walk(made, False, ROWS_SHOWN)
    if options.engine:
        walks[ENGINE] = engine_walk()
    if options.kf:
        walks.update(_kf())
    try:
        for style in options.styles.split(","):
            found: Dict[Tuple[str, int], Measured] = {}
            for name, walk in walks.items():
                some = [_measured(kept, options, (style, seed, name), walk) for seed in options.seeds]
                print(line(style, name, some), flush=True)
                found.update({(name, seed): one for seed, one in zip(options.seeds, some)})
            if options.below is not None:
                print("".join(f"{row}\n" for row in below(style, options.below, found)), end="", flush=True)
    except ToolError as error:
        print(f"lab64: {error}", file=sys.stderr)
        return 3
    if options.bins:
        for wanted in walks:
            chosen = [one for (_, seed, name), one in kept.items() if name == wanted and seed in options.seeds]
            for about in bins([one for one in chosen if one.slots]):
                print(f"{wanted}: {about}")
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
        return scored(score(made.truth, done[made.folder][name]))

    for name in (KF_OWN, KF_TRUE, KF_PAIR):
        yield name, lambda made, name=name: of(name, made)  # type: ignore[misc]


if __name__ == "__main__":
    sys.exit(main())
