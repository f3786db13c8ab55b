"""The kept cases on disk: tests/kept/cases/STYLE-SEED.tar.xz holds memory.dmp, symbols/ and truth.json."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Dict, List

from tests.lab.cases import StoredCase, open_case
from tests.lab.score import Score

FOLDER = Path(__file__).parent / "cases"
FLOORS = Path(__file__).parent / "floors.json"
# Seeds that no fit, no README table and no test of tests/lab has seen.
STYLES = ("ebp", "fpo", "allfpo", "gcc", "gone", "page", "trap", "regs", "segment", "decoy")
SEEDS = (7001, 7002)
SLACK = 0.002  # so much of a share may be lost; the hog, never
Floors = Dict[str, Dict[str, float]]


def names() -> List[str]:
    """The cases, STYLE-SEED."""
    return [f"{style}-{seed}" for style in STYLES for seed in SEEDS]


def unpacked(name: str, folder: Path) -> StoredCase:
    """The case in a folder of its own under `folder`, unpacked first where it is not there."""
    into = folder / name
    if not into.exists():
        with tarfile.open(FOLDER / f"{name}.tar.xz") as archive:
            for member in archive.getmembers():
                path = into / member.name
                path.parent.mkdir(parents=True, exist_ok=True)
                file = archive.extractfile(member)
                assert file is not None
                path.write_bytes(file.read())
    return open_case(into)


def pack(name: str, folder: Path) -> None:
    """Keeps a case's folder; the same files give the same bytes."""
    FOLDER.mkdir(exist_ok=True)
    with tarfile.open(FOLDER / f"{name}.tar.xz", "w:xz", preset=9) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            content = path.read_bytes()
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def floors() -> Floors:
    """Each case's figures when they were last written."""
    found: Floors = json.loads(FLOORS.read_text("ascii"))
    return found


def figures(score: Score) -> Dict[str, float]:
    """What of a score has a floor; shares from 0 to 1, hog 0 or 1."""
    return {
        "recall": round(score.recall, 4),
        "precision": round(score.precision, 4),
        "bytes": round(score.bytes_right, 4),
        "hog": float(score.right_hog),
    }


def fallen(name: str, score: Score) -> List[str]:
    """The figures that are below the case's floor, in words."""
    floor, now = floors()[name], figures(score)
    return [
        f"{name}: {figure} {now[figure]} is below {least}"
        for figure, least in floor.items()
        if now[figure] < least - (0 if figure == "hog" else SLACK)
    ]
