"""No text of a target, a log or a recording is shown, written or packed with a control character in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hogwalk.__main__ import main
from hogwalk.errors import BadInput
from hogwalk.model import Module, Symbol, Version
from hogwalk.printable import ascii_only, printable, printable_document

# C0 (the line's end left out), DEL, C1, soft hyphen, marks that turn or hide text, line and paragraph separators.
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
EVIL = "\x1b]0;PWNED\x07\x1b[2J\u202egnp.sys\u2066\x9b31m"
FRAMES = 128  # of 20h bytes: a page


def hostile_log(name: str = f"evil{EVIL}") -> str:
    """A log of a small stack in which a module and its functions have names made to mislead a terminal."""
    lines = ["3: kd> !thread", f"Owning Process 8974ac00       Image:         {name}.exe"]
    lines += ["Base b8ae7000 Limit b8ae6000 Call 0", "3: kd> dps b8ae6000 b8ae7000"]
    for number in range(FRAMES):
        at = 0xB8AE6000 + 0x20 * number
        lines += [
            f"{at:08x}  {at + 0x20:08x}",
            f"{at + 4:08x}  {0x80805010 + 0x1000 * number:08x} {name}!{number}{name}+0x10",
        ]
        lines += [f"{filler:08x}  00000000" for filler in range(at + 8, at + 0x20, 4)]
    lines += ["3: kd> lm", "start    end        module name", f"80800000 8093c000   {name}   (deferred)"]
    return "\n".join(lines) + "\n"


def texts(document: Any) -> Iterator[str]:
    """Every text in a JSON document."""
    if isinstance(document, str):
        yield document
    for part in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from texts(part)


@pytest.mark.parametrize("command", ["triage", "stack --all", "candidates", "walk", "compare --all", "usage"])
def test_hostile_names_are_shown_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    log = tmp_path / "esc.log"
    log.write_text(hostile_log(), encoding="utf-8")
    assert main([str(log), *command.split()]) == 0
    printed = capsys.readouterr()
    assert not RAW.search(printed.out + printed.err)
    assert command in ("candidates", "compare --all") or "evil\\x1b]0;PWNED\\x0" in printed.out


def test_json_is_free_of_them_even_once_it_is_unpacked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "esc.log"
    log.write_text(hostile_log(), encoding="utf-8")
    for arguments in ([str(log), "--json"], [str(log), "--json-lines", "--jobs", "1"]):
        assert main(arguments) == 0
        document = json.loads(capsys.readouterr().out)
        assert not [text for text in texts(document) if RAW.search(text)]
        assert document["modules"][0]["name"].startswith("evil\\x1b]0;PWNED\\x07")


def test_errors_are_one_line_whatever_a_recording_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = tmp_path / "wrong.recording"
    refusal = {"q": ["about"], "error": "CommandFailed", "wrong": f"x{EVIL}\nhogwalk: well", "remedy": EVIL}
    recording.write_text(json.dumps({"format": "hogwalk-recording/1"}) + "\n" + json.dumps(refusal) + "\n")
    for arguments in ([str(recording)], [str(recording), "--json"]):
        assert main(arguments) == 3
        printed = capsys.readouterr()
        assert not RAW.search(printed.out + printed.err)
        assert (printed.out + printed.err).count("\n") == 1


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from(EVIL + "\n\r\t\0"))))
def test_any_text_becomes_printable(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(printable(text)) == printable(text)
    assert ascii_only(text).isascii()
    for record in (
        Module(text, 0, 1, ""),
        Symbol(text, text, 0),
        Version(text, text, text, text),
        BadInput(text, text),
    ):
        assert all(value.isprintable() for value in vars(record).values() if isinstance(value, str))
    assert all(one.isprintable() for one in texts(printable_document({text: [text, {"a": (text, 1, None)}]})))


def test_what_is_printable_stays_as_it_is() -> None:
    assert printable("nt!Zo\u00eb<int>+0x5 `anonymous namespace'") == "nt!Zo\u00eb<int>+0x5 `anonymous namespace'"
    assert printable("a\x1b[2J\u202eb\r\n") == "a\\x1b[2J\\u202eb\\r\\n"
