"""hogwalk where users have it: `!py hogwalk` in the real engine, on a case's dump."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Tuple

from tests.engine.engine import Engine, Target
from tests.engine.errors import EngineRunError
from tests.engine.wine import Setting
from tests.lab.cases import StoredCase
from tests.lab.own import ends_of_holes
from tests.lab.score import Found
from tests.stackhog import ROOT

BANG = "`!py hogwalk` in the engine"
SETTING = Setting(import_path=(ROOT,), search_path=(ROOT / "hogwalk" / "app" / "launcher",))


def walk(engine: Engine, case: StoredCase) -> Dict[str, Found]:
    """The return slots of the triage's report, each with the module it charges; raises EngineRunError without one."""
    document = report(engine, case)
    holes = [
        (int(gap["from"], 16), int(gap["to"], 16)) for gap in document["gaps"] if gap["why"].startswith("unreadable")
    ]
    return {BANG: [*frames(document), *ends_of_holes(holes)]}


def report(engine: Engine, case: StoredCase) -> Dict[str, Any]:
    """The JSON document that `!py hogwalk --json` prints."""
    step = engine.host(Target(dump=case.dump, symbols=[case.symbols]), ["!py hogwalk --json"], SETTING)[0]
    try:
        document: Dict[str, Any] = json.loads(step.output)
    except ValueError as error:
        raise EngineRunError(f"{case.folder}: {step.output[:400]}") from error
    return document


def frames(document: Dict[str, Any]) -> List[Tuple[int, str]]:
    """(return slot, module) of every frame of a report, and of the triple's own slot, newest first."""
    return [(int(frame["return_slot"], 16), frame["module"] or "") for frame in document["frames"]]
