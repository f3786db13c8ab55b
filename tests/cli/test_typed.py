"""What people type: commands in any case and short, numbers as WinDbg has them, pipes; and mistakes in one line."""

from __future__ import annotations

from typing import List, Tuple

import pytest

from hogwalk.__main__ import main
from hogwalk.app.cli.options import literal
from tests.cli.running import hogwalk
from tests.stackhog import DEMO

DEMO_NAME = str(DEMO)


def row(at: int) -> str:
    code = 0x80801010 + 512 * (at % 4096)
    words = (f"{at + 16:08x}", f"{code:08x} nt!f{at:x}+0x10", "00000000", "00000000")
    return "".join(f"{at + 4 * number:08x}  {word}\n" for number, word in enumerate(words))


LOG = "".join(map(row, range(0xB8AE6000, 0xB8AE7000, 16)))


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> Tuple[int, str]:
    code = main(list(words))
    printed = capsys.readouterr()
    return code, printed.out + printed.err


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("b8ae6100", 0xB8AE6100),
        ("0xB8AE6100", 0xB8AE6100),
        ("0n10", 10),
        ("ffffffff`b8ae8238", 0xFFFFFFFFB8AE8238),
        ("0n", None),
        ("0n1a", None),
        ("-1", None),
        ("1_0", None),
        ("@esp", None),
        ("", None),
        ("1" * 5000, None),
        ("\u0663", None),
    ],
)
def test_numbers_as_windbg_has_them(word: str, value: int) -> None:
    assert literal(word) == value


BIGGEST = "frame b8ae8238: 708 bytes"


@pytest.mark.parametrize(
    "which",
    ["b8ae8238", "#51", "51", "0x51", "0n81", "ffffffffb8ae8238", "ffffffff`b8ae8200", "b8ae8000", "0xB8AE8238"],
)
def test_a_frame_is_found_by_number_and_by_any_address_inside(capsys: pytest.CaptureFixture[str], which: str) -> None:
    code, printed = ran(capsys, DEMO_NAME, "frame", which)
    assert (code, printed[: len(BIGGEST)]) == (0, BIGGEST)
    assert "runs        MamaHog+0x422a\nbelongs to  MamaHog, StackHog (Stack Hog Software, Inc.)\n" in printed


@pytest.mark.parametrize(
    "words", ["walk", "WALK", "wal", "walk kf=b8ae6100 b8ae60ec 8081df65 0x200", "Walk b8ae6100 0xb8ae60ec 8081df65"]
)
def test_a_walk_takes_the_line_that_hogwalk_prints(capsys: pytest.CaptureFixture[str], words: str) -> None:
    code, printed = ran(capsys, DEMO_NAME, *words.split())
    assert (code, printed.splitlines()[0]) == (0, "Start      kf=b8ae6100 b8ae60ec 8081df65 0x200")


@pytest.mark.parametrize(
    "words", ["help", "?", "/?", "-?", "HELP", "-h", "help frame", "frame ?", "FRAME /?", "fra -h"]
)
def test_every_cry_for_help_is_heard(words: str) -> None:
    ended = hogwalk(*words.split())
    assert (ended.code, ended.errors) == (0, "")
    assert ended.out.startswith("usage: hogwalk frame" if "fra" in words.lower() else "usage: hogwalk [FILE]")


def test_the_overview_lists_every_option_and_examples() -> None:
    printed = hogwalk("-h").out
    for option in (
        "--limit",
        "--thread",
        "--json",
        "--record",
        "--by",
        "--keep",
        "--without",
        "--html",
        "--json-lines",
        "-n N",
    ):
        assert option in printed
    assert "as !hog !py -g hogwalk" in printed


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["cmpare"], "'cmpare' is neither a command nor a file; did you mean compare"),
        (["c"], "did you mean candidates or compare or charge?"),
        (["-k", ""], "-k wants a connection string"),
        (["-k", "com:port=1", DEMO_NAME], "-k does not go with a file"),
        (["-k", "com:port=1", "-z", "x.dmp"], "-k does not go with a file"),
        (["walk"], "`hogwalk demo walk` shows it on the demo"),
        (["frame", "50"], "`hogwalk demo frame 51` shows it on the demo"),
        (["nosuch.dmp"], "there is no file nosuch.dmp; check the path"),
        (["C:\\dumps\\none"], "there is no file C:\\dumps\\none; check the path"),
        (["tests"], "tests is a folder; name a dump, a log or a recording in it"),
        (["-z", "tests"], "tests is a folder; name a dump in it after -z"),
        ([DEMO_NAME, "--csv", "--html", "x.html"], "--html and --csv at once; ask for one document at a time"),
        ([DEMO_NAME, "--table", "2"], "--table chooses among the stack tables of a text"),
        ([DEMO_NAME, "stack", "b8ae9000"], "b8ae9000 is not on this stack (b8ae6000..b8ae9000)"),
        ([DEMO_NAME, "stack", "b8ae8000", "Lzz"], "'zz' is not a hexadecimal address"),
        ([DEMO_NAME, "stack", "b8ae8000", "L"], "'L' is not a hexadecimal address"),
        ([DEMO_NAME, "frame", "zz"], "'zz' is not a hexadecimal address"),
        ([DEMO_NAME, "frame", "#fff"], "give a ChildEBP of `walk`, or 0 to 75"),
        ([DEMO_NAME, "walk", "1", "2"], "walk takes BASEPTR STACKPTR INSTRUCTIONPTR, a kf= line, or nothing"),
        ([DEMO_NAME, "--limit", "b8ae6000"], "this target's is --limit b8ae6000 --base b8ae9000"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(words: List[str], reason: str) -> None:
    ended = hogwalk(*words)
    assert ended.code in (2, 3)
    assert reason in ended.out
    assert ended.out.count("\n") == 1


RANGE = ("-z", "fixtures/stackhog/memory.dmp", "--engine", "own", "stack")


@pytest.mark.parametrize(
    ("words", "header"),
    [
        (["b8ae8000", "b8ae8100"], "stack b8ae8000..b8ae8100, 256 bytes"),
        (["b8ae8000", "L40"], "stack b8ae8000..b8ae8100, 256 bytes"),
        (["0xB8AE8000", "l?0n64"], "stack b8ae8000..b8ae8100, 256 bytes"),
        (["ffffffff`b8ae8000"], "stack b8ae8000..b8ae9000, 4096 bytes"),
    ],
)
def test_a_range_is_typed_as_for_dps(words: List[str], header: str) -> None:
    printed = hogwalk(*RANGE, *words)
    assert printed.code == 0
    assert printed.out.startswith(header)


def test_what_is_cut_off_shows_it() -> None:
    cut = [line for line in hogwalk(*RANGE).out.splitlines() if len(line) >= 100]
    assert cut
    assert all(len(line) == 100 and line.endswith((")", "..")) for line in cut)


def test_a_table_is_chosen_in_any_case() -> None:
    assert hogwalk(DEMO_NAME, "usage", "--by", "PRODUCT").out == hogwalk(DEMO_NAME, "usage", "--by", "product").out


def test_a_pipe_is_read_and_the_demo_says_what_it_is() -> None:
    piped = hogwalk("candidates", text=LOG)
    assert (piped.code, "Demo" in piped.out) == (0, False)
    assert hogwalk(text=LOG).out.startswith("Target     text")
    for ended in (hogwalk(), hogwalk("demo", "usage")):
        assert ended.out.splitlines()[0].startswith("Demo       this is the built-in demo")


def test_compare_without_a_debugger_and_candidates_without_any_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no debugger walked this stack" in hogwalk("-", "compare", text=LOG).out
    empty = "".join(f"{address:08x}  00000000\n" for address in range(0xB8AE6000, 0xB8AE7000, 4))
    ended = hogwalk("-", "candidates", "--limit", "b8ae6000", "--base", "b8ae7000", text=empty)
    assert (ended.code, ended.out.startswith("no candidate: ")) == (0, True)
