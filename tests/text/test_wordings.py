"""What blogs, remarks and one-sided tables do to a stack table's rows, and to what is said of them."""

from __future__ import annotations

import re

import pytest

from hogwalk.answer.render.triage import render
from hogwalk.answer.render.verdict import verdict
from hogwalk.answer.report.fault import depletion
from hogwalk.errors import BadInput, NothingFound
from hogwalk.model import Symbol
from tests.text.logs import opened
from tests.text.test_tables import ROWS, held, kb, report, rows, sums


@pytest.mark.parametrize("sign", ["\u00d7", "&#215;", "&times;"])
def test_the_0x_of_a_blog_is_0x(sign: str) -> None:
    named = [kb(ebp, back, site.replace("0x", f"0{sign}")) for ebp, back, site in ROWS]
    bare = f"91a3da40 8d50106f 0{sign}8d50106f"  # a row of jitted code
    head = "<pre>" if "&" in sign else ""
    found = report("\n".join([head + "0:011> kL", "ChildEBP RetAddr", *named, bare]))
    assert held(found) == {**sums(), "(no module)": 0x91A3DA40 - 0x91A3DA14}
    assert sum(frame.symbol == Symbol("BirchCry", "", 0x1196) for frame in found.frames) == 1


@pytest.mark.parametrize("rest", ["", " [f:\\av\\scan.c @ 7]"])
def test_a_remark_behind_a_whole_row_leaves_the_next_row_alone(rest: str) -> None:
    remark = "*** WARNING: Unable to verify checksum for BirchCry.sys"
    whole = [f"{row}{remark}\n{rest}" if at in (4, 8) else row for at, row in enumerate(rows())]
    found = report("\n".join(["kd> kb", "ChildEBP RetAddr  Args to Child", *whole, "kd> lm"]))
    assert (held(found), len(found.frames)) == (sums(), len(ROWS))


def test_a_user_stack_is_asked_for_user_commands_only() -> None:
    low = [kb(ebp - 0x90000000, back - 0x80000000, site) for ebp, back, site in ROWS]
    user, kernel = (opened("STACK_TEXT:\n" + "\n".join(lines)).missing() for lines in (low, rows()))
    assert not {"!thread", ".bugcheck"} & {lack.command for lack in user}
    assert user[0].command == "!teb"
    assert {"!thread", ".bugcheck"} <= {lack.command for lack in kernel}


def test_where_all_is_of_windows_its_biggest_is_the_hog_and_said_to_be_its_own() -> None:
    own = [kb(ebp, back, "nt!A+0x5" if at % 2 else "hal!B+0x6") for at, (ebp, back, _) in enumerate(ROWS)]
    lines = render(report("\n".join(["kd> kb", "ChildEBP RetAddr  Args to Child", *own])))
    shown = "\n".join(lines)
    assert "it is Windows' own by its name: a guess; no other maker's module holds any byte" in shown
    assert re.search(r"^ +H hal; w nt; [.] no frame$", shown, re.MULTILINE)
    assert "next none" not in shown


@pytest.mark.parametrize(
    "said",
    [
        "(1670.1674): Stack overflow - code c00000fd (first chance)",
        "0:000> .exr -1\nExceptionAddress: 0041a6a7 (LarchAv+0x2f10)\n   ExceptionCode: c00000fd (Stack overflow)",
        "EXCEPTION_CODE: (NTSTATUS) 0xc00000fd - A new guard page for the stack cannot be created.",
    ],
)
def test_a_program_whose_stack_ran_out_says_so(said: str) -> None:
    low = [kb(ebp - 0x90000000, back - 0x80000000, site) for ebp, back, site in ROWS]
    table = "\n".join(["0:000> kb", "ChildEBP RetAddr  Args to Child", *low])
    found = report(f"{said}\n\n{table}")
    assert depletion(found).overflow is True
    assert "The stack overflowed: the exception is c00000fd" in " ".join(verdict(found))
    teb = "0:000> !teb\nTEB at 7ffde000\n    StackBase:            01a40000\n    StackLimit:           01a3d000\n"
    assert depletion(report(f"{teb}{table}")).overflow is None  # Limit is only what is committed


def test_a_row_alone_accuses_nobody() -> None:
    lines = render(report("kd> kb\nChildEBP RetAddr  Args to Child\n" + rows()[3]))
    assert any("no frame could be charged to anyone" in line for line in lines)


def test_code_is_said_to_bear_rows_out_only_where_the_text_shows_it() -> None:
    code = "\nkd> ub 9b7c2f10\nLarchAv+0x2f0b:\n9b7c2f0b e8f0f0f0f0      call    nt!X (8d502000)"
    words = "checked by the code that the text shows"
    bare = "kd> kb\nChildEBP RetAddr  Args to Child\n" + "\n".join(rows())
    assert not any(words in note for note in report(bare).notes)
    assert any(words in note for note in report(bare + code).notes)


def test_rows_of_dumpstack_are_said_to_be_no_walk() -> None:
    calling = [f"{row}, calling nt!KeWaitForGate" if at == 2 else row for at, row in enumerate(rows())]
    head = "kd> !dumpstack\nChildEBP RetAddr  Caller, Callee\n"
    no_walk = [any("no walk" in note for note in report(head + "\n".join(some)).notes) for some in (calling, rows())]
    assert no_walk == [True, False]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("(gdb) bt\n#0  0x0000555555555151 in f (n=1) at a.c:3\n#1  main () at a.c:9", "gdb"),
        ("  * frame #0: 0x0000000100003f6c a.out`fib(n=1) at fib.c:4:5", "lldb"),
        ("goroutine 1 [running]:\nmain.f(0x0)", "Go"),
        ("   at Elm.Parser.Reduce(Int32 count) in C:\\src\\Parser.cs:line 120", ".NET"),
        ('Exception in thread "main"\n\tat com.elm.Foo.bar(Foo.java:12)', "Java"),
        ("RangeError: Maximum call stack size exceeded\n    at f (C:\\src\\a.js:1:13)", "JavaScript"),
        ("Traceback (most recent call last):\n", "Python"),
        (" 0  ntdll.dll + 0x21f86\n    Found by: given as instruction pointer in context", "minidump_stackwalk"),
        ("#0 ntdll.dll!RtlpAllocateHeap+0xec1b (0x770024f8 <ntdll.dll+0x424f8>)", "Dr. Memory"),
        ("elm.exe!Recurse(int n) Line 12 + 0x9 bytes\tC++", "Visual Studio"),
        ("   4.000d14  ffffe0000ba79040 fc006b27 Blocked    nt!KiSwapContext+0x76\n    nt!KiSwapThread+0x5", "!stacks"),
        ("00 nt!KiDoubleFaultAbort\n01 elmfs!Scan+0x120", "kc"),
    ],
)
def test_stacks_of_other_tools_are_named(text: str, words: str) -> None:
    with pytest.raises(NothingFound, match=re.escape(words)) as raised:
        opened(text)
    assert raised.value.line().count("\n") == 0


def test_a_path_of_windows_is_no_escaped_line_end() -> None:
    named = [f"{row} [d:\\nt\\base\\ntos\\nt0ff.c @ 12]" for row in rows()]
    found = report("\n".join(["kd> kb", "ChildEBP RetAddr  Args to Child", *named]))
    assert (held(found), len(found.frames)) == (sums(), len(ROWS))


def test_a_page_in_one_quoted_line_is_read_to_its_end() -> None:
    text = '{"body":"' + "a remark\\n" * 30_000 + "\\n".join(["kd> kb", "ChildEBP RetAddr", *rows()]) + '"}'
    assert held(report(text)) == sums()
    assert held(report('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')) == sums()


def test_memory_that_is_no_stack_is_refused_in_the_texts_own_terms() -> None:
    # A service table: its words lead nowhere up, and a text has no thread and no types to ask.
    table = "\n".join(
        f"{at:08x}  {0xBF947D28 + at % 999:08x} win32k!NtGdi{at:x}" for at in range(0xBF999F30, 0xBF999F50, 4)
    )
    with pytest.raises(
        BadInput, match="no stack range found: the text states no Base and Limit, and no memory"
    ) as raised:
        report(table)
    assert "pass --limit and --base as !thread prints them" in raised.value.line()
