"""User dumps in the real debugger engine: without the TEB's memory, without code, the 32-bit side of WOW64."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import List, Tuple

import pytest

from tests.cli.running import hogwalk
from tests.dump.minidumps import X86, context32, minidump
from tests.dump.test_user import x64_program
from tests.dump.test_user_kinds import (
    APP,
    GUARD,
    GUARD_64,
    LIMIT,
    MODULES,
    PLACES,
    SIZE,
    program,
    stack,
    wow,
)
from tests.engine.engine import Engine, Target, unannounced
from tests.engine.wheel import install_wheel
from tests.engine.wine import Setting

SLOTS = [LIMIT + place + 4 for place in PLACES]
KF = re.compile(r"^(?: *[0-9a-f]+)? +([0-9a-f]{8}) ([0-9a-f]{8}) app", re.MULTILINE)
ROW = re.compile(r"^[0-9a-f]{2} +(?:[0-9a-f]+ +)?([0-9a-f]{8})  ([0-9a-f]{8})  ", re.MULTILINE)


@pytest.fixture(scope="module")
def installed(wheel: Path, manners: Tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Setting:
    setting = install_wheel(wheel, tmp_path_factory.mktemp("python"))
    return replace(setting, import_path=(*setting.import_path, *manners))


def slots(output: str) -> List[int]:
    return [int(row, 16) + 4 for row, _ in ROW.findall(output)]


def test_without_the_teb_the_stack_is_found_and_walked(engine: Engine, installed: Setting, tmp_path: Path) -> None:
    path = tmp_path / "program.dmp"
    path.write_bytes(minidump(X86, [program(0x7FFDF000)], MODULES, {LIMIT: stack()}, False))
    steps = engine.host(Target(path), ["!py hogwalk walk", "!py hogwalk"], installed)
    walk, triage = (unannounced(step.output) for step in steps)
    assert slots(walk) == SLOTS, walk
    assert f"{SIZE} bytes" in triage or "Limit" in triage


def test_a_stack_overflow_is_said_to_be_one(engine: Engine, installed: Setting, tmp_path: Path) -> None:
    path = tmp_path / "program.dmp"
    path.write_bytes(minidump(X86, [program(0x7FFDF000)], MODULES, {LIMIT: stack()}, False, True, GUARD))
    steps = engine.host(Target(path), ["!py hogwalk", ".exr -1", ".lastevent"], installed)
    assert "Overflow   yes: the exception is c00000fd" in unannounced(steps[0].output), steps
    path.write_bytes(wow(False, GUARD))
    steps = engine.host(Target(path), [".effmach x86", "!py hogwalk"], installed)
    assert "Overflow   yes: the exception is c00000fd" in unannounced(steps[1].output), steps
    path.write_bytes(x64_program(GUARD_64)[0])
    steps = engine.host(Target(path), ["!py hogwalk", "~1s", "!py hogwalk"], installed)
    assert "Overflow   yes: the exception is c00000fd" in unannounced(steps[0].output), steps
    assert "Overflow   yes" not in unannounced(steps[2].output), steps


@pytest.mark.parametrize("frame", ["", ".frame 1"])
def test_the_walk_starts_at_the_exception_and_the_context_stays(
    engine: Engine, installed: Setting, tmp_path: Path, frame: str
) -> None:
    path = tmp_path / "program.dmp"
    raised = context32(APP + 0x3210, LIMIT + PLACES[0] + 0x40, LIMIT + PLACES[1])  # its handler's frames lie below
    path.write_bytes(minidump(X86, [program(0x7FFDF000)], MODULES, {LIMIT: stack()}, False, raised_in=raised))
    seen = [".frame", "r eip, esp, ebp", ":state"]
    steps = engine.host(Target(path), ["k", frame or "r", *seen, "!py hogwalk", "!py hogwalk walk", *seen], installed)
    assert [step.output for step in steps[-3:]] == [step.output for step in steps[-8:-5]]
    triage, walk = (unannounced(step.output) for step in steps[-5:-3])
    assert f"eip {APP + 0x3210:08x} esp {LIMIT + PLACES[0] + 0x40:08x}" in triage, triage
    assert "(the exception's context)" in triage
    assert slots(walk) == SLOTS[1:], walk
    assert "app+0x3210 (running)" in walk
    steps = engine.host(Target(path), [".cxr; ~0s", ".ecxr", "!py hogwalk", ".frame"], installed)
    assert "(the debugger's set context)" in unannounced(steps[2].output), steps
    (own,) = [line for line in hogwalk("-z", str(path), "walk").out.splitlines() if "(running)" in line]
    assert own.replace("  hogwalk  ", "  both  ") in walk


def test_a_printed_line_works_when_pasted(engine: Engine, installed: Setting, tmp_path: Path) -> None:
    path = tmp_path / "program.dmp"
    path.write_bytes(minidump(X86, [program(0x7FFDF000)], MODULES, {LIMIT: stack()}, False))
    (walk,) = engine.host(Target(path), ["!py hogwalk walk"], installed)
    line = re.search(r"^Start +(kf=.*)$", unannounced(walk.output), re.MULTILINE)
    assert line is not None
    (rows,) = engine.kd(Target(path), [line.group(1)], installed)
    shown = [(int(frame, 16), int(address, 16)) for frame, address in KF.findall(rows.output)]
    assert shown[0] == (SLOTS[0] - 4, APP + 0x2000), rows.output
    assert [frame + 4 for frame, _ in shown[: len(SLOTS)]] == SLOTS


def test_a_32_bit_program_in_a_64_bit_dump(engine: Engine, installed: Setting, tmp_path: Path) -> None:
    path = tmp_path / "wow.dmp"
    path.write_bytes(wow(False))
    steps = engine.host(Target(path), [".effmach x86", "!py hogwalk walk"], installed)
    assert slots(unannounced(steps[1].output)) == SLOTS, steps[1].output
