"""One contract, every target: engine, recording, kernel dump, user dump, text, null."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable, Dict, Tuple

import pytest

from hogwalk.targets.dump import open_dump
from hogwalk.targets.null import NullTarget
from hogwalk.targets.protocol import Target
from hogwalk.targets.recorder import Recorder
from hogwalk.targets.recording import Replay
from hogwalk.targets.text import open_text
from tests.core.scenes import LIMIT, machine, usual_stack
from tests.dump.contents import stackhog
from tests.dump.minidumps import user32, wow64
from tests.dump.small import triage32
from tests.engine.engine import Engine
from tests.engine.wine import Setting
from tests.stackhog import DUMP, ROOT, SYMBOLS
from tests.targets.contract import CHECKS, NOWHERE, Check, about, broken, readable

LOGS = ROOT / "fixtures" / "logs"


def kernel_dump(folder: Path) -> Target:
    return open_dump(str(DUMP), str(SYMBOLS))


def small_dump(folder: Path) -> Target:
    (folder / "small.dmp").write_bytes(triage32(stackhog()))
    return open_dump(str(folder / "small.dmp"), str(SYMBOLS))


def user_dump(folder: Path) -> Target:
    (folder / "user.dmp").write_bytes(user32(stackhog(), True, True))
    return open_dump(str(folder / "user.dmp"), str(SYMBOLS))


def wow64_dump(folder: Path) -> Target:
    (folder / "wow.dmp").write_bytes(wow64(stackhog()))
    return open_dump(str(folder / "wow.dmp"), str(SYMBOLS))


def drawn(folder: Path) -> Target:
    scene = machine()
    usual_stack(scene)
    return scene.target


def recording(folder: Path) -> Target:
    recorder = Recorder(kernel_dump(folder))
    assert broken(recorder) == {}
    return Replay(recorder.lines(), "contract.recording")


TARGETS: Dict[str, Callable[[Path], Target]] = {
    "null": lambda folder: NullTarget(),
    "drawn": drawn,
    "kernel dump": kernel_dump,
    "small dump": small_dump,
    "user dump": user_dump,
    "WOW64 dump": wow64_dump,
    "recording": recording,
    "log": lambda folder: open_text(LOGS / "stackhog.log"),
    "excerpt": lambda folder: open_text(LOGS / "walkthrough-excerpt.txt"),
}


@pytest.fixture(scope="module", params=list(TARGETS))
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Target:
    made: Target = TARGETS[request.param](tmp_path_factory.mktemp("target"))
    return made


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_contract_holds(target: Target, check: Check) -> None:
    check(target)


@pytest.mark.parametrize("as_today", [False, True], ids=["as it is", "today"])
def test_the_engine_keeps_the_contract(engine: Engine, as_today: bool) -> None:
    manners: Tuple[Path, ...] = (ROOT / "tests" / "engine" / "manners",) if as_today else ()
    done = engine.python(["-m", "tests.targets.contract", DUMP, SYMBOLS], Setting(import_path=(*manners, ROOT)))
    assert done.code == 0, done.stdout + done.stderr
    assert json.loads(done.stdout) == {}


class Wrong(NullTarget):
    """Breaks its promises, to see that the checks see it."""

    def read(self, address: int, count: int) -> bytes:
        return bytes(count)


def test_a_broken_promise_is_seen() -> None:
    assert list(broken(Wrong())) == ["memory"]
    assert readable(drawn(Path()))
    assert LIMIT > NOWHERE
    about(Wrong())
