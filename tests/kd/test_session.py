"""hogwalk on a stopped machine at the end of a wire, in the real engine: same answer, nothing written, few bytes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import pytest

from hogwalk.answer.render.table import counted
from tests.engine.engine import Engine, Step, Target, unannounced
from tests.engine.wine import Setting, windows_path
from tests.kd.counts import Counts
from tests.kd.faults import Faults
from tests.kd.machine import opened
from tests.kd.pae import with_pae
from tests.kd.serve import NO_FAULTS, served, serving
from tests.stackhog import DUMP, LAUNCHER, ROOT, SYMBOLS, TRIPLE

SETTING = Setting(import_path=(ROOT,), search_path=(LAUNCHER,), timeout=400.0)
# With --kf, for whether kf is run unasked depends on how fast this computer is at the moment.
FIRST_ANSWER = "code not read yet"
TRIAGE, WALK, USAGE = "triage --kf", "walk --kf", "usage --kf"
ONE_PYTHON = "!py -g hogwalk"  # of a whole session; other tests start one for each command
SAME = (TRIAGE, WALK, USAGE, "candidates", "frame #50")
COMMANDS = (
    "stack",
    TRIAGE,
    WALK,
    USAGE,
    "candidates",
    "frame #50",
    "compare --kf",
    "heal --kf",
    "threads",
    "triage --json --kf",
)


def attached(engine: Engine, dump: Path, steps: Sequence[str], faults: Faults = NO_FAULTS) -> Tuple[List[Step], Counts]:
    """What the steps print after `.reload`, each in a section of its own, numbered from 1."""
    marked = [part for number, step in enumerate(steps, 1) for part in (f"db ee{number:03x}000 L1", step)]
    marked.append(f"db ee{len(steps) + 1:03x}000 L1")
    with serving(dump, faults) as one:
        target = Target(None, connect=one.connection, symbols=[SYMBOLS])
        done = engine.host(target, [".reload", *marked], SETTING)
    return done[2::2], one.counts


def without_target(text: str) -> List[str]:
    """The report's lines that do not depend on where the memory is; the first answer from a slow line is left out."""
    lines = text.splitlines()
    if FIRST_ANSWER in text:
        lines = lines[next(at for at, line in enumerate(lines) if line.startswith("hogwalk: on this line")) :]
    return [line for line in lines if not line.startswith(("Target ", "hogwalk: "))]


@pytest.fixture(scope="module")
def live(engine: Engine) -> Tuple[Dict[str, Step], Dict[str, int], Counts]:
    """Every command on StackHog: its output, its bytes on the wire, and all counts."""
    done, counts = attached(engine, DUMP, [f"{ONE_PYTHON} {command}" for command in COMMANDS])
    cost = {command: counts.of(number).bytes for number, command in enumerate(COMMANDS, 1)}
    return dict(zip(COMMANDS, done)), cost, counts


@pytest.fixture(scope="module")
def asked(engine: Engine) -> Dict[str, int]:
    """What the debugger's own commands cost, cold: bytes on the wire."""
    _, counts = attached(engine, DUMP, ["dps b8ae6000 b8ae8ffc", f"kf={TRIPLE} 0x200"])
    return {"dps": counts.of(1).bytes, "kf": counts.of(2).bytes}


@pytest.fixture(scope="module")
def dumped(engine: Engine) -> Dict[str, str]:
    """What the same commands print on the dump."""
    done = engine.host(Target(DUMP, symbols=[SYMBOLS]), [f"{ONE_PYTHON} {command}" for command in SAME], SETTING)
    return dict(zip(SAME, (step.output for step in done)))


@pytest.mark.parametrize("command", SAME)
def test_the_answer_is_the_dumps(
    dumped: Dict[str, str], live: Tuple[Dict[str, Step], object, object], command: str
) -> None:
    assert without_target(live[0][command].output) == without_target(dumped[command])


def test_nothing_is_written_by_any_command(live: Tuple[Dict[str, Step], object, Counts]) -> None:
    steps, _, counts = live
    assert counts.changes() == {}
    assert [command for command, step in steps.items() if "Traceback" in step.output] == []
    assert counts.of(1).round_trips > 100


def test_what_it_costs(live: Tuple[object, Dict[str, int], object], asked: Dict[str, int]) -> None:
    _, cost, _ = live
    plain = asked["dps"] + asked["kf"]
    # Measured .18 and 1.11 of what the debugger's own dps and kf cost.
    assert cost["stack"] <= 0.25 * plain
    assert cost["stack"] + cost[TRIAGE] <= 1.25 * plain
    for warm in (WALK, USAGE, "frame #50"):
        assert cost[warm] <= 0.1 * (cost["stack"] + cost[TRIAGE])
    assert cost["threads"] < 2500  # its list alone: no kf, and what the stack needs is known by then


def test_no_byte_of_memory_crosses_twice(live: Tuple[object, object, Counts]) -> None:
    for section in live[2].sections[1:]:
        assert section.again == 0, section.name


def test_a_machine_with_pae(engine: Engine, live: Tuple[Dict[str, Step], object, object], tmp_path: Path) -> None:
    (tmp_path / "pae.dmp").write_bytes(with_pae(DUMP.read_bytes()))
    commands = ("stack", *SAME)
    steps, counts = attached(engine, tmp_path / "pae.dmp", [f"{ONE_PYTHON} {command}" for command in commands])
    for command, step in zip(commands, steps):
        assert without_target(step.output) == without_target(live[0][command].output), command
    assert counts.changes() == {}


def test_the_console_attaches_and_loads_the_modules_itself(
    engine: Engine, live: Tuple[Dict[str, Step], object, object]
) -> None:
    with serving(DUMP) as one:
        options = ["-k", one.connection, "-y", windows_path(SYMBOLS)]
        finished = engine.python(["-m", "hogwalk", "stack", *options], SETTING)
    assert finished.code == 0, finished.stdout + finished.stderr
    assert without_target(finished.stdout) == without_target(live[0]["stack"].output)
    assert one.counts.changes() == {}


def test_a_stack_page_that_cannot_be_read_is_named(engine: Engine) -> None:
    page = 0xB8AE7000
    faults = Faults(refused=frozenset((page,)))
    (step,), counts = attached(engine, DUMP, ["!py hogwalk stack --all"], faults)
    lines = [line for line in step.output.splitlines() if line.startswith("b8ae")]
    assert [line for line in lines if line.startswith("b8ae7")] == ["b8ae7000  ????????  4096 bytes cannot be read"]
    assert len(lines) == 2 * 0x1000 // 4 + 1
    assert counts.changes() == {}


def test_without_the_kernels_symbols(engine: Engine, tmp_path: Path) -> None:
    """The stack, the thread and the double fault's registers come of the KPCR, the process of the version block."""
    machine = opened(DUMP)
    machine.fill()
    machine.tell_bugcheck()
    machine.tell_version_block()
    with served(machine) as one:
        steps = [".reload", "!py hogwalk", "!py hogwalk -"]
        _, step, piped = engine.host(Target(None, connect=one.connection), steps, SETTING)
    assert "Fault      eip bae19413 esp b8ae5fd0 ebp 87758bd8 (TSS 28)" in step.output
    assert "Thread     8974ac00  Limit b8ae6000 Base b8ae9000: 12288 bytes (the debugger data block" in step.output
    assert "Process    874c6800  (no name)" in step.output  # whose place in _EPROCESS the types alone say
    assert "Hog        StackHog (Stack Hog Software, Inc.): 4496 bytes, 36.6 % of the stack" in step.output
    assert piped.output.startswith("hogwalk: nothing can be piped in inside the debugger")
    assert one.counts.changes() == {}


@pytest.fixture(scope="module")
def unloaded(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Tuple[Dict[int, List[str]], str, Counts]:
    """Six commands before `.reload`, and with Ntfs unloaded; the triage with all modules."""
    folder = tmp_path_factory.mktemp("pages")
    commands = ["", "verdict", "--json", "--html", "--markdown", "charge"]
    steps: List[str] = []
    said: Dict[int, List[str]] = {}
    for known, before in ((1, []), (7, [".reload", ".reload /u Ntfs"])):
        page = folder / f"{known}.html"
        files = {"--html": f"--html {windows_path(page)}"}
        steps += [*before, *(f"{ONE_PYTHON} {files.get(command, command)}" for command in commands)]
    with serving(DUMP) as one:
        target = Target(None, connect=one.connection, symbols=[SYMBOLS])
        done = engine.host(target, [*steps, ".reload", ONE_PYTHON], SETTING)
    printed = [unannounced(step.output) for step in done]
    for known, begin in ((1, 0), (7, len(commands) + 2)):
        said[known] = printed[begin : begin + len(commands)]
        said[known][3] = (folder / f"{known}.html").read_text()
    return said, printed[-1], one.counts


@pytest.mark.parametrize("known", [1, 7])
def test_no_hog_is_named_while_the_debugger_knows_too_few_modules(
    unloaded: Tuple[Dict[int, List[str]], str, Counts], known: int
) -> None:
    """Before `.reload`, and where one module of the machine's list, in which the fault lies, is not the debugger's."""
    triage, verdict, written, page, mail, charge = unloaded[0][known]
    lacks = f"the debugger lists {counted(known, 'module')} and lacks one of PsLoadedModuleList, at "
    assert f"Modules    {lacks}" in triage
    assert re.search(r"^Hog        not named: \d+ bytes can be of modules that", triage, re.MULTILINE)
    assert "biggest hog" not in triage
    document = json.loads(written)
    assert (document["hog"], document["confidence"]) == (None, None)
    assert document["unlisted"]["words"].startswith(lacks)
    for text in (verdict, page, mail.replace("\\", "")):
        assert "can be of modules that the debugger does not know; type .reload" in " ".join(text.split())
        assert not re.search("StackHog.{,40} holds|Ask .* about|% sure", text)
    assert "own " not in charge.partition("Without")[2]


def test_the_hog_is_named_once_the_modules_are_known(unloaded: Tuple[object, str, Counts]) -> None:
    _, after, counts = unloaded
    assert "the debugger lists" not in after
    assert "\nHog        StackHog" in after
    assert counts.changes() == {}
