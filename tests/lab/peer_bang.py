"""hogwalk where users have it: `!py -g hogwalk` in the real engine, many cases' dumps in one session."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Sequence, Tuple

from tests.engine.across import across
from tests.engine.engine import Engine, Target
from tests.engine.errors import EngineRunError
from tests.engine.wine import Setting
from tests.lab.cases import StoredCase
from tests.lab.own import ends_of_holes
from tests.lab.score import Found
from tests.stackhog import LAUNCHER, ROOT

__all__ = ["BANG", "Engine", "frames", "walk"]

BANG = "`!py hogwalk` in the engine"
SECONDS = 60  # for one case, on a busy machine
STEP = "!py -g hogwalk --json"  # what `!py hogwalk` prints, without loading hogwalk anew for each dump


def walk(engine: Engine, cases: Sequence[StoredCase]) -> List[Dict[str, Found]]:
    """The return slots of each triage's report, each with the module it charges; none where there is no report.

    Where one dump brings the session down, each is looked at in a session of its own.
    """
    try:
        return [{BANG: _found(output)} for output in _outputs(engine, cases)]
    except EngineRunError:
        return [walk(engine, [case])[0] for case in cases] if len(cases) > 1 else [{BANG: []}]


def _outputs(engine: Engine, cases: Sequence[StoredCase]) -> List[str]:
    targets = [Target(dump=case.dump, symbols=[case.symbols]) for case in cases]
    setting = Setting(import_path=(ROOT,), search_path=(LAUNCHER,), timeout=60 + SECONDS * len(cases))
    return [step.output for (step,) in across(engine, targets, [[STEP]] * len(cases), setting)]


def _found(output: str) -> List[Tuple[int, str]]:
    at = output.find("{")  # a slow machine's announcements come first
    try:
        document = json.loads(output[at:]) if at >= 0 else None
    except ValueError:
        document = None
    if document is None:
        return []
    holes = [
        (int(gap["from"], 16), int(gap["to"], 16)) for gap in document["gaps"] if gap["why"].startswith("unreadable")
    ]
    return [*frames(document), *ends_of_holes(holes)]


def frames(document: Dict[str, Any]) -> List[Tuple[int, str]]:
    """(return slot, module) of every frame of a report, newest first."""
    return [(int(frame["return_slot"], 16), frame["module"] or "") for frame in document["frames"]]
