"""The own walk beside kf in the real engine: in a thread of its own, which never asks the debugger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.engine import Engine, Target
from tests.engine.wine import Setting
from tests.stackhog import DUMP, ROOT, SYMBOLS

SCRIPT = """\
import json, threading
from hogwalk import analysis
from hogwalk.answer.render.triage import render
from hogwalk.targets.engine import EngineTarget, load_pykd
from hogwalk.walk.evidence import Request

pykd, own, asked_by, worked_in = load_pykd(), threading.get_ident(), set(), set()
reconstruction = analysis.reconstruction

class Noting:
    def __getattr__(self, name):
        found = getattr(pykd, name)
        if not callable(found) or isinstance(found, type):
            return found
        def noted(*given, **named):
            asked_by.add(threading.get_ident())
            return found(*given, **named)
        return noted

def noted(*given):
    work = reconstruction(*given)
    def working(announce):
        worked_in.add(threading.get_ident())
        return work(announce)
    return working

def triage():
    return list(render(analysis.Run(EngineTarget(Noting()), Request(), None, lambda doing: None).report()))

analysis.reconstruction = noted
beside = triage()
threads = {"asked_by": asked_by == {own}, "worked_in": own not in worked_in and len(worked_in) == 1}
EngineTarget.beside = lambda self, ask, work, announce: (ask(), work(announce))
print(json.dumps({**threads, "same": beside == triage(), "left": threading.active_count()}))
analysis.reconstruction = reconstruction
"""


@pytest.mark.parametrize("call", ["!py beside", "!py -g beside"])
def test_the_own_walk_goes_on_beside_kf_and_changes_nothing(engine: Engine, tmp_path: Path, call: str) -> None:
    (tmp_path / "beside.py").write_text(SCRIPT)
    setting = Setting(import_path=(ROOT,), search_path=(tmp_path,))
    steps = engine.host(Target(DUMP, symbols=[SYMBOLS]), [call, call], setting)
    for step in steps if call == "!py beside" else steps[:1]:
        found = json.loads(step.output)
        assert found == {"asked_by": True, "worked_in": True, "same": True, "left": 1}
