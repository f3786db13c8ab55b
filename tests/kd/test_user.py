"""A program under the debugger, in the real engine: its thread's stack once it has overflowed.

64 bit alone: Wine 8 without its 32-bit half starts no 32-bit program (load_wow64_ntdll fails, c0000135).
"""

from __future__ import annotations

import re
import subprocess
from typing import Dict, List

import pytest

from tests.engine.engine import Engine, Step, Target, unannounced
from tests.engine.wine import windows_path
from tests.kd.test_faults import joined
from tests.kd.test_session import SETTING

SOURCE = """
volatile int depth;
__attribute__((noinline)) int eat(int n) {
    volatile char pad[2000];
    pad[0] = (char)n;
    depth = n;
    return n < 0 ? 0 : eat(n + 1) + pad[0];
}
int main(void) { return eat(0); }
"""
COMPILED = ("x86_64-w64-mingw32-gcc", "-O1", "-fno-optimize-sibling-calls")
COMMANDS = ("!py hogwalk", "!py hogwalk frame #1", "!py hogwalk stack", "!py hogwalk threads")
STATE = ("r", ".lastevent", "~", "db @rsp L80")


@pytest.fixture(scope="module")
def eaten(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> List[Step]:
    """A program that calls itself until its stack is gone: the commands, and the debugger's state around them."""
    folder = tmp_path_factory.mktemp("program")
    (folder / "eat.c").write_text(SOURCE)
    program = folder / "eat.exe"
    subprocess.run([*COMPILED, "-o", str(program), str(folder / "eat.c")], check=True, timeout=60)
    steps = ["g", "r", *STATE, "? @$teb", *COMMANDS, *STATE, ".detach"]
    return engine.host(Target(program=windows_path(program)), steps, SETTING)


def outputs(steps: List[Step]) -> Dict[str, str]:
    return {step.command: unannounced(step.output) for step in steps}


def test_the_stack_is_that_of_the_teb_and_walked_from_the_registers(eaten: List[Step]) -> None:
    said = outputs(eaten)
    assert "Stack overflow - code c00000fd (first chance)" in said["g"]
    triage = joined(said["!py hogwalk"])
    assert "Overflow yes: the exception is c00000fd (stack overflow)" in triage
    registers = dict(re.findall(r"\b(r..)=([0-9a-f]{16})", said["r"]))
    shown = [f"{registers[name][:8]}`{registers[name][8:]}" for name in ("rip", "rsp")]
    assert f"Fault rip {shown[0]} rsp {shown[1]} rbp " in triage
    (teb,) = re.findall(r"= ([0-9a-f`]+)$", said["? @$teb"], re.MULTILINE)
    where = int(teb.replace("`", ""), 16)
    assert re.search(rf"Thread {where:x} Limit \S+ Base \S+ \d+ bytes, \d+ reserved \(the TEB\)", triage)


def test_the_program_is_the_hog_and_the_books_balance(eaten: List[Step]) -> None:
    said = outputs(eaten)
    triage = joined(said["!py hogwalk"])
    assert re.search(r"Hog eat: \d+ bytes, 9\d\.\d % of the stack", triage)
    found = re.search(r"Sum (\d+) walked \+ (\d+) in gaps = (\d+) = Base - Limit", triage)
    assert found is not None
    assert int(found[1]) + int(found[2]) == int(found[3])
    assert re.search(r"^ *20\d\d +locals$", said["!py hogwalk frame #1"], re.MULTILINE)
    assert "eat" in said["!py hogwalk threads"]


def test_nothing_of_the_program_or_the_debugger_is_changed(eaten: List[Step]) -> None:
    before, after = eaten[2 : 2 + len(STATE)], eaten[-1 - len(STATE) : -1]
    assert [one.command for one in before] == [one.command for one in after] == list(STATE)
    times = re.compile(r"debugger time: .*")
    assert [times.sub("", one.output) for one in before] == [times.sub("", one.output) for one in after]
    assert "Detached" in eaten[-1].output
    assert not any("Traceback" in step.output for step in eaten)
