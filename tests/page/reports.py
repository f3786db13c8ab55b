"""Reports for the tests of pages and exports: StackHog's, one of many frames, one with hostile names."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import List, Tuple

from hogwalk.analysis import Run
from hogwalk.answer.explain.records import Explanation
from hogwalk.answer.report.document import Report
from hogwalk.model import Frame, Symbol
from hogwalk.targets.recording import open_recording
from hogwalk.walk.evidence import Request
from tests.core.scenes import silent
from tests.stackhog import DEMO

HOSTILE = "<script>alert(1)</script>\u202e\"'&;`|=cmd" + "x" * 4000


@lru_cache(maxsize=None)
def stackhog() -> Tuple[Report, Tuple[Tuple[int, Explanation], ...]]:
    """StackHog's report and the explanations of its three largest frames."""
    run = Run(open_recording(str(DEMO)), Request(), None, silent)
    report = run.report()
    numbers = {id(frame): number for number, frame in enumerate(report.frames)}
    return report, tuple((numbers[id(frame)], run.explain(frame)) for frame in report.biggest(3))


def many(count: int) -> Report:
    """StackHog's frames over and over, each at a place of its own."""
    report, _ = stackhog()
    frames: List[Frame] = []
    weights = []
    slot = report.region.limit
    for at in range(count):
        frame = report.frames[1 + at % (len(report.frames) - 1)]
        slot += frame.bytes or 0
        weights.append(report.weights[1 + at % (len(report.frames) - 1)])
        frames.append(replace(frame, frame_ptr=slot - 4, return_slot=slot))
    return replace(
        report,
        frames=tuple(frames),
        weights=tuple(weights),
        region=replace(report.region, base=slot + 64),
        gaps=(),
        cycle=None,
    )


def hostile() -> Report:
    """StackHog with a name that is markup, script, formula and far too long, for a function, a module and a product."""
    report, _ = stackhog()
    frames = tuple(replace(frame, symbol=Symbol(HOSTILE, HOSTILE, 1)) for frame in report.frames)
    modules = tuple(
        replace(use, share=replace(use.share, name=HOSTILE), product=replace(use.product, name=HOSTILE))
        for use in report.modules[:1]
    )
    products = tuple(replace(use, product=replace(use.product, name=HOSTILE)) for use in report.products)
    return replace(report, frames=frames, modules=modules, products=products)
