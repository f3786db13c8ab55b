"""The scores of a measurement, dump by dump, kept in a file so that methods can be measured one after the other."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from tests.lab.score import Score

Scores = Dict[str, Score]  # by the method's name


class Sheet:
    """Scores by case, named STYLE/SEED; what `path` holds already is read first.

    Raises OSError where the file cannot be read, ValueError where it holds something else.
    """

    def __init__(self, path: Optional[Path]) -> None:
        self._path = path
        self._scores: Dict[str, Scores] = {}
        if path is not None and path.exists():
            for case, methods in json.loads(path.read_text("utf-8")).items():
                self._scores[case] = {method: Score(**fields) for method, fields in methods.items()}

    def add(self, case: str, scores: Mapping[str, Score]) -> None:
        """Notes a case's scores, in place of older ones by the same methods."""
        self._scores.setdefault(case, {}).update(scores)

    def has(self, case: str, methods: Iterable[str]) -> bool:
        """Whether a case is measured by all these methods."""
        return set(methods) <= set(self._scores.get(case, {}))

    def save(self) -> None:
        """Writes the file, where there is one."""
        if self._path is not None:
            fields = {case: {name: asdict(one) for name, one in own.items()} for case, own in self._scores.items()}
            beside = self._path.with_name(self._path.name + ".new")
            beside.write_text(json.dumps(fields, indent=0), "utf-8")
            beside.replace(self._path)

    def of(self, style: str, seeds: Iterable[int]) -> Dict[str, List[Score]]:
        """A style's scores by method, in the order of the seeds."""
        found: Dict[str, List[Score]] = {}
        for seed in seeds:
            for method, one in self._scores.get(f"{style}/{seed}", {}).items():
                found.setdefault(method, []).append(one)
        return found

    def poor(self, method: str, bar: float, cases: Sequence[str]) -> List[str]:
        """The cases in which a method names another hog, or stays below the bar in recall or bytes."""
        found = []
        for case in cases:
            one = self._scores.get(case, {}).get(method)
            if one is not None and (not one.right_hog or min(one.recall, one.bytes_right) < bar):
                hog = "" if one.right_hog else ", another hog"
                found.append(f"{case} recall {one.recall:.3f} bytes {one.bytes_right:.3f}{hog}")
        return found

    def alike(self, method: str, other: str, within: float, cases: Sequence[str]) -> Tuple[int, int, List[str]]:
        """Cases measured by both methods, those with hogs right or wrong in both and bytes so near, and the others."""
        both = [case for case in cases if self.has(case, (method, other))]
        far = []
        for case in both:
            one, two = self._scores[case][method], self._scores[case][other]
            if one.right_hog != two.right_hog or abs(one.bytes_right - two.bytes_right) > within:
                far.append(f"{case} bytes {one.bytes_right:.3f} and {two.bytes_right:.3f}")
        return len(both), len(both) - len(far), far

    def below(self, method: str, other: str, cases: Sequence[str]) -> List[str]:
        """The cases in which a method's frame recall or bytes right are below the other's."""
        found = []
        for case in cases:
            scores = self._scores.get(case, {})
            if method in scores and other in scores:
                one, two = scores[method], scores[other]
                if one.recall < two.recall or one.bytes_right < two.bytes_right:
                    found.append(case)
        return found
