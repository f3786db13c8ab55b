"""Recordings: a replayed run prints what the recorded one printed; anything else in such a file is one clear line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List, Sequence, Tuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hogwalk.analysis import Run
from hogwalk.app.cli.arguments import parse
from hogwalk.app.cli.commands import lines
from hogwalk.errors import BadInput, CommandFailed, HogwalkError, NoDebugger, NotRecorded, Unreadable
from hogwalk.model import BugCheck, Region, Registers, Symbol, ThreadStack
from hogwalk.targets.protocol import Target
from hogwalk.targets.recorder import FORMAT, Recorder
from hogwalk.targets.recording import Replay, open_recording
from hogwalk.walk.evidence import Request
from tests.core.scenes import BASE, LIMIT, THREAD, machine, silent, usual_stack, with_processor
from tests.drawn import DrawnTarget

COMMANDS: Sequence[Tuple[str, ...]] = (
    ("triage",),
    ("triage", "--json"),
    ("stack",),
    ("stack", "--all"),
    ("candidates", "-n", "9"),
    ("walk",),
    ("walk", "--json"),
    ("compare",),
    ("usage", "--by", "module"),
    ("usage", "--by", "product"),
    ("usage", "--by", "function"),
    ("frame", "#2"),
    ("frame", "#2", "--json"),
)


def target() -> DrawnTarget:
    scene = machine(bugcheck=BugCheck(0x7F, (8, 0x80042000, 0, 0)))
    usual_stack(scene, frames=40)
    with_processor(scene.target, LIMIT, BASE, (scene.nt_ring[0], LIMIT - 0x30, 0))
    scene.target.forget(BASE - 0x1000, BASE)
    scene.target.notes.append("a note on what the source lacks")
    return scene.target


def printed(asked: Target, arguments: Sequence[str]) -> List[str]:
    return list(lines(Run(asked, Request(), None, silent), parse(arguments)))


def recorded(arguments: Sequence[str]) -> Tuple[List[str], List[str]]:
    """What the command printed, and the recording of that run."""
    recorder = Recorder(target())
    return printed(recorder, arguments), recorder.lines()


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_replay_prints_the_same(arguments: Sequence[str]) -> None:
    shown, recording = recorded(arguments)
    assert len(shown) > 3
    assert printed(Replay(recording, "r"), arguments) == shown


def test_recording_changes_nothing() -> None:
    assert recorded(("triage", "--json"))[0] == printed(target(), ("triage", "--json"))


def test_a_recording_of_a_replay_is_the_same_recording() -> None:
    _, recording = recorded(("triage",))
    again = Recorder(Replay(recording, "r"))
    printed(again, ("triage",))
    assert again.lines() == recording


def test_a_complete_recording_answers_every_command() -> None:
    recorder = Recorder(target())
    Run(recorder, Request(), None, silent).ask_everything()
    recording = recorder.lines()
    for arguments in COMMANDS:
        assert printed(Replay(recording, "r"), arguments) == printed(target(), arguments)


def test_the_format_is_json_lines_behind_a_head() -> None:
    _, recording = recorded(("triage",))
    assert json.loads(recording[0]) == {"format": FORMAT}
    for line in recording[1:]:
        entry = json.loads(line)
        assert isinstance(entry["q"], list)
        assert ("a" in entry) != ("error" in entry)
        assert line.isascii()


def test_every_question_comes_back_as_it_was_answered() -> None:
    asked = target()
    asked.block, asked.held, asked.stated = b"block", (Registers(1, 2, 3, "a test", True),), Region(1, 2, None, "log")
    asked.listed = (ThreadStack(THREAD, 4, "hog.exe", LIMIT, BASE, None),)
    asked.answers["!thread"] = "THREAD \u00e9"
    recorder = Recorder(asked)
    questions = (
        lambda one: one.about(),
        lambda one: one.command("!thread"),
        lambda one: one.read(LIMIT, 16),
        lambda one: one.modules(),
        lambda one: one.symbols([0x80801001, 0x1234]),
        lambda one: one.versions(["hog", "none"]),
        lambda one: one.thread(),
        lambda one: one.field("_KTHREAD", "StackLimit"),
        lambda one: one.field("_KTHREAD", "Nothing"),
        lambda one: one.debugger_block(),
        lambda one: one.read_many([(LIMIT + 16, 8), (4, 4)]),
        lambda one: one.registers(),
        lambda one: tuple(one.threads()),
        lambda one: one.evaluate("@$pcr"),
        lambda one: tuple(one.notes),
        lambda one: one.stack_hint(),
        lambda one: tuple(one.shown_starts()),
    )
    given = [question(recorder) for question in questions]
    replay = Replay(recorder.lines(), "r")
    assert [question(replay) for question in questions] == given
    assert given[6] == THREAD
    assert given[11:13] == [asked.held, asked.listed]
    assert replay.commands() == asked.commands()


def test_refusals_come_back_as_refusals() -> None:
    asked = DrawnTarget()
    recorder = Recorder(asked)

    def refused(one: Target) -> List[str]:
        found = []
        for question in (lambda: one.read(0, 4), lambda: one.command("!none")):
            with pytest.raises((Unreadable, CommandFailed)) as caught:
                question()
            found.append(repr(caught.value))
        return found

    assert refused(recorder) == refused(Replay(recorder.lines(), "r"))


def test_a_target_without_a_debugger_comes_back_as_such() -> None:
    replay = Replay(
        [
            json.dumps({"format": FORMAT}),
            json.dumps({"q": ["command", "lm"], "error": "NoDebugger", "wrong": "no debugger", "remedy": "use one"}),
        ],
        "r",
    )
    with pytest.raises(NoDebugger, match="no debugger"):
        replay.command("lm")


def test_symbols_may_be_asked_in_other_groups_than_recorded() -> None:
    recorder = Recorder(target())
    recorder.symbols([0x80801001, 0x80801041])
    replay = Replay(recorder.lines(), "r")
    assert replay.symbols([0x80801041]) == (Symbol("nt", "Ring1", 1),)
    assert replay.symbols([0x80801041, 0x80801001])[1] == Symbol("nt", "Ring0", 1)


def test_an_answer_that_changed_is_replayed_in_order() -> None:
    asked = DrawnTarget()
    recorder = Recorder(asked)
    for answer in ("first", "second"):
        asked.answers["lm"] = answer
        recorder.command("lm")
    replay = Replay(recorder.lines(), "r")
    assert [replay.command("lm") for _ in range(3)] == ["first", "second", "second"]


def test_an_unknown_question_is_one_line_with_a_remedy() -> None:
    _, recording = recorded(("triage",))
    with pytest.raises(NotRecorded) as caught:
        Replay(recording, "some.rec").command("!process 0 0\n; lm")
    assert caught.value.line().startswith("some.rec does not hold the answer to command !process 0 0")
    assert caught.value.remedy == "record that very command with --record in the debugger"


def test_parts_of_a_page_that_an_old_recording_could_not_read_are_unreadable() -> None:
    _, recording = recorded(("triage",))
    replay = Replay([*recording, json.dumps({"q": ["read", 0x5000, 0x1000], "error": "unreadable"})], "some.rec")
    with pytest.raises(Unreadable):
        replay.read(0x5123, 4)
    with pytest.raises(NotRecorded):
        replay.read(0x6123, 4)


HEAD = json.dumps({"format": FORMAT})
FOREIGN = (
    "",
    "\n",
    "{}\n",
    "[]\n",
    "7\n",
    '"format"\n',
    '{"format": "hogwalk-recording/9"}\n',
    "[" * 100_000,
    f"{HEAD}\n{{",
    f"{HEAD}\nnull",
    f'{HEAD}\n{{"q": ["about"]}}',
    f'{HEAD}\n{{"a": 1}}',
    f'{HEAD}\n{{"q": ["about"], "error": null}}',
)


@pytest.mark.parametrize("text", FOREIGN)
def test_a_file_that_is_no_recording_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "some.rec"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        open_recording(str(path))
    assert "\n" not in caught.value.line()
    assert "some.rec" in caught.value.wrong


def test_a_file_that_is_no_text_or_no_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.rec"
    path.write_bytes(HEAD.encode() + b"\n\xff\xfe\x00")
    for where in (path, tmp_path, tmp_path / "nowhere"):
        with pytest.raises(BadInput, match="cannot be read as a recording"):
            open_recording(str(where))


DAMAGED: Sequence[Any] = (
    None, 7, -1, 1 << 70, "text", "A===", [], [None], {}, [{}], {"bugcheck": 7}, True, 1.5, [1, 2]
)  # fmt: skip


@pytest.mark.parametrize("answer", DAMAGED, ids=repr)
def test_a_damaged_answer_is_one_line_whatever_the_question(answer: object) -> None:
    _, recording = recorded(("triage",))
    for index in range(1, len(recording)):
        entry = json.loads(recording[index])
        if entry["q"][0] == "symbol" and index % 50:
            continue  # one in fifty of the many alike will do
        damaged = [*recording[:index], json.dumps({**entry, "a": answer}), *recording[index + 1 :]]
        assert_prints_or_says_why(damaged)


@given(at=st.integers(0, 1 << 20), junk=st.sampled_from(["", "0", "}", "null", "\x00", "A"]), width=st.integers(0, 40))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_recording_damaged_anywhere_prints_or_says_why(at: int, junk: str, width: int) -> None:
    text = "\n".join(RECORDING)
    at %= len(text)
    assert_prints_or_says_why((text[:at] + junk + text[at + width :]).splitlines())


@given(end=st.integers(0, 1 << 20))
@settings(max_examples=100, deadline=None)
def test_a_recording_cut_short_prints_or_says_why(end: int) -> None:
    text = "\n".join(RECORDING)
    assert_prints_or_says_why(text[: end % len(text)].splitlines())


def assert_prints_or_says_why(recording: Sequence[str]) -> None:
    # Any other error than these would be a traceback, or be called hogwalk's own fault.
    try:
        said = printed(Replay(recording, "r"), ("triage",))
    except HogwalkError as error:
        said = [error.wrong, error.line()]
    assert all(said[:1])
    assert not any("\n" in line for line in said)


RECORDING = recorded(("triage",))[1]
