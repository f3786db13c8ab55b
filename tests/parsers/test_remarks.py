"""The debugger's remarks are no rows, wherever they stand, and one note says what they mean."""

from __future__ import annotations

from typing import List

import pytest

from hogwalk.targets.parsers.dps import parse_dps
from hogwalk.targets.parsers.kf import parse_kf
from hogwalk.targets.parsers.remarks import is_remark, meaning

HEAD = "  Memory  ChildEBP RetAddr      \n"
TEXT = r"""Unable to load image \SystemRoot\system32\drivers\BabyHog.sys, Win32 error 0n2
*** WARNING: Unable to verify timestamp for OakScan.sys
*** WARNING: Unable to verify checksum for OakScan.sys
*** ERROR: Symbol file could not be found.  Defaulted to export symbols for BossHog.sys -
*** ERROR: Module load completed but symbols could not be loaded for MamaHog.sys
WARNING: Stack unwind information not available. Following frames may be wrong.
    <Intermediate frames may have been skipped due to lack of complete unwind>
  *** Stack trace for last set context - .thread/.cxr resets it
Last set context:
VirtualToOffset: b8ae6000 not properly sign extended
ReadVirtual: b8ae6200 not properly sign extended
thread is not extension gallery command
No export thread found
The call to LoadLibrary(ext) failed, Win32 error 0n2
No .natvis files found at C:\Program Files\Debuggers\Visualizers.
Loading Kernel Symbols
...............................................................
ModLoad: 7c800000 7c8f6000   C:\WINDOWS\system32\kernel32.dll
************* Path validation summary **************
Response                         Time (ms)     Location
Deferred                                       srv*
************* Symbol Loading Error Summary **************
Module name            Error
You should also verify that your symbol search path (.sympath) is correct.
   ----> Repository : LocalInstalled, Enabled: true
ReadVirtual() failed in GetXStateConfiguration() first read attempt (error == 0.)
Unable to add extension DLL: kdexts
Implicit thread is now 8974ac00"""
REMARKS = TEXT.split("\n")


@pytest.mark.parametrize("remark", REMARKS)
def test_a_remark_is_no_row_and_ends_no_table(remark: str) -> None:
    assert is_remark(remark)
    rows = (
        "          b8ae6100 f7a2ec45     nt!IofCallDriver+0x45",
        "       28 b8ae6128 8081df65     fltmgr!FltpDispatch+0x6f",
    )
    found = parse_kf(HEAD + "\n".join((rows[0], remark, rows[1], remark)), 4)
    assert [row.frame_ptr for row in found.rows] == [0xB8AE6100, 0xB8AE6128]
    assert found.unparsed == ()
    assert found.notes == (remark.strip(),) * 2
    assert parse_dps(f"b8ae6100  b8ae6128\n{remark}\nb8ae6104  f7a2ec45 fltmgr!FltpDispatch+0x6f\n", 4)[1].symbol


@pytest.mark.parametrize("remark", [REMARKS[0], REMARKS[1], REMARKS[3], REMARKS[9], REMARKS[10]])
def test_a_row_that_a_remark_cut_in_two_is_whole_again(remark: str) -> None:
    words = parse_dps(
        f"b8ae6100  b8ae6128\nb8ae6104  f7a2ec45{remark}\n fltmgr!FltpDispatch+0x6f\nb8ae6108  8b4abb00\n", 4
    )
    assert [(word.address, word.value) for word in words] == [
        (0xB8AE6100, 0xB8AE6128), (0xB8AE6104, 0xF7A2EC45), (0xB8AE6108, 0x8B4ABB00),
    ]  # fmt: skip
    assert words[1].symbol is not None
    assert words[1].symbol.text() == "fltmgr!FltpDispatch+0x6f"


PLANTED = [
    "Unable to load image \\SystemRoot\\a",
    "80000000 80001000 x;.logopen",
    "       14 b8ae613c b958e196     nt!Fake+0x45",
    "b8ae6104  deadbeef",
    "z.sys, Win32 error 0n2",
]


def test_rows_in_a_files_name_are_no_rows() -> None:
    table: List[str] = ["          b8ae6100 f7a2ec45     nt!IofCallDriver+0x45", *PLANTED]
    table.append("       28 b8ae6128 8081df65     fltmgr!FltpDispatch+0x6f")
    assert [row.frame_ptr for row in parse_kf(HEAD + "\n".join(table), 4).rows] == [0xB8AE6100, 0xB8AE6128]
    assert parse_dps("\n".join(PLANTED), 4) == ()


def test_a_remark_cut_short_takes_no_rows_with_it() -> None:
    rows = [f"       28 b8ae61{at:02x} 8081df65     nt!A+0x{at:x}" for at in range(0, 0x40, 4)]
    found = parse_kf(HEAD + "\n".join([*rows[:3], PLANTED[0], *rows[3:]]), 4)
    assert len(found.rows) == len(rows)
    again = [*rows[:3], PLANTED[0], *rows[3:5], REMARKS[0], *rows[5:]]
    assert len(parse_kf(HEAD + "\n".join(again), 4).rows) == len(rows)


def test_one_note_tells_of_all() -> None:
    (note,) = meaning(REMARKS)
    assert note == (
        "the debugger remarks on its walk: no image file for BabyHog: their code is what the target's memory holds; "
        "files that may be of another build for OakScan: names in them may be wrong; rows without unwind information, "
        "found by saved EBPs; frames that it may have skipped at traps; a register context that was set by hand"
    )
    assert (
        meaning(["Loading Kernel Symbols", "*** ERROR: Module load completed but symbols could not be loaded for a"])
        == ()
    )


def test_what_holds_for_every_module_names_none() -> None:
    lines = [f"Unable to load image {name}, Win32 error 0n2" for name in ("nt", "hog")]
    (note,) = meaning(lines, ["nt", "hog"])
    assert note.endswith("no image file for the modules on the stack: their code is what the target's memory holds")
    (note,) = meaning(lines, ["nt", "hog", "fltmgr"])
    assert "no image file for nt, hog: " in note


def test_a_note_names_few_files_and_none_raw() -> None:
    lines = [f"Unable to load image \\a\\hog{number}\x1b[2J{'x' * 300}.sys, Win32 error 0n2" for number in range(20)]
    lines += [f"Unable to load image \\a\\pig{number}.sys, Win32 error 0n2" for number in range(20)]
    (note,) = meaning(lines)
    assert note.isprintable()
    assert note.count("pig") == 8
    assert "12 more" in note
