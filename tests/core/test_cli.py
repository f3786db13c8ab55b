"""The command line: its grammar, its exit codes, one line per failure, and output that the debugger can take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import List, Sequence

import pytest

from hogwalk.__main__ import main
from hogwalk.analysis import Run
from hogwalk.app.cli.arguments import COMMANDS, parse
from hogwalk.app.cli.output import LARGEST_WRITE, write_lines
from hogwalk.errors import NothingFound, UsageError
from hogwalk.targets.recorder import Recorder
from hogwalk.walk.evidence import Request
from tests.core.scenes import BASE, LIMIT, machine, silent, usual_stack
from tests.engine.engine import unannounced

ROOT = Path(__file__).parent.parent.parent
STACK_COMMANDS = [command for command in COMMANDS if command not in ("threads", "heal", "summary")]
DEBUGGER = """
import sys
class Output:  # what `!py` puts in place of stdout
    encoding = "cp1252"
    largest = 0
    text = []
    def write(self, text):
        Output.largest = max(Output.largest, len(text))
        Output.text.append(text)
    def writedml(self, text): raise AssertionError("no DML asked for")
    def flush(self): pass
    def isatty(self): return False
real, sys.stdout = sys.stdout, Output()
sys.setrecursionlimit(500)
from hogwalk.__main__ import main
code = main(sys.argv[1:])
real.write(f"{code} {Output.largest}\\n" + "".join(Output.text))
"""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A recording of a drawn machine that answers every command."""
    scene = machine()
    usual_stack(scene, frames=40)
    recorder = Recorder(scene.target)
    Run(recorder, Request(), None, silent).ask_everything()
    path = tmp_path_factory.mktemp("cli") / "drawn.rec"
    path.write_text("\n".join(recorder.lines()) + "\n")
    return str(path)


def refusal(capsys: pytest.CaptureFixture[str], code: int, arguments: Sequence[str]) -> str:
    """The one line that a failing run prints."""
    assert main(arguments) == code
    captured = capsys.readouterr()
    shown = captured.out + captured.err
    assert shown.startswith("hogwalk: ")
    assert shown.count("\n") == 1
    assert shown.endswith("\n")
    assert shown.isascii()
    return shown


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=120, env=environment)


def test_a_bare_call_is_triage(recording: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([recording]) == 0
    bare = capsys.readouterr().out
    assert main([recording, "triage"]) == 0
    assert capsys.readouterr().out == bare
    assert "Base - Limit" in bare


@pytest.mark.parametrize("command", STACK_COMMANDS)
def test_every_command_prints_something(command: str, recording: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [recording, command] + (["#1"] if command == "frame" else [])
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    for line in lines:
        assert line.isascii()
        assert len(line) <= 100


def test_options_may_stand_before_the_command_too(recording: str) -> None:
    found = parse([recording, "--limit", "1000", "--base", "0x3000", "walk"])
    assert (found.file, found.command, found.limit, found.base) == (recording, "walk", 0x1000, 0x3000)


@pytest.mark.parametrize("words", ["triage F", "threads F", "frame F 5", "frame 5 F", "stack F 1000 L10", "F charge"])
def test_the_file_may_stand_behind_the_command_too(words: str, recording: str) -> None:
    given = [recording if word == "F" else word for word in words.split()]
    found = parse(given)
    assert (found.file, found.command) == (recording, words.replace("F ", "").split()[0])
    assert recording not in vars(found).get("words", ())


def test_a_command_s_own_words_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "5").write_text("")
    assert parse(["frame", "5"]).file is None


@pytest.mark.parametrize("text", ["", "root:x:0\nno JSON\n", '{"schema": "other/1"}', "[1]\n"])
def test_a_file_without_reports_has_no_summary(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "reports.jsonl"
    file.write_text(text)
    assert "holds no report of hogwalk's; `hogwalk *.dmp --json-lines" in refusal(capsys, 3, ["summary", str(file)])


def test_addresses_are_hexadecimal_with_or_without_0x_and_backticks() -> None:
    found = parse(["--limit", "b8ae6000", "--base", "0xB8AE9000", "--thread", "ffffffff`8974ac00"])
    assert (found.limit, found.base, found.thread) == (LIMIT, BASE, 0xFFFFFFFF8974AC00)


@pytest.mark.parametrize("word", ["xyz", "", "0x", "12g4", "1.5", "b8_ae", "+5", " 5", "0x-5"])
def test_a_bad_address_is_refused(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is not a hexadecimal address" in refusal(capsys, 2, ["triage", "--limit", word])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nonsense"], "'nonsense' is neither a command nor a file"),
        (["triage", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["usage", "--by", "colour"], "invalid choice: 'colour'"),
        (["candidates", "-n", "none"], "invalid int value"),
        (["frame"], "the following arguments are required"),
        (["triage", "nofile.dmp"], "there is no file nofile.dmp; check the path"),
        (["demo", "walk", "kf=zz"], "or nothing, not 1 word"),
        (["demo", "stack", "1000", "2000", "3000"], "stack takes LIMIT BASE or nothing, not 3 words"),
        (["demo", "walk", "1", "2"], "walk takes BASEPTR STACKPTR INSTRUCTIONPTR, a kf= line, or nothing, not 2 words"),
    ],
)
def test_a_wrong_command_line_exits_with_2(
    arguments: List[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in refusal(capsys, 2, arguments)


def test_too_small_a_number_is_a_usage_error(recording: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "-n wants a number above 0" in refusal(capsys, 2, [recording, "candidates", "-n", "0"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--limit", "b8ae6000"], "one end of the stack range is missing"),
        (["--limit", "b8ae6002", "--base", "b8ae9000"], "not aligned to 4 bytes"),
        (["--limit", "b8ae9000", "--base", "b8ae6000"], "Base is not above Limit"),
        (["--limit", "80000000", "--base", "90000000"], "more than any stack has (16 MB)"),
        (["frame", "#ffff"], "no frame #ffff"),
        (["frame", "b8ae6002"], "no frame b8ae6002"),
        (["frame", "#-1"], "no frame #-1"),
        (["frame", "#nonsense"], "no frame #nonsense"),
        (["--limit", "1000", "--base", "2000"], "does not hold the answer"),
        (["walk", "1", "2", "3"], "does not hold the answer"),
    ],
)
def test_bad_input_exits_with_3(
    arguments: List[str], expected: str, recording: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in refusal(capsys, 3, [recording, *arguments])


def test_missing_files_exit_with_3(recording: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no dump file" in refusal(capsys, 3, ["-z", str(tmp_path / "none.dmp")])
    assert "cannot be written" in refusal(capsys, 3, [recording, "triage", "--json", str(tmp_path / "none" / "r.json")])


def test_nothing_found_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = machine()
    usual_stack(scene)
    scene.target.put(LIMIT, bytes(BASE - LIMIT))
    recorder = Recorder(scene.target)
    with pytest.raises(NothingFound):
        Run(recorder, Request(), None, silent).report()
    path = tmp_path / "empty.rec"
    path.write_text("\n".join(recorder.lines()) + "\n")
    assert "no frame can be found" in refusal(capsys, 1, [str(path)])


def test_json_is_one_document_on_stdout_or_in_a_file(
    recording: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([recording, "triage", "--json"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed)["schema"] == "hogwalk-report/2"
    path = tmp_path / "report.json"
    assert main([recording, "triage", "--json", str(path)]) == 0
    assert capsys.readouterr().out == f"report written to {path}\n"
    assert path.read_text() == printed


def test_a_recorded_replay_is_the_same(recording: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "again.rec"
    assert main([recording, "walk"]) == 0
    printed = capsys.readouterr().out
    assert main([recording, "walk", "--record", str(path)]) == 0
    assert capsys.readouterr().out == f"{printed}recording written to {path}\n"
    assert main([str(path), "walk"]) == 0
    assert capsys.readouterr().out == printed


def test_writes_stay_small_and_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    writes: List[str] = []

    class Output:
        def write(self, text: str) -> None:
            writes.append(text)

        def flush(self) -> None:
            writes.append("")

    assert LARGEST_WRITE < 16_000
    lines = ["x" * 100] * 1000 + ["y" * 50_000, "", "z"]
    monkeypatch.setattr(sys, "stdout", Output())
    write_lines(lines)
    assert "".join(writes) == "\n".join(lines) + "\n"
    assert max(map(len, writes)) <= LARGEST_WRITE
    assert len(writes) < 40
    assert writes[-1] == ""


def test_what_no_console_can_show_becomes_a_question_mark(capsys: pytest.CaptureFixture[str]) -> None:
    write_lines(["caf\u00e9 \u30db!x", "two\nlines\ttab"])
    assert capsys.readouterr().out == "caf? ?!x\ntwo\\nlines\\ttab\n"


@pytest.mark.parametrize("command", STACK_COMMANDS)
def test_it_runs_the_way_py_runs_scripts(command: str, recording: str) -> None:
    arguments = [recording, command] + (["#1"] if command == "frame" else [])
    done = python("-c", DEBUGGER, *arguments, "--plain")
    assert unannounced(done.stderr) == ""
    head, _, text = done.stdout.partition("\n")
    code, largest = map(int, head.split())
    assert code == 0
    assert 0 < largest < 16_000
    assert text == python("-m", "hogwalk", *arguments).stdout


def test_a_long_document_in_the_debugger_comes_in_small_writes(recording: str) -> None:
    done = python("-c", DEBUGGER, recording, "stack", "--all", "--plain")
    head, _, text = done.stdout.partition("\n")
    assert head.split()[0] == "0"
    assert int(head.split()[1]) < 16_000 < len(text)


def test_a_reader_that_closes_its_pipe_ends_it_quietly(recording: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "hogwalk", recording, "stack", "--all"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    assert run.stdout is not None
    assert run.stderr is not None
    run.stdout.close()
    errors = run.stderr.read()
    run.stderr.close()
    assert run.wait(timeout=120) == 0
    assert errors == b""


def test_usage_errors_name_the_way_to_help() -> None:
    with pytest.raises(UsageError) as caught:
        parse(["usage", "--by", "colour"])
    assert caught.value.remedy == "hogwalk usage -h shows how"
    assert caught.value.exit_code == 2
