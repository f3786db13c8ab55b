"""Measures walks of x64 lab cases: scores, CPU seconds, and whether stated probabilities come true."""

from __future__ import annotations

import io
import json
import time
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from hogwalk.__main__ import main as hogwalk
from hogwalk.analysis import Run
from hogwalk.answer.charge.books import module_of
from hogwalk.errors import NothingFound
from hogwalk.targets.text import open_text
from hogwalk.walk.evidence import Evidence, Request, gather
from hogwalk.walk.rebuild.confidence import confidence
from hogwalk.walk.rebuild.walk import Rebuilt
from hogwalk.walk.unwound import rebuild
from tests.lab.score import calibration
from tests.lab64.case import Case, Score, owners, score
from tests.lab64.log import kf, log

OWN, BARE, ENGINE = "hogwalk", "hogwalk, no registers", "!py hogwalk in the engine"
WORDS, CALLS, ROWS = "a log's words", "a log's words, calls", "a log's words, 30 rows"
KF_OWN, KF_TRUE, KF_PAIR = "kf, the dump's context", "kf, the true context", "kf, its best pair"
TENTHS = (*(tenth / 10 for tenth in range(10)), 1.01)
ALIGNED = 16  # bytes that the processor may leave below a machine frame, which the truth does not hold
VERDICTS = (0, 0.5, 0.65, 0.8, 0.9, 0.95, 0.99, 1.01)
ROOT = Path(__file__).parents[2]


class Measured(NamedTuple):
    """One walk: its score, the CPU seconds of the whole job, and (stated probability, came true) of slots and verdict.

    `covered` tells whether the true bytes lie in the range stated for them, None where none was stated.  `missed` and
    `wrong` are frames.  `differing` are, of a walk in the engine, the rows that the own reader has otherwise, and one
    more where it names another hog; None where that was not looked at.
    """

    recall: float
    precision: float
    bytes_right: float
    right_hog: bool
    seconds: float
    slots: List[Tuple[float, bool]]
    verdict: Optional[Tuple[float, bool]]
    covered: Optional[bool]
    missed: int = 0
    wrong: int = 0
    differing: Optional[int] = None


def scored(found: Score, seconds: float = 0.0) -> Measured:
    """A walk of which nothing but its score is known."""
    return Measured(
        found.recall, found.precision, found.bytes_right, found.right_hog, seconds, [], None, None,
        found.missed, found.wrong,
    )  # fmt: skip


def own_walk(made: Case, registers: bool = True) -> Measured:
    """The own reader's walk."""
    began = time.process_time()
    known = gather(made.target(), Request(), lambda doing: None)
    if not registers:
        known = replace(known, registers=None)
    return _judged(made, known, rebuild(known), began)


def pasted_walk(made: Case, code: bool, rows: int = 0) -> Measured:
    """The walk of a log of words, with the calls before them or with the first `rows` of kf."""
    text = (kf(made, rows) if rows else "") + log(made, code)
    began = time.process_time()
    run = Run(open_text(io.BytesIO(text.encode())), Request(), None, lambda doing: None)
    run.leave_table()
    try:
        rebuilt = run.walks().own
    except NothingFound:  # a walk without a frame, which states nothing
        return scored(score(made.truth, []), time.process_time() - began)
    assert rebuilt is not None
    return _judged(made, run.evidence(), rebuilt, began)


def _judged(made: Case, known: Evidence, rebuilt: Rebuilt, began: float) -> Measured:
    stated = confidence(rebuilt, known.modules, lambda name: name)
    seconds = time.process_time() - began
    frames = [(one.return_slot, module_of(one) if one.symbol is not None else "") for one in rebuilt.frames]
    found = score(made.truth, frames)
    live = {frame["slot"] for frame in made.truth["frames"]}
    probabilities = rebuilt.weighed.posterior.nodes()
    slots = [
        (round(rebuilt.stated(p, 0), 4), node.slot in live)
        for p, node in zip(probabilities, rebuilt.weighed.clued.nodes)
    ]
    verdict, covered = None, None
    if stated is not None:
        sums = owners(made.truth)
        hog = min(sums, key=lambda name: (-sums[name], name))
        verdict = stated.probability, stated.owner == hog
        true = sums.get(stated.owner, 0)
        covered = stated.low - ALIGNED <= true <= stated.high + ALIGNED
    return scored(found, seconds)._replace(slots=slots, verdict=verdict, covered=covered)


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
        there, here = json.loads(last.output), _document(made)
        found = score(made.truth, [(int(row["return_slot"], 16), row["module"] or "") for row in there["frames"]])
        differing = len(set(_rows(there)) ^ set(_rows(here)))
        return scored(found)._replace(differing=differing + (_hog(there) != _hog(here)))

    return walk


def _document(made: Case) -> Dict[str, Any]:
    """The own reader's report."""
    images = ["-i", str(made.images)] if made.images.exists() else []
    said = io.StringIO()
    with redirect_stdout(said):
        hogwalk(["walk", "--json", "--engine", "own", "-z", str(made.dump), "-y", str(made.symbols), *images])
    document: Dict[str, Any] = json.loads(said.getvalue())
    return document


def _rows(document: Mapping[str, Any]) -> List[Tuple[object, ...]]:
    """What the two doors must agree in of each frame."""
    return [
        tuple(row[key] for key in ("return_slot", "return_address", "bytes", "module")) for row in document["frames"]
    ]


def _hog(document: Mapping[str, Any]) -> Optional[str]:
    """The module that holds most."""
    return max(document["modules"], key=lambda one: int(one["bytes"]))["name"] if document["modules"] else None


def line(style: str, name: str, some: Sequence[Measured]) -> str:
    """The means of one style: recall / precision / bytes / hog, then the worst of each, and CPU seconds."""
    rows = [(one.recall, one.precision, one.bytes_right, float(one.right_hog)) for one in some]
    means = " / ".join(f"{sum(values) / len(some):.3f}" for values in zip(*rows))
    low = " / ".join(f"{min(values):.3f}" for values in list(zip(*rows))[:3])
    hogs, frames = sum(one.right_hog for one in some), sum(one.missed + one.wrong for one in some)
    compared = [one.differing for one in some if one.differing is not None]
    said = f"  {sum(map(bool, compared))} of {len(compared)} differ from the own reader" if compared else ""
    seconds = max(one.seconds for one in some)
    return (
        f"{style:8} {name:25} {len(some):3}  {means}  lowest {low}  hog {hogs}/{len(some)}  "
        f"{frames} frames wrong  {seconds:.2f} s{said}"
    )


def below(style: str, bar: float, some: Mapping[Tuple[str, int], Measured]) -> Iterator[str]:
    """One line for each walk of hogwalk's below a bar, below what kf makes of the same registers, or not the same.

    `some` are walks by their name and the seed.
    """
    for (name, seed), one in some.items():
        if name not in (OWN, ENGINE):
            continue
        low = min(one.recall, one.precision, one.bytes_right) < bar
        marks = ["below the bar"] if low else []
        marks += [] if one.right_hog else ["wrong hog"]
        marks += [
            f"below {other}"
            for other in (KF_OWN, KF_TRUE)
            if (other, seed) in some and some[other, seed].missed < one.missed
        ]
        marks += [f"{one.differing} rows differ from the own reader's"] if one.differing else []
        if marks:
            about = f"{one.recall:.3f} / {one.precision:.3f} / {one.bytes_right:.3f}"
            yield f"    {style}-{seed} {name}: {about} {', '.join(marks)}"


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
