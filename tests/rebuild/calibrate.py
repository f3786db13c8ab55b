"""Measures hogwalk's own walk on lab cases: scores per style, and whether stated probabilities come true.

python -m tests.rebuild.calibrate CASES [-n 41-70]     (CASES: a folder as `python -m tests.lab generate -o` writes it)
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from hogwalk.analysis import Wanted, gather
from hogwalk.rebuild import Rebuilt, rebuild
from hogwalk.rebuild.confidence import confidence
from hogwalk.target.dump import open_dump
from tests.lab.__main__ import seeds
from tests.lab.score import Score, TruthView, calibration, hog, mean, score
from tests.rebuild.train import folders

TENTHS = (*(tenth / 10 for tenth in range(10)), 1.01)


class Measured(NamedTuple):
    """One case: its score, the walk's CPU seconds, and (stated probability, came true) for slots and the verdict."""

    score: Score
    seconds: float
    slots: List[Tuple[float, bool]]
    verdict: Optional[Tuple[float, bool]]


def measure(folder: Path) -> Measured:
    """Walks one case."""
    truth = json.loads((folder / "truth.json").read_text())
    target = open_dump(str(folder / "memory.dmp"), str(folder / "symbols"))
    evidence = gather(target, Wanted(), lambda _: None)
    began = time.process_time()
    rebuilt = rebuild(evidence)
    seconds = time.process_time() - began
    view = TruthView(truth)
    stated = confidence(rebuilt, evidence.modules, lambda name: name)
    verdict = None if stated is None else (stated.probability, stated.owner == hog(view.sums(view.modules)))
    return Measured(score(truth, found(rebuilt)), seconds, _slots(rebuilt, view), verdict)


def found(rebuilt: Rebuilt) -> List[Tuple[int, str]]:
    """The walk as the lab scores it."""
    return [(frame.return_slot, "" if frame.symbol is None else frame.symbol.module) for frame in rebuilt.frames]


def _slots(rebuilt: Rebuilt, view: TruthView) -> List[Tuple[float, bool]]:
    """For every candidate the probability that it is live, and whether it is."""
    live = rebuilt.weighed.posterior.nodes()
    return [(stated, node.slot in view.modules) for stated, node in zip(live, rebuilt.weighed.clued.nodes)]


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Prints one line per style and the calibration of frames and verdicts."""
    parser = argparse.ArgumentParser(prog="python -m tests.rebuild.calibrate")
    parser.add_argument("cases", type=Path)
    parser.add_argument("-n", "--seeds", type=seeds, default=seeds("41-70"))
    options = parser.parse_args(arguments)
    styles: Dict[str, List[Measured]] = {}
    for folder in folders(options.cases, options.seeds):
        styles.setdefault(folder.parent.name, []).append(measure(folder))
    for style, cases in styles.items():
        sums = mean([case.score for case in cases])
        slowest = max(case.seconds for case in cases)
        print(f"{style:8} n={sums.cases} recall {sums.recall:.4f} precision {sums.precision:.4f} "
              f"bytes {sums.bytes_right:.4f} hog {sums.right_hog:.3f} slowest {1000 * slowest:.0f} ms")
    every = [case for cases in styles.values() for case in cases]
    for what, stated in (("slots", [pair for case in every for pair in case.slots]),
                         ("verdicts", [case.verdict for case in every if case.verdict is not None])):
        for one in calibration(stated, TENTHS if what == "slots" else (0, 0.5, 0.7, 0.85, 0.95, 0.99, 1.01)):
            print(f"{what:8} stated {one.stated:.3f} came true {one.right:.3f} n={one.count}")


if __name__ == "__main__":
    main()
