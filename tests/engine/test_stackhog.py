"""hogwalk on the StackHog dump in the real debugger engine: as a console program and as `!py` runs it."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from hogwalk.answer.render.verdict import MOST_LINES
from tests.cli.running import hogwalk
from tests.engine.engine import Engine, Step, Target, unannounced
from tests.engine.wheel import install_wheel
from tests.engine.wine import Setting, windows_path
from tests.stackhog import CHARGED, DEMO, DUMP, HOG_BYTES, HOGS, RUNNING, SYMBOLS, TRIPLE, WALKED, published_rows

STACKHOG = Target(DUMP, symbols=[SYMBOLS])


@pytest.fixture(scope="module")
def laid_out(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    """Where Windows Python finds the wheel, laid out as pip does."""
    return install_wheel(wheel, tmp_path_factory.mktemp("python"))


@pytest.fixture(scope="module")
def installed(laid_out: Setting, manners: Tuple[Path, ...]) -> Setting:
    """The same, with the manners of an engine."""
    return replace(laid_out, import_path=(*laid_out.import_path, *manners))


def console(engine: Engine, installed: Setting, *arguments: str) -> str:
    """What the console program prints on the StackHog dump."""
    options = ["-z", windows_path(DUMP), "-y", windows_path(SYMBOLS)]
    finished = engine.python(["-m", "hogwalk", *arguments, *options], installed)
    assert finished.code == 0, finished.stdout + finished.stderr
    assert unannounced(finished.stderr) == ""
    return finished.stdout


def host(engine: Engine, installed: Setting, *steps: str, target: Target = STACKHOG) -> List[Step]:
    """What the steps print inside the debugger."""
    return [replace(step, output=unannounced(step.output)) for step in engine.host(target, steps, installed)]


def test_the_verdict_is_few_lines_with_what_to_ask_the_vendor(engine: Engine, installed: Setting) -> None:
    (step,) = host(engine, installed, "!py hogwalk verdict")
    lines = step.output.strip().splitlines()
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= 100
    asked = "Ask Stack Hog Software, Inc. about these files, version 4.1.0.17 of 2007-01-08."
    assert " ".join(lines).endswith(asked)


def test_candidates_puts_the_published_triple_first(engine: Engine, installed: Setting) -> None:
    (step,) = host(engine, installed, "!py hogwalk candidates")
    first, line = step.output.splitlines()[:2]
    assert first.startswith(f"1. {TRIPLE}  score ")
    assert line.strip() == f"kf={TRIPLE} 0x200"


def test_walk_is_the_published_chain(engine: Engine, installed: Setting) -> None:
    document = report(host(engine, installed, "!py hogwalk walk --json")[0])
    published = [row for row in published_rows() if row["child_ebp"] != "0335e534"]
    first, *frames = document["frames"]
    assert (first["running"], first["return_slot"]) == (True, "0xb8ae60f0")
    found = [(frame["frame_ptr"][2:], frame["return_address"][2:]) for frame in frames]
    assert found == [(row["child_ebp"], row["ret_addr"]) for row in published]
    names = [frame["symbol"].replace("0x", "") for frame in frames]
    assert names == [row["symbol"].replace("0x", "") for row in published]


def report(step: Step) -> Dict[str, Any]:
    """The JSON document a step printed."""
    document: Dict[str, Any] = json.loads(step.output)
    assert document["schema"] == "hogwalk-report/2"
    return document


def test_usage_is_the_published_sum(engine: Engine, installed: Setting) -> None:
    document = report(host(engine, installed, "!py hogwalk usage --json")[0])
    assert {module["name"]: module["bytes"] for module in document["modules"]} == CHARGED
    walked = sum(frame["bytes"] or 0 for frame in document["frames"])
    assert walked == WALKED + sum(RUNNING.values())
    assert walked + sum(gap["bytes"] for gap in document["gaps"]) == document["stack"]["bytes"] == 12288
    (hogs,) = [product for product in document["products"] if set(product["modules"]) == set(HOGS)]
    assert (hogs["bytes"], hogs["name"]) == (HOG_BYTES, "StackHog")


def test_an_exception_s_access_below_limit_says_that_the_stack_overflowed(
    engine: Engine, installed: Setting, tmp_path: Path
) -> None:
    path, data = tmp_path / "exception.dmp", bytearray(DUMP.read_bytes())
    struct.pack_into("<3I", data, 0x28, 0x8E, 0xC0000005, 0x8081DF65)
    struct.pack_into("<7I", data, 0x7D0, 0xC0000005, 0, 0, 0x8081DF65, 2, 1, 0xB8AE5FF8)
    path.write_bytes(data)
    (step,) = host(engine, installed, "!py hogwalk", target=Target(path, symbols=[SYMBOLS]))
    said = [line for line in step.output.splitlines() if line.startswith("Overflow")]
    assert said == ["Overflow   yes: the fault is an access to b8ae5ff8, 8 bytes below Limit"]
    assert said[0] in hogwalk("-z", str(path), "-y", str(SYMBOLS)).out.splitlines()


def test_every_way_in_prints_the_same_triage(engine: Engine, installed: Setting) -> None:
    by_name, by_module = host(engine, installed, "!py hogwalk", "!py -m hogwalk")
    assert "Hog        StackHog" in by_name.output
    outputs = by_name.output, by_module.output, console(engine, installed)
    # All in one session: what the debugger remarks on files it says once, the note on it comes with every report.
    assert outputs[1:] == (outputs[0],) * 2
    assert "the debugger remarks on its walk: no image file for the modules on the stack" in unwrapped(outputs[0])


def unwrapped(output: str) -> str:
    return output.replace("\n           ", " ")


def test_all_output_is_ascii_narrow_and_written_in_small_pieces(engine: Engine, installed: Setting) -> None:
    commands = ("triage", "stack --all", "candidates -n 50", "walk", "usage --by function", "walk --json", "-h")
    for step in host(engine, installed, *[f"!py hogwalk {command}" for command in commands]):
        assert step.output.isascii(), step.command
        assert step.longest_write < 16000, step.command
        if "json" not in step.command:
            assert max(map(len, step.output.splitlines())) <= 100, step.command


def test_triage_asks_at_most_twelve_commands_and_reads_the_stack_once(engine: Engine, installed: Setting) -> None:
    document = report(host(engine, installed, "!py hogwalk --json")[0])
    assert len(document["commands"]) <= 12
    questions = [json.loads(line) for line in DEMO.read_text().splitlines()[1:]]
    stack_reads = [line["q"] for line in questions if line["q"][0] == "read" and line["q"][1] in range(*STACK)]
    assert stack_reads == [["read", STACK[0], STACK[1] - STACK[0]]]


STACK = (0xB8AE6000, 0xB8AE9000)


def test_the_committed_recording_is_what_the_engine_says(engine: Engine, laid_out: Setting, tmp_path: Path) -> None:
    fresh = tmp_path / "stackhog.recording"
    printed = console(engine, laid_out, "--record", windows_path(fresh))
    assert fresh.read_text() == DEMO.read_text(), "refresh: python -m tests.engine.demo"
    replayed = engine.python(["-m", "hogwalk", windows_path(DEMO)], laid_out)
    assert printed.startswith(replayed.stdout)


@pytest.mark.parametrize("command", ["triage", "walk 1 2 3", "frame zzz", "stack 1000 2000", "walk --thread 1"])
def test_debugger_state_is_the_same_before_and_after(engine: Engine, installed: Setting, command: str) -> None:
    unusual = ("n 10", ".expr /s c++", ".kframes 77", ".lines -e")
    state = (":state", ".kframes")
    steps = host(engine, installed, *unusual, *state, f"!py hogwalk {command}", *state)[len(unusual) :]
    before, run, after = steps[: len(state)], steps[len(state)], steps[len(state) + 1 :]
    assert run.output
    assert [step.output for step in before] == [step.output for step in after]


def test_unusual_settings_do_not_change_the_answer(engine: Engine, installed: Setting) -> None:
    usual = host(engine, installed, "!py hogwalk")[0]
    odd = host(engine, installed, "n 10", ".expr /s c++", "!py hogwalk")[2]
    assert odd.output == usual.output


def test_the_target_is_not_written_to(engine: Engine, installed: Setting) -> None:
    words = "dd b8ae6000 Lc00;dd b958d000 L400"
    before, _, after = host(engine, installed, words, "!py hogwalk", words)
    assert before.output == after.output
