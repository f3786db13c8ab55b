"""Measures hogwalk's own walk on lab cases: scores per style, and whether stated probabilities come true.

python -m tests.rebuild.calibrate CASES [-n 41-70] [--hidden 0,2,5,8]

CASES is a folder as `python -m tests.lab generate -o` writes it.  As verdicts on readable code are hardly ever in
doubt, every case is walked once for each number of modules whose code is then hidden.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from hogwalk.targets.dump import open_dump
from hogwalk.walk.evidence import Request, gather
from hogwalk.walk.rebuild import Rebuilt, rebuild
from hogwalk.walk.rebuild.confidence import confidence
from tests.lab.__main__ import seeds
from tests.lab.hidden import hide
from tests.lab.own import found
from tests.lab.score import WORD, Score, TruthView, calibration, hog, mean, score
from tests.rebuild.train import folders

TENTHS = (*(tenth / 10 for tenth in range(10)), 1.01)
VERDICTS = (0, 0.5, 0.65, 0.8, 0.875, 0.925, 0.97, 0.99, 1.01)


class Measured(NamedTuple):
    """One case: its score, the walk's CPU seconds, and (stated probability, came true) for slots and the verdict.

    `covered` tells whether the true bytes lie in the range stated for them.
    """

    score: Score
    seconds: float
    slots: List[Tuple[float, bool]]
    verdict: Optional[Tuple[float, bool]]
    covered: Optional[bool]


def measure(folder: Path, hidden: int) -> Measured:
    """Walks one case, the code of `hidden` modules unreadable."""
    truth = json.loads((folder / "truth.json").read_text())
    target = hide(open_dump(str(folder / "memory.dmp"), str(folder / "symbols")), truth, hidden, int(folder.name))
    evidence = gather(target, Request(), lambda _: None)
    began = time.process_time()
    rebuilt = rebuild(evidence)
    seconds = time.process_time() - began
    view = TruthView(truth)
    stated = confidence(rebuilt, evidence.modules, lambda name: name)
    scored, slots = score(truth, found(rebuilt, evidence.image.holes)), _slots(rebuilt, view)
    if stated is None:
        return Measured(scored, seconds, slots, None, None)
    sums = true_sums(truth)
    verdict = stated.probability, stated.owner == hog(sums)
    covered = stated.low <= sums.get(stated.owner, 0) <= stated.high
    return Measured(scored, seconds, slots, verdict, covered)


def true_sums(truth: Dict[str, Any]) -> Dict[str, int]:
    """The true bytes by module, those in unreadable pages and the frame of the function that ran last among them.

    That one reaches from ESP, or from Limit where ESP lies below it.
    """
    low: int = max(truth["limit"], truth["registers"]["esp"])
    sums: Dict[str, int] = {}
    for frame in truth["frames"]:
        if truth["limit"] <= frame["return_slot"] < truth["base"]:
            end, module = frame["return_slot"] + WORD, frame["module"]
            sums[module] = sums.get(module, 0) + max(0, end - low)
            low = max(low, end)
    return sums


def _slots(rebuilt: Rebuilt, view: TruthView) -> List[Tuple[float, bool]]:
    """For every candidate the probability that it is live, and whether it is."""
    live = rebuilt.weighed.posterior.nodes()
    walked = [frame.return_slot for frame in rebuilt.frames]
    found = []
    for stated, node in zip(live, rebuilt.weighed.clued.nodes):
        newer = sum(1 for slot in walked if slot < node.slot)
        found.append((rebuilt.stated(stated, newer), node.slot in view.modules))
    return found


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Prints one line per style and the calibration of frames and verdicts."""
    parser = argparse.ArgumentParser(prog="python -m tests.rebuild.calibrate")
    parser.add_argument("cases", type=Path)
    parser.add_argument("-n", "--seeds", type=seeds, default=seeds("41-70"))
    parser.add_argument("--hidden", type=seeds, default=[0], help="modules whose code is hidden, like 0,2,5,8")
    options = parser.parse_args(arguments)
    styles: Dict[Tuple[str, int], List[Measured]] = {}
    for folder in folders(options.cases, options.seeds):
        for hidden in options.hidden:
            styles.setdefault((folder.parent.name, hidden), []).append(measure(folder, hidden))
    for (style, hidden), cases in styles.items():
        print(line(style, hidden, cases))
    for about in calibrations([case for cases in styles.values() for case in cases]):
        print(about)


def line(style: str, hidden: int, cases: Sequence[Measured]) -> str:
    """The means of one style."""
    sums, slowest = mean([case.score for case in cases]), max(case.seconds for case in cases)
    return (
        f"{style:8} hidden {hidden} n={sums.cases} recall {sums.recall:.4f} precision {sums.precision:.4f} "
        f"bytes {sums.bytes_right:.4f} hog {sums.right_hog:.3f} slowest {1000 * slowest:.0f} ms"
    )


def calibrations(cases: Sequence[Measured]) -> Iterator[str]:
    """What was stated against what came true, for slots, verdicts and the ranges of bytes."""
    for what, stated, edges in (
        ("slots", [pair for case in cases for pair in case.slots], TENTHS),
        ("verdicts", [case.verdict for case in cases if case.verdict is not None], VERDICTS),
    ):
        for one in calibration(stated, edges):
            span = f"[{one.low:.2f}, {min(1.0, one.high):.2f})"
            yield f"{what:8} {span} stated {one.stated:.3f} came true {one.right:.3f} n={one.count}"
    covered = [case.covered for case in cases if case.covered is not None]
    yield f"ranges of bytes hold the truth in {sum(covered) / len(covered):.3f} of {len(covered)}"


if __name__ == "__main__":
    main()
