"""Measures walks of x64 lab cases: scores, CPU seconds, and whether stated probabilities come true."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from hogwalk.answer.charge.books import module_of
from hogwalk.walk.evidence import Wanted, gather
from hogwalk.walk.rebuild.confidence import confidence
from hogwalk.walk.unwound import rebuild
from tests.lab.score import calibration
from tests.lab64.case import Case, owners, score

OWN, BARE, ENGINE = "hogwalk", "hogwalk, no registers", "hogwalk, !py"
TENTHS = (*(tenth / 10 for tenth in range(10)), 1.01)
ALIGNED = 16  # bytes that the processor may leave below a machine frame, which the truth does not hold
VERDICTS = (0, 0.5, 0.65, 0.8, 0.9, 0.95, 0.99, 1.01)
ROOT = Path(__file__).parents[2]


class Measured(NamedTuple):
    """One walk: its score, the CPU seconds of the whole job, and (stated probability, came true) of slots and verdict.

    `covered` tells whether the true bytes lie in the range stated for them, None where none was stated.
    """

    recall: float
    precision: float
    bytes_right: float
    right_hog: bool
    seconds: float
    slots: List[Tuple[float, bool]]
    verdict: Optional[Tuple[float, bool]]
    covered: Optional[bool]


def own_walk(made: Case, registers: bool = True) -> Measured:
    """The own reader's walk."""
    began = time.process_time()
    known = gather(made.target(), Wanted(), lambda doing: None)
    if not registers:
        known = replace(known, registers=None)
    rebuilt = rebuild(known)
    stated = confidence(rebuilt, known.modules, lambda name: name)
    seconds = time.process_time() - began
    frames = [(one.return_slot, module_of(one) if one.symbol is not None else "") for one in rebuilt.frames]
    found = score(made.truth, frames)
    live = {frame["slot"] for frame in made.truth["frames"]}
    probabilities = rebuilt.weighed.posterior.nodes()
    slots = [(round(p, 4), node.slot in live) for p, node in zip(probabilities, rebuilt.weighed.clued.nodes)]
    verdict, covered = None, None
    if stated is not None:
        sums = owners(made.truth)
        hog = min(sums, key=lambda name: (-sums[name], name))
        verdict = stated.probability, stated.owner == hog
        true = sums.get(stated.owner, 0)
        covered = stated.low - ALIGNED <= true <= stated.high + ALIGNED
    return Measured(found.recall, found.precision, found.bytes_right, found.right_hog, seconds, slots, verdict, covered)


def engine_walk() -> Callable[[Case], Measured]:
    """Walks as `!py` makes them in the real engine, from this source tree."""
    from tests.engine.engine import Engine, Target  # only this needs Wine
    from tests.engine.setup import install
    from tests.engine.wine import Setting

    engine = Engine(install())
    setting = Setting(import_path=(ROOT,), search_path=(ROOT / "hogwalk" / "app" / "launcher",))

    def walk(made: Case) -> Measured:
        images = [made.images] if made.images.exists() else []
        target = Target(dump=made.dump, symbols=[made.symbols], images=images)
        (last,) = engine.host(target, ["!py hogwalk walk --json"], setting)
        frames = json.loads(last.output)["frames"]
        found = score(made.truth, [(int(frame["return_slot"], 16), frame["module"] or "") for frame in frames])
        return Measured(found.recall, found.precision, found.bytes_right, found.right_hog, 0.0, [], None, None)

    return walk


def line(style: str, name: str, some: Sequence[Measured]) -> str:
    """The means of one style: recall / precision / bytes / hog, then the worst of each, and CPU seconds."""
    rows = [(one.recall, one.precision, one.bytes_right, float(one.right_hog)) for one in some]
    means = " / ".join(f"{sum(values) / len(some):.3f}" for values in zip(*rows))
    low = " / ".join(f"{min(values):.3f}" for values in list(zip(*rows))[:3])
    return f"{style:8} {name:22} {len(some):3}  {means}  lowest {low}  {max(one.seconds for one in some):.2f} s"


def bins(some: Sequence[Measured]) -> Iterator[str]:
    """What was stated against what came true, for slots, verdicts and ranges of bytes."""
    for what, stated, edges in (
        ("slots", [(p, right) for one in some for p, right in one.slots], TENTHS),
        ("verdicts", [(one.verdict[0], one.verdict[1]) for one in some if one.verdict is not None], VERDICTS),
    ):
        for found in calibration(stated, edges):
            span = f"[{found.low:.2f}, {min(1.0, found.high):.2f})"
            yield f"{what:8} {span} stated {found.stated:.3f} came true {found.right:.3f} n={found.count}"
    covered = [one.covered for one in some if one.covered is not None]
    if covered:
        yield f"ranges of bytes hold the truth in {sum(covered) / len(covered):.3f} of {len(covered)}"
