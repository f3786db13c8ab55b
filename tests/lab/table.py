"""Run methods over cases of a style and print their means as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, Iterable, List, Mapping, Sequence, Tuple

from tests.lab.cases import StoredCase, open_case
from tests.lab.generate import generate
from tests.lab.score import Found, Mean, Score, mean, score

Method = Callable[[StoredCase], Mapping[str, Found]]


def stored(style: str, seed: int, root: Path) -> StoredCase:
    """The case in root/STYLE/SEED, generated first where it is not there."""
    folder = root / style / str(seed)
    if not (folder / "truth.json").exists():
        generate(style, seed, folder)
    return open_case(folder)


def measure(style: str, seeds: Iterable[int], root: Path, methods: Sequence[Method]) -> Dict[str, List[Score]]:
    """Every method's scores by the name of its result, in the order of the seeds."""
    scores: Dict[str, List[Score]] = {}
    for seed in seeds:
        case = stored(style, seed, root)
        for method in methods:
            for name, found in method(case).items():
                scores.setdefault(name, []).append(score(case.truth, found))
    return scores


def table(rows: Sequence[Tuple[str, Dict[str, List[Score]]]]) -> str:
    """One line per style and method: recall, precision, bytes right, right hog, number of cases."""
    lines = [
        "| style | method | recall | precision | bytes right | right hog | cases |",
        "|---|---|---|---|---|---|---|",
    ]
    for style, scores in rows:
        lines += [_line(style, name, mean(each)) for name, each in scores.items()]
    return "\n".join(lines)


def _line(style: str, name: str, means: Mean) -> str:
    shares = f"{means.recall:.3f} | {means.precision:.3f} | {means.bytes_right:.3f} | {means.right_hog:.2f}"
    return f"| {style} | {name} | {shares} | {means.cases} |"
