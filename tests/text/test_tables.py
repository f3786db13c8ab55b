"""Every way people paste a stack table: the same rows, the same sums, whatever the page or the mail made of them.

The truth is the list ROWS; each style prints it as a command or a page would, and the sums are taken from the list.
"""

from __future__ import annotations

import html
import io
import json
from collections import Counter
from typing import Any, Callable, Dict, List, Tuple

import pytest

from hogwalk.analysis import Run
from hogwalk.answer.render.json_report import document
from hogwalk.answer.render.triage import render
from hogwalk.answer.report.document import Report
from hogwalk.errors import BadInput, NothingFound
from hogwalk.targets.recorder import Recorder
from hogwalk.targets.recording import Replay
from hogwalk.targets.text import Choose, open_text
from hogwalk.targets.text.stacks import ANY
from hogwalk.walk.evidence import Request
from tests.text.logs import LOGS, opened

# (ChildEBP, RetAddr, call site): invented.
ROWS: Tuple[Tuple[int, int, str], ...] = (
    (0x91A3D210, 0x8D50106F, "nt!IofCallDriver+0x45"),
    (0x91A3D238, 0x83C01385, "fltmgr!FltpDispatch+0x6f"),
    (0x91A3D24C, 0x9B7C2F10, "nt!IofCallDriver+0x45"),
    (0x91A3D554, 0x9B7C108C, "LarchAv+0x2f10"),
    (0x91A3D8A0, 0x83C01385, "LarchAv!Scan+0x8c"),
    (0x91A3D8B4, 0x9C111196, "nt!IofCallDriver+0x45"),
    (0x91A3D960, 0x83C02E47, "BirchCry+0x1196"),
    (0x91A3D9E0, 0x83C02D70, "nt!IopCreateFile+0x447"),
    (0x91A3DA14, 0x83C010FC, "nt!NtCreateFile+0x30"),
)
THREAD = (
    "kd> !thread\nTHREAD 86b2c030  Cid 0a1c.0f20  Teb: 7ffdd000 Win32Thread: 00000000 RUNNING on processor 0\n"
    "Stack Init 91a3f000 Current 91a3d1f0 Base 91a3f000 Limit 91a3c000 Call 0\n"
)


def sums() -> Dict[str, int]:
    held: Counter[str] = Counter()
    for newer, row in zip(ROWS, ROWS[1:]):
        held[row[2].partition("!")[0].partition("+")[0]] += row[0] - newer[0]
    return dict(held)


def kb(ebp: int, back: int, site: str) -> str:
    return f"{ebp:08x} {back:08x} {ebp ^ 0x1111:08x} 00000000 {back ^ 0x2222:08x} {site}"


def rows(each: Callable[[int, int, str], str] = kb) -> List[str]:
    return [each(*row) for row in ROWS]


def kf() -> List[str]:
    ebps = [row[0] for row in ROWS]
    sizes = ["", *(f"{high - low:x}" for low, high in zip(ebps, ebps[1:]))]
    return [f"{size:>9} {ebp:08x} {back:08x} {site}" for size, (ebp, back, site) in zip(sizes, ROWS)]


def numbered() -> List[str]:
    return [f"{at:02x} {ebp:08x} {back:08x} {site}" for at, (ebp, back, site) in enumerate(ROWS)]


def four(ebp: int, back: int, site: str) -> str:
    return f"{ebp:08x} {back:08x} 00000001 00000002 00000003 00000004 {site}"


def with_parameters(row: str, parameters: str) -> str:
    return row.replace("+", f"{parameters}+") if "!" in row else row


TAILS = ["", "   <-- here", "\t\t// x", ""]
HEAD = "ChildEBP RetAddr  Args to Child              "
STYLES: Dict[str, str] = {
    "kf": "\n".join(["kd> kf", "  Memory  ChildEBP RetAddr  ", *kf()]),
    "kb": "\n".join(["kd> kb 100", HEAD, *rows()]),
    "kn": "\n".join(["kd> kn", " # ChildEBP RetAddr  ", *numbered()]),
    "kv remarks of the engine": "\n".join(["kd> kv", HEAD, *(f"{row} (FPO: [Non-Fpo])" for row in rows())]),
    "k L=": "\n".join(["kd> k L = 91a3d210 91a3d1fc 83c01385 100", "ChildEBP RetAddr", *rows()]),
    "commands joined": "\n".join(["kd> .tss 28 ; kb", HEAD, *rows()]),
    "no head": "\n".join(rows()),
    "no head, no arguments": "\n".join(rows(lambda e, b, s: f"{e:08x} {b:08x} {s}")),
    "STACK_TEXT": "\n".join(["STACK_TEXT:  ", *rows(), "", "FOLLOWUP_IP: ", "LarchAv+2f10"]),
    "one line": "STACK_TEXT: " + " ".join(rows()),
    "one line, numbered": "kd> kn ChildEBP RetAddr "
    + " ".join(numbered()),
    "indented": "\n".join(f"        {row}" for row in [HEAD, *rows()]),
    "quoted twice": "\n".join(f"> > {row}" for row in ["kd> kb", HEAD, *rows()]),
    "html": "\n".join(html.escape(row).replace(" ", "&nbsp;") + "<br>" for row in ["kd> kb", HEAD, *rows()]),
    "html on one line": "<p>" + "<br/>".join(html.escape(row) for row in ["kd> kb", HEAD, *rows()]) + "</p>",
    "bold": "\n".join(f"**{row}**" for row in [HEAD, *rows()]),
    "backticks": "\n".join(f"`{row}`" for row in [HEAD, *rows()]),
    "fence": "\n".join(["```", HEAD, *rows(), "```"]),
    "remarks behind rows": "\n".join([HEAD, *(row + tail for row, tail in zip(rows(), TAILS * 3))]),
    "double spaced": "\n\n".join([HEAD, *rows()]),
    "broken before the call site": "\n".join([HEAD, *(row.replace(" nt!", "\n   nt!") for row in rows())]),
    "remarks between rows": "\n".join(
        ["kd> kb", HEAD, *(f"{row}\n*** WARNING: Unable to verify timestamp for x.sys" for row in rows())]
    ),
    "a comment's": "\n".join(f"// {row}" for row in ["kd> kb", HEAD, *rows()]),
    "a script's comment": "\n".join(f"# {row}" for row in [HEAD, *rows()]),
    "numbered lines": "\n".join(f"{at:4} | {row}" for at, row in enumerate(["kd> kb", HEAD, *rows()], 8)),
    "times": "\n".join(f"[2026-01-02 10:11:12.123] {row}" for row in ["kd> kb", HEAD, *rows()]),
    "a table of Markdown": "\n".join(["|ChildEBP|RetAddr|Site|", *(f"|{e:08x} | {b:08x} | {s} |" for e, b, s in ROWS)]),
    "0x before": "\n".join(rows(lambda e, b, s: f"0x{e:08x} 0x{b:08x} {s}")),
    "kp": "\n".join(["kd> kp", HEAD, *(with_parameters(row, '(int a = 0n1, X * b = 0x3 "(x)")') for row in rows())]),
    "kP": "\n".join(["kd> kP", HEAD, *(with_parameters(row, "(\n\t\tint a = 0n1,\n\t\tX b = 0n2)") for row in rows())]),
    "four arguments": "\n".join(
        ["FramePtr ReturnAd Param#1  Param#2  Param#3  Param#4  Function Name", *rows(four)]
    ),
    "one argument": "\n".join(
        ["FramePtr  RetAddr   Param1   Function Name", *rows(lambda e, b, s: f"{e:08x}  {b:08x}  00000001 {s}")]
    ),
    "an excerpt of esp beside": "\n".join(
        ["kd> dd esp", "91a3d1fc  91a3d210 00000270 91a3d220 83c01385", "kd> kb", HEAD, *rows()]
    ),
}  # fmt: skip


def report(text: str, choose: Choose = ANY) -> Report:
    target = open_text(io.BytesIO(text.encode()), wanted=choose)
    return Run(target, Request(), None, lambda _: None).report()


def held(found: Report) -> Dict[str, int]:
    return {use.share.name: use.share.bytes for use in found.modules if use.share.bytes}


@pytest.mark.parametrize("style", sorted(STYLES))
def test_every_style_gives_the_rows_and_the_sums(style: str) -> None:
    found = report(STYLES[style])
    assert [frame.frame_ptr for frame in found.frames] == [row[0] for row in ROWS]
    assert [frame.return_address for frame in found.frames] == [row[1] for row in ROWS]
    assert [frame.symbol.text() if frame.symbol else None for frame in found.frames] == [row[2] for row in ROWS]
    assert held(found) == sums()
    assert found.hog is not None
    assert found.hog.product.name == "LarchAv"
    assert found.region.limit <= ROWS[0][0] < ROWS[-1][0] < found.region.base


def test_the_range_of_thread_says_what_is_used_and_left() -> None:
    found = report(THREAD + STYLES["kf"])
    assert (found.region.limit, found.region.base, found.region.thread) == (0x91A3C000, 0x91A3F000, 0x86B2C030)
    printed = document(found)["printed"]
    assert (printed["used"], printed["left"], printed["base_known"]) == (0x91A3F000 - 0x91A3D210, 0x1210, True)
    assert any(line.startswith("Used       7664 of 12288 bytes") for line in render(found))


def test_a_row_that_cannot_be_read_is_charged_to_nobody() -> None:
    lines = rows()
    lines[4] = lines[4][:9] + "???????? ~~~~"
    found = report("\n".join(["kd> kb", HEAD, *lines]))
    assert [frame.frame_ptr for frame in found.frames] == [row[0] for row in ROWS]
    assert found.frames[4].symbol is None
    assert held(found) == {**sums(), "LarchAv": 0x308, "(no module)": 0x34C}


def test_rows_cut_out_are_a_gap() -> None:
    lines = rows()
    lines[4:6] = ["..."]
    found = report("\n".join(["kd> kb", HEAD, *lines]))
    assert len(found.frames) == len(ROWS) - 2
    assert held(found).get("BirchCry") is None  # the row behind the cut: nobody knows its bytes
    assert sum(gap.bytes for gap in found.gaps) + found.walked == found.region.size


def test_user_kernel_user_counts_both_user_parts() -> None:
    text = """0: kd> kb
ChildEBP RetAddr
0018f210 00401a22 Kite!Paint+0x19
0018f2a8 771a0364 Kite!OnPaint+0x45
0018f2a8 83c04404 ntdll!KiUserCallbackDispatcher+0x2e
91a3dbf0 83c047cf nt!KiCallUserMode+0x4
91a3dc48 83c0143c nt!KeUserModeCallback+0x8f
0018f2a8 771a01d0 ntdll!KiFastSystemCallRet
0018f2ec 00000000 Kite!Main+0x3b
"""
    found = report(text)
    assert held(found) == {"Kite": 0x98 + 0x44}
    assert len(found.frames) == 5
    assert [share.bytes for stack in found.other_stacks for share in stack.shares] == [0x58]


def test_a_return_address_of_0_ends_the_chain_and_keeps_its_row() -> None:
    found = report(
        "kd> kb\nChildEBP RetAddr\n91a3d210 83c01000 nt!A+0x1\n91a3d240 00000000 nt!B+0x2\n91a3d280 00000246 nt!C\n"
    )
    assert held(found) == {"nt": 0x30}
    assert found.frames[-1].frame_ptr == 0x91A3D240


X64 = """3: kd> kf
 #   Memory  Child-SP          RetAddr               Call Site
00           ffffb30f`40083d10 fffff804`12a02d03     nt!KiBugCheckDispatch+0x69
01       140 ffffb30f`40083e50 fffff804`34d06941     nt!KiDoubleFaultAbort+0x2c3
02           ffffb30f`43c60f10 fffff804`34d06dc7     LarchAv+0x6941
03       140 ffffb30f`43c61050 fffff804`12a01341     LarchAv+0x6dc7
04        (Inline Function) --------`--------     nt!Inlined+0x3
05        80 ffffb30f`43c610d0 fffff804`12a01645     nt!IopfCompleteRequest+0x341
06       100 ffffb30f`43c611d0 00000000`00000000     nt!KiStartSystemThread+0x2a
"""


def test_x64_rows_end_where_the_next_one_begins() -> None:
    found = report(X64)
    assert held(found) == {"LarchAv": 0x140 + 0x80, "nt": 0x100}
    assert [frame.bytes for frame in found.frames] == [0x140, 0x80, 0x100, None]
    assert [len(stack.frames) for stack in found.other_stacks] == [2]
    limit = report(X64 + "\nSTACK_OVERFLOW: Stack Limit: ffffb30f43c61000. Use (kF)\n")
    assert (limit.region.limit, limit.below_limit) == (0xFFFFB30F43C61000, 240)
    assert sum(gap.bytes for gap in limit.gaps) + limit.walked - limit.below_limit == limit.region.size


def test_recursion_is_priced() -> None:
    lines = [f"{0x130000 + 0x1000 * at:08x} 00401234 Kite!Deep+0x93" for at in range(6)]
    found = document(report("0:000> kb\nChildEBP RetAddr\n" + "\n".join(lines)))["recursion"]
    assert (found["functions"], found["turns"], found["bytes_per_turn"]) == (["Kite!Deep"], 6, 0x1000)


def test_two_tables_and_how_to_choose() -> None:
    other = "kd> kb\nChildEBP RetAddr\n" + "\n".join(
        f"{0x92000010 + 32 * at:08x} 83c01234 nt!Wait+0x{at:x}" for at in range(1, 20)
    )
    text = THREAD + STYLES["kb"] + "\n" + other
    assert held(report(text)) == sums()  # on the stack of !thread, though the other is longer
    assert "--table 2" in " ".join(report(text).notes)
    assert held(report(text, Choose(table=2))) == {"nt": 32 * 18}
    assert held(report(text, Choose(thread=0x86B2C030))) == sums()
    with pytest.raises(BadInput, match="no stack table number 3"):
        report(text, Choose(table=3))
    with pytest.raises(BadInput, match="no stack table of thread"):
        report(text, Choose(thread=0x1234))


def test_functions_without_a_module_are_no_modules() -> None:
    rows = ("91a3d210 83c01123 SwapIt+0xb5", "91a3d240 9b7c2f10 WaitFor+0x1c1", "91a3d280 00000000 LarchAv+0x2f10")
    assert held(report("\n".join(["kd> kb", "ChildEBP RetAddr", *rows]))) == {"(no module)": 0x30, "LarchAv": 0x40}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Stack Usage By Function\n=====\n Size Count Module\n0x00000480 3 LarchAv!Go\n", "LarchAv 1152 in 3"),
        ("OS Thread Id: 0x1a2c (0)\nChild SP       IP Call Site\n0133f1a8 71a1a2b4 Program.Main()\n", "!clrstack"),
        (
            "1: kd> kb\nRetAddr           : Args to Child : Call Site\nfffff804`12a01645 : "
            + "00000000`00000001 00000000`00000002 00000000`00000003 00000000`00000004 : nt!Go+0x5\n",
            "no Child-SP",
        ),
    ],
)  # fmt: skip
def test_refusals_name_what_is_there(text: str, words: str) -> None:
    with pytest.raises(NothingFound) as refused:
        opened(text)
    assert words in refused.value.wrong


def test_a_stack_pointer_one_bit_off_is_no_depleted_stack() -> None:
    text = (
        "kd> .bugcheck\nBugcheck code 0000007F\nArguments 00000008 0 00000000 00000000\n" + THREAD
        + "kd> .tss 28\neip=83c01385 esp=91abd200 ebp=91a3d210 iopl=0\n" + STYLES["kb"]
    )  # fmt: skip
    shown = " ".join(" ".join(render(report(text))).split())
    assert "the stack is not depleted" in shown
    assert "with the one bit 80000 changed" in shown
    assert "usual end of a depleted" not in shown


def test_a_recorded_table_replays_to_the_same_report() -> None:
    recorder = Recorder(opened(THREAD + STYLES["kb"]))
    run = Run(recorder, Request(), None, lambda _: None)
    first: Dict[str, Any] = document(run.report())
    again = document(Run(Replay(recorder.lines(), "r"), Request(), None, lambda _: None).report())
    assert json.dumps(first) == json.dumps(again)


def test_stackhog_as_a_log_is_the_published_sum() -> None:
    found = report((LOGS / "stackhog.log").read_text("ascii"))
    assert found.hog is not None
    assert (found.hog.share.bytes, found.hog.share.frames) == (4496, 50)


def test_answers_without_prompts_as_a_pipe_of_the_debugger_hands_them_over() -> None:
    lines = (LOGS / "stackhog.log").read_text("ascii").split("\n")
    bare = "\n".join(line for line in lines if "kd> " not in line)
    found = report("Base b8ae9000 Limit b8ae6000\n" + bare)
    assert found.hog is not None
    assert (found.hog.share.bytes, found.hog.share.frames) == (4496, 50)
    assert (found.region.limit, found.region.base) == (0xB8AE6000, 0xB8AE9000)
