"""Help: of the program, of each command, and the pages on topics."""

from __future__ import annotations

import pytest

from hogwalk.__main__ import main
from hogwalk.answer.render.table import WIDTH
from hogwalk.app.cli.arguments import COMMANDS
from hogwalk.app.cli.options import TOPICS
from tests.core.test_cli import ROOT, refusal


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_is_complete(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "-h"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: hogwalk {command} ")
    assert COMMANDS[command].split(",")[0] in " ".join(text.split())
    for option in ("--limit A", "--base A", "--thread A", "-z DUMP", "-y PATH", "-i PATH", "-k CONNECT", "--record"):
        assert option in text or command in ("threads", "summary")
    own = {"candidates": "-n N", "usage": "--by", "stack": "--all", "frame": "CHILDEBP|N", "walk": "INSTRUCTIONPTR"}
    assert own.get(command, "-h") in text
    assert "Addresses are hexadecimal" in text
    assert text.isascii()


def test_the_help_of_all_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["-h"], ["--help"]):
        with pytest.raises(SystemExit):
            main(arguments)
        text = capsys.readouterr().out
        for command, words in COMMANDS.items():
            assert command in text
            assert words in text


@pytest.mark.parametrize("asked", ["-h", *(f"{command} -h" for command in COMMANDS)])
def test_no_help_is_wider_than_a_report(asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(asked.split())
    assert max(map(len, capsys.readouterr().out.splitlines())) <= WIDTH


@pytest.mark.parametrize("topic", TOPICS)
def test_help_on_a_topic_is_its_page(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "hogwalk" / "app" / "help" / f"{topic}.txt").read_text(encoding="ascii")
    for words in (["help", topic], ["HELP", topic.upper()], ["?", topic]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 0
        assert capsys.readouterr().out == page
    assert max(map(len, page.splitlines())) <= WIDTH


def test_every_page_of_help_has_a_topic() -> None:
    assert {path.stem for path in (ROOT / "hogwalk" / "app" / "help").iterdir()} == set(TOPICS)


def test_help_on_a_command_is_its_own_and_on_nothing_known_a_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["help", "cand"])
    assert capsys.readouterr().out.startswith("usage: hogwalk candidates ")
    shown = refusal(capsys, 2, ["help", "xyz"])
    assert "there is no help on 'xyz'" in shown
    assert "topics: reading, trust, kf" in shown
