"""The x64 lab's command: generates what is not there yet and measures walks.

python -m tests.lab64 [-s sym,asm] [-n 21-25] [-o FOLDER] [--bare] [--kf]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from hogwalk.answer.charge.books import module_of
from hogwalk.model import Frame
from hogwalk.walk.evidence import Wanted, gather
from hogwalk.walk.unwound import rebuild
from tests.lab.__main__ import seeds
from tests.lab.toolchain import ToolError, cache_root
from tests.lab64.case import Case, Score, case, score
from tests.lab64.styles import STYLES

Pairs = List[Tuple[int, str]]
OWN, BARE = "hogwalk", "hogwalk, no registers"


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Exit code: 0 done, 3 a tool is missing or failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab64", description="generated x64 stack overflows")
    parser.add_argument("-s", "--styles", default=",".join(STYLES), help="names with commas")
    parser.add_argument("-n", "--seeds", type=seeds, default=[1], help="like 21-25")
    parser.add_argument("-o", "--out", type=Path, default=cache_root() / "cases64", help="folder of cases")
    parser.add_argument("--bare", action="store_true", help="also without any registers")
    parser.add_argument("--kf", action="store_true", help="also the real engine's kf")
    options = parser.parse_args(arguments)
    try:
        for style in options.styles.split(","):
            scores: Dict[str, List[Score]] = {}
            for seed in options.seeds:
                made = case(style, seed, options.out)
                for name, found in _walks(made, options.bare, options.kf).items():
                    scores.setdefault(name, []).append(score(made.truth, found))
            for name, some in scores.items():
                print(_line(style, name, some), flush=True)
    except ToolError as error:
        print(f"lab64: {error}", file=sys.stderr)
        return 3
    return 0


def _walks(made: Case, bare: bool, kf: bool) -> Dict[str, Pairs]:
    known = gather(made.target(), Wanted(), lambda doing: None)
    found = {OWN: _pairs(rebuild(known).frames)}
    if bare:
        found[BARE] = _pairs(rebuild(replace(known, registers=None)).frames)
    if kf:
        found.update(_kf()(made))
    return found


def _pairs(frames: Sequence[Frame]) -> Pairs:
    return [(frame.return_slot, module_of(frame) if frame.symbol is not None else "") for frame in frames]


def _kf() -> Callable[[Case], Dict[str, Pairs]]:
    from tests.engine.engine import Engine  # only this peer needs Wine
    from tests.engine.setup import install
    from tests.lab64 import peer_kf

    engine = Engine(install())
    return lambda made: peer_kf.walk(engine, made)


def _line(style: str, name: str, some: Sequence[Score]) -> str:
    count = len(some)
    rows = [(one.recall, one.precision, one.bytes_right, float(one.right_hog)) for one in some]
    means = [sum(values) / count for values in zip(*rows)]
    words = " / ".join(f"{mean:.3f}" for mean in means)
    return f"{style:8} {name:22} {count:3}  {words}  lowest recall {min(s.recall for s in some):.3f}"


if __name__ == "__main__":
    sys.exit(main())
