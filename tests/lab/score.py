"""Score a reconstruction against a case's truth: frames, bytes, the hog, and calibration.

A reconstruction is a list of (return_slot, module) pairs; module is the name of the module whose function runs in the
frame, so that the bytes (newer slot, own slot] are charged to it.  Only the current segment [limit, base) counts.
Return slots inside unreadable pages are not looked for, nor are bytes there; yet a frame that ends in such a page owns
its bytes outside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

PAGE = 0x1000
WORD = 4

Found = Sequence[Tuple[int, str]]


@dataclass(frozen=True)
class Score:
    """Shares from 0 to 1 (recall, precision, bytes_right) and whether the largest module is the true one."""

    recall: float
    precision: float
    bytes_right: float
    right_hog: bool
    true_frames: int
    found_frames: int


@dataclass(frozen=True)
class Mean:
    """Means over so many cases; right_hog is the share of cases in which the hog was named."""

    cases: int
    recall: float
    precision: float
    bytes_right: float
    right_hog: float


@dataclass(frozen=True)
class Bin:
    """Verdicts stated with a probability in [low, high): count, mean statement, and the share that was right."""

    low: float
    high: float
    count: int
    stated: float
    right: float


def score(truth: Mapping[str, object], found: Found) -> Score:
    """Score found against the document of truth.json; an empty reconstruction scores 0 everywhere."""
    view = TruthView(truth)
    every = {view.canonical(slot): module for slot, module in found if view.limit <= slot < view.base}
    slots = {slot for slot in every if view.counts(slot)}
    live = set(view.slots)
    hits = len(live & slots)
    return Score(
        hits / len(live),
        hits / len(slots) if slots else 0.0,
        _bytes_right(view, every),
        hog(view.sums(view.modules)) == hog(view.sums(every)),
        len(live),
        len(slots),
    )


class TruthView:
    """The scored part of a truth document: `modules` of all slots of the current segment, `slots` those looked for."""

    def __init__(self, truth: Mapping[str, object]) -> None:
        """truth is the parsed truth.json; raises KeyError where a field lacks."""
        self.limit, self.base = _number(truth["limit"]), _number(truth["base"])
        pages = truth["unreadable_pages"]
        frames = truth["frames"]
        assert isinstance(pages, (list, tuple))
        assert isinstance(frames, (list, tuple))
        self.pages = {int(page) for page in pages}
        self.modules: Dict[int, str] = {}
        self._also: Dict[int, int] = {}
        for frame in frames:
            slot = int(frame["return_slot"])
            if self.limit <= slot < self.base:
                self.modules[slot] = str(frame["module"])
            self._also.update({int(also): slot for also in frame["also"]})
        self.slots = [slot for slot in sorted(self.modules) if self.counts(slot)]

    def counts(self, slot: int) -> bool:
        """True for slots of the current segment outside unreadable pages."""
        return self.limit <= slot < self.base and slot & -PAGE not in self.pages

    def canonical(self, slot: int) -> int:
        """The frame's own slot for a trap frame's second copy of the return address."""
        return self._also.get(slot, slot)

    def owners(self, slots: Mapping[int, str]) -> List[Optional[str]]:
        """The owner of every readable word from the newest slot that can be found to the oldest true one."""
        ordered = sorted(slots)
        result: List[Optional[str]] = []
        index = 0
        for address in range(self.slots[0] + WORD, max(self.modules) + WORD, WORD):
            if not self.counts(address):
                continue
            while index < len(ordered) and ordered[index] < address:
                index += 1
            result.append(slots[ordered[index]] if 0 < index < len(ordered) else None)
        return result

    def sums(self, slots: Mapping[int, str]) -> Dict[str, int]:
        """Bytes by module between the newest and the oldest true slot."""
        sums: Dict[str, int] = {}
        for owner in self.owners(slots):
            if owner is not None:
                sums[owner] = sums.get(owner, 0) + WORD
        return sums


def hog(sums: Mapping[str, int]) -> str:
    """The module with the most bytes, the first by name among equals, or ""."""
    return min(sums, key=lambda name: (-sums[name], name)) if sums else ""


def calibration(
    verdicts: Sequence[Tuple[float, bool]], edges: Sequence[float] = (0, 0.5, 0.7, 0.85, 0.95, 1.01)
) -> List[Bin]:
    """Bins of (stated probability, was right) pairs; empty bins are left out."""
    bins = []
    for low, high in zip(edges, edges[1:]):
        inside = [(stated, right) for stated, right in verdicts if low <= stated < high]
        if inside:
            count = len(inside)
            bins.append(Bin(low, high, count, sum(s for s, _ in inside) / count, sum(r for _, r in inside) / count))
    return bins


def brier(verdicts: Sequence[Tuple[float, bool]]) -> float:
    """Mean squared distance of stated probabilities from what was true; 0 is perfect; raises ValueError on none."""
    if not verdicts:
        raise ValueError("no verdicts to score")
    return sum((stated - float(right)) ** 2 for stated, right in verdicts) / len(verdicts)


def mean(scores: Sequence[Score]) -> Mean:
    """Plain means over cases; raises ValueError on none."""
    if not scores:
        raise ValueError("no scores to average")
    count = len(scores)
    return Mean(
        count,
        sum(s.recall for s in scores) / count,
        sum(s.precision for s in scores) / count,
        sum(s.bytes_right for s in scores) / count,
        sum(s.right_hog for s in scores) / count,
    )


def _bytes_right(view: TruthView, slots: Mapping[int, str]) -> float:
    want, got = view.owners(view.modules), view.owners(slots)
    return sum(a == b for a, b in zip(want, got)) / len(want) if want else 1.0


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value
