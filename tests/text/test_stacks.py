"""Which of the stacks in one table is the one that ran out."""

from __future__ import annotations

import re

import pytest

from hogwalk.answer.report.fault import depletion
from hogwalk.model import Symbol, Trust
from tests.stackhog import USAGE
from tests.text.logs import log, opened
from tests.text.test_tables import X64, held, report

SESSION = log("stackhog.log").split("kd> kf=")[0]  # up to where the debugger walks


def test_the_handlers_own_stack_is_not_the_one_that_ran_out_however_short_the_excerpt() -> None:
    lines = X64.splitlines()
    handler = [
        line.replace("40083e50", f"40083{at:03x}").replace("DoubleFaultAbort", "Any")
        for at, line in enumerate([lines[3]] * 6, 0xD50)
    ]
    found = report("\n".join([*lines[:3], *handler, *lines[3:]]))
    assert held(found) == {"LarchAv": 0x140 + 0x80, "nt": 0x100}
    assert [len(stack.frames) for stack in found.other_stacks] == [8]


SAID = """0: kd> !thread
THREAD ffffb10ff1ef2080  Cid 0004.0a14  Teb: 0000000000000000 Win32Thread: 0000000000000000 RUNNING on processor 0
Base ffffb30f43c67000 Limit ffffb30f43c61000 Call 0000000000000000
"""


def test_a_first_row_below_limit_is_an_overflow_without_any_register() -> None:
    found = report(SAID + X64)
    assert depletion(found) == (True, "the first row's Child-SP lies 240 bytes below Limit", 0x60F0, -240)


def test_rows_that_turn_back_on_one_stack_are_not_said_to_lie_on_another() -> None:
    turned = X64.splitlines()
    turned[-1] = turned[-1].replace("00000000`00000000", "fffff804`12a01699")
    turned.append("08       100 ffffb30f`43c61150 00000000`00000000     nt!Late+0x9")
    notes = report(SAID + "\n".join(turned)).notes
    assert [note.split(",")[0] for note in notes if "of the table" in note] == [
        "2 rows of the table on another stack",
        "1 row of the table out of order on this stack",
    ]


def test_a_dump_of_words_alone_leads_through_every_trap_frame_and_the_service_stub() -> None:
    # No code can be read and kf never ran: nt!ZwClose keeps no EBP, so the chain passes its caller's frame over.
    found = report(SESSION)
    assert held(found) == USAGE
    stub, caller = (frame for frame in found.frames if frame.return_slot in (0xB8AE7D30, 0xB8AE7D80))
    assert (stub.symbol, stub.bytes, stub.trust) == (Symbol("nt", "ZwClose", 0x11), 12, Trust.UNREAD)
    assert (caller.bytes, caller.instruction) == (80, 0xB8D8EC2D)


@pytest.mark.parametrize("joined", ["\n", " "])
@pytest.mark.parametrize("site", ["0x0", "0x20", "0xcccccccc"])
def test_a_row_without_a_name_begins_a_table_too(site: str, joined: str) -> None:
    # A call through a null pointer: the newest row of all runs in no module, and its caller's bytes lie right above it.
    rows = [
        f"ba991b08 f8886142 e138efb8 00000000 00000000 {site}",
        "ba991b44 804eddf9 81d4a030 81d2c008 806cf02c foo+0x1142",
        "ba991c00 805761b7 00000124 00000000 00000000 nt!IofCallDriver+0x42",
    ]
    remark = "WARNING: Frame IP not in any known module. Following frames may be wrong."
    found = report(joined.join(["STACK_TEXT:", remark, *rows]))
    assert [frame.frame_ptr for frame in found.frames] == [0xBA991B08, 0xBA991B44, 0xBA991C00]
    assert held(found) == {"foo": 0x3C, "nt": 0xBC}


@pytest.mark.parametrize(
    "before",
    ["// ", "# ", "; ", "{at:5}: ", "{at:5} | ", "{at:6}\t", "[10:11:12.345] ", "2026-01-02 10:11:12 ", "* ", "0010:"],
)
def test_what_stands_before_each_line_leaves_the_words_alone(before: str) -> None:
    # Most words of a stack have no symbol: their rows end with the word.
    session = SESSION.replace("kd> ", "0: kd> ")
    lines = [before.format(at=at) + line for at, line in enumerate(session.split("\n"), 1)]
    assert held(report("\n".join(lines))) == USAGE


def test_addresses_written_with_0x_are_words_too() -> None:
    typed = re.sub(r"(?m)^([0-9a-f]{8})  ([0-9a-f]{8})(?= |$)", r"0x\1  0x\2", SESSION)
    assert held(report(typed)) == USAGE


@pytest.mark.parametrize("command", ["dpp", "ddp"])
def test_what_a_word_points_to_is_no_word_of_the_stack(command: str) -> None:
    # `dpp` prints a word, what lies at the address it holds, and the symbol of that; dd prints the same words alone.
    words = dict(re.findall(r"(?m)^([0-9a-f]{8})  ([0-9a-f]{8})", SESSION))
    lines, alone = [], []
    for at, word in words.items():
        pointed = words.get(word)
        lines.append(f"{at}  {word} {pointed} Ntfs!NtfsRead+0x10" if pointed else f"{at}  {word}")
        alone.append(f"{at}  {word}")
    before = SESSION.split("kd> dps")[0]
    found = report("\n".join([f"{before}kd> {command} b8ae6000 b8ae9000", *lines]))
    assert held(found) == held(report("\n".join([f"{before}kd> dd b8ae6000 b8ae9000", *alone])))
    assert len(found.frames) > 100


def test_a_damaged_rows_small_number_is_no_code() -> None:
    # Else its module would begin at 0, and all that the text does not show of the stack would point into it.
    rows = [
        "0053f104 0040a5c1 00000002 0053f130 0040a5c1 oaktree!Descend+0x21",
        "0053f124 00000003 0053f150 0040a5c1 0040a5c1 oaktree!Descend+0x21",
        "0053f144 0040b111 00000004 0053f170 0040a5c1 oaktree!Descend+0x21",
        "0053f184 76ed338a 7ffd8000 0053ffd0 77f09ed2 oaktree!main+0x41",
    ]
    target = opened("\n".join(["0:000> kb", "ChildEBP RetAddr  Args to Child", *rows]))
    assert min(module.start for module in target.modules()) == 0x40A000
