"""The cases of a folder, and a table of their scores' means."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from tests.lab.cases import StoredCase, open_case
from tests.lab.generate import generate
from tests.lab.score import Mean, Score, mean


def stored(style: str, seed: int, root: Path) -> StoredCase:
    """The case in root/STYLE/SEED, generated first where it is not there."""
    folder = root / style / str(seed)
    if not (folder / "truth.json").exists():
        generate(style, seed, folder)
    return open_case(folder)


def table(rows: Sequence[Tuple[str, Dict[str, List[Score]]]]) -> str:
    """One line per style, one column per method: recall / precision / bytes right / right hog, means of the cases."""
    methods = list(dict.fromkeys(name for _, scores in rows for name in scores))
    lines = [f"| style | {' | '.join(methods)} |", "|---" * (len(methods) + 1) + "|"]
    for style, scores in rows:
        cells = [_cell(mean(scores[name])) if name in scores else "" for name in methods]
        lines.append(f"| {style} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(means: Mean) -> str:
    shares = (means.recall, means.precision, means.bytes_right)
    return " / ".join([*(f"{share:.3f}".replace("0.", ".", 1) for share in shares), f"{means.right_hog:.2f}"])
