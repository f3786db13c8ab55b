"""hogwalk on x64 dumps of the lab in the real debugger engine, as `!py` runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hogwalk.analysis import Run
from hogwalk.answer.charge.books import module_of
from hogwalk.walk.evidence import Request
from tests.engine.engine import Engine, Target
from tests.engine.wheel import install_wheel
from tests.engine.wine import Setting
from tests.lab64.case import case, score

pytestmark = pytest.mark.skipif(
    not (shutil.which("clang") and shutil.which("lld-link")), reason="the lab needs clang and lld"
)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    """Where Windows Python finds the wheel."""
    return install_wheel(wheel, tmp_path_factory.mktemp("python64"))


@pytest.mark.parametrize("style", ["nosym", "asm"])
def test_the_walk_is_the_true_one(style: str, engine: Engine, installed: Setting, tmp_path: Path) -> None:
    made = case(style, 1, tmp_path)
    target = Target(dump=made.dump, symbols=[made.symbols])
    steps = [":state", "!py hogwalk walk --json", "!py hogwalk heal", ":state"]
    before, walk, heal, after = engine.host(target, steps, installed)
    report = json.loads(walk.output)
    frames = [(int(frame["return_slot"], 16), frame["module"] or "") for frame in report["frames"]]
    found = score(made.truth, frames)
    assert (found.recall, found.precision, found.bytes_right, found.right_hog) == (1.0, 1.0, 1.0, True)
    assert "both" in {frame["source"] for frame in report["frames"]}
    assert "Pieces" in heal.output
    assert before.output == after.output


def test_a_kernel_that_is_read_as_another_machine_is_said_to_be(
    engine: Engine, installed: Setting, tmp_path: Path
) -> None:
    made = case("nosym", 1, tmp_path)
    target = Target(dump=made.dump, symbols=[made.symbols])
    steps = ["!py hogwalk", ".effmach x86", "!py hogwalk", "!py -g hogwalk", ".effmach", ".effmach .", "!py hogwalk"]
    usual, _, local, lasting, still, _, again = (step.output for step in engine.host(target, steps, installed))
    assert "it is x64, .effmach says x86; type .effmach . and repeat" in local
    assert (lasting, again) == (local, usual)
    assert "x86 compatible" in still


# Of a small dump's images the engine maps no page whole: sections as long as their file has them, no import table.
@pytest.mark.parametrize("style", ["unloaded", "small"])
def test_the_frames_are_the_own_readers(style: str, engine: Engine, installed: Setting, tmp_path: Path) -> None:
    made = case(style, 1, tmp_path)
    images = [made.images] if made.images.exists() else []
    target = Target(dump=made.dump, symbols=[made.symbols], images=images)
    (step,) = engine.host(target, ["!py hogwalk walk --json"], installed)
    frames = json.loads(step.output)["frames"]
    own = Run(made.target(), Request(), None, print).report().frames
    assert [(int(frame["return_slot"], 16), frame["bytes"], frame["module"] or "") for frame in frames] == [
        (frame.return_slot, frame.bytes, module_of(frame)) for frame in own
    ]
