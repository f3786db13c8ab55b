"""The StackHog fixture's facts, as the walkthrough published them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "fixtures" / "stackhog"
DUMP = FOLDER / "memory.dmp"
SYMBOLS = FOLDER / "symbols"
DEMO = ROOT / "hogwalk" / "app" / "demo" / "stackhog.recording"
LAUNCHER = ROOT / "hogwalk" / "app" / "launcher"

TRIPLE = "b8ae6100 b8ae60ec 8081df65"
USAGE = {
    "Ntfs": 4004,
    "nt": 2652,
    "BossHog01": 1684,
    "MamaHog": 1292,
    "BossHog": 800,
    "BabyHog": 600,
    "fltmgr": 164,
    "daddyHog": 120,
}
HOGS = ("BossHog01", "MamaHog", "BossHog", "BabyHog", "daddyHog")
HOG_BYTES = 4496  # the walkthrough's own hand-made sum, 4176, skips five frames
WALKED = 11316
# What the published rows leave out: the function that ran when the stack ran out (bae19413, from Limit b8ae6000 up to
# its return address at b8ae60f0), and the first row's own frame (from there to b8ae6104), where kf prints no bytes.
RUNNING = {"Ntfs": 0xB8AE60F4 - 0xB8AE6000, "nt": 0xB8AE6104 - 0xB8AE60F0}
CHARGED = {module: held + RUNNING.get(module, 0) for module, held in USAGE.items()}


def published_rows() -> List[Dict[str, Any]]:
    """The walkthrough's kf table, row by row, as fixtures/stackhog/walk.json keeps it."""
    rows: List[Dict[str, Any]] = json.loads((FOLDER / "walk.json").read_text())["rows"]
    return rows
