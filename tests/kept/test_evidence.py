"""More evidence never makes the answer worse: the kept cases as logs that grow, each answer the real engine's own.

Words and modules, then symbols, the code before each word, kf's rows, registers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence

import pytest

from hogwalk.targets.dump import open_dump
from tests.engine.across import across
from tests.engine.engine import Engine, Step, Target
from tests.kept.doors import SETTING, answer, found, printed
from tests.kept.store import names, unpacked
from tests.lab.cases import StoredCase
from tests.lab.score import WORD, score

STEPS = ("words and modules", "symbols", "code", "kf", "registers")
NOISE = 0.02  # of the mean recall: a step may cost a frame or two in all of the cases
CASES = names()[::2]


class Grown(NamedTuple):
    """What hogwalk makes of a case's log at one step."""

    recall: float
    held: bool  # whether the stated range holds the true bytes of the product it names


@pytest.fixture(scope="module")
def grown(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Dict[str, List[Grown]]:
    folder = tmp_path_factory.mktemp("evidence")
    cases = [unpacked(name, folder) for name in CASES]
    dumps = [Target(case.dump, symbols=[case.symbols]) for case in cases]
    done = across(engine, dumps, [commands(case) for case in cases], SETTING)
    return {name: [read(case, log, folder) for log in logs(said)] for name, case, said in zip(CASES, cases, done)}


def commands(case: StoredCase) -> List[str]:
    """What a patient user types: the stack as words and with names, the code before each word that points to code."""
    target = open_dump(str(case.dump), str(case.symbols))
    limit, base = case.truth["limit"], case.truth["base"]
    modules = target.modules()
    read = target.read_many([(at, WORD) for at in range(limit, base, WORD)])
    words = {int.from_bytes(word, "little") for word in read if word is not None}
    inside = sorted(word for word in words if any(one.start < word < one.end for one in modules))
    report = json.loads(printed("-z", str(case.dump), "-y", str(case.symbols), "--engine", "own", "--json"))
    span = f"{limit:x} {base - WORD:x}"
    return [
        f"dd {span}",
        "lm",
        f"dps {span}",
        report["start"]["command"],
        ".tss 28",
        *(f"ub {word:x}" for word in inside),
    ]


def logs(said: Sequence[Step]) -> List[str]:
    """The logs that grow; the last holds everything."""
    words, modules, symbols, rows, registers, *code = [f"kd> {step.command}\n{step.output}\n" for step in said]
    lines = "".join(code)
    parts = [
        [words, modules],
        [symbols, modules],
        [symbols, modules, lines],
        [symbols, modules, lines, rows],
        [registers, symbols, modules, lines, rows],
    ]
    return ["".join(part) for part in parts]


def read(case: StoredCase, log: str, folder: Path) -> Grown:
    """What hogwalk makes of a log."""
    file = folder / "grown.log"
    file.write_text(log, "utf-8")
    document = printed(str(file), "--json")
    stated: Dict[str, Any] = json.loads(document)["confidence"] or {}
    recall = score(case.truth, found(case, answer(document))).recall
    name = stated.get("product", "")
    true = case.truth["bytes_by_module"].get(name, 0)
    return Grown(recall, bool(stated) and stated["low"] <= true <= stated["high"])


def test_no_step_makes_the_answer_worse(grown: Dict[str, List[Grown]]) -> None:
    recall = [sum(steps[at].recall for steps in grown.values()) / len(grown) for at in range(len(STEPS))]
    held = [sum(steps[at].held for steps in grown.values()) for at in range(len(STEPS))]
    shown = {name: [f"{step.recall:.3f}{'' if step.held else '!'}" for step in steps] for name, steps in grown.items()}
    for at, step in enumerate(STEPS[1:], 1):
        assert recall[at] >= max(recall[:at]) - NOISE, f"{step}: {recall}, {shown}"
        assert held[at] >= max(held[:at]) - 1, f"{step}: {held}, {shown}"
    assert recall[-1] > recall[0] + NOISE, f"{recall}, {shown}"
