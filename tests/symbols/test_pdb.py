"""The PDB reader, on files written record by record and on the linker's own."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Optional, Tuple

import pytest

from hogwalk.errors import BadInput
from hogwalk.model import FrameLayout
from hogwalk.targets.symbols.frames import FrameRecord, frame_records
from hogwalk.targets.symbols.functions import Functions
from hogwalk.targets.symbols.layout import Layouts
from hogwalk.targets.symbols.pdb import Pdb
from hogwalk.targets.symbols.publics import Publics
from hogwalk.targets.symbols.tables import PdbTable
from hogwalk.targets.symbols.types import Types
from tests.dump.contents import STACKHOG
from tests.symbols.pdbs import pdb

STRUCTURES = {"_KTHREAD": {"StackLimit": 0x1C, "Far": 0x12345}, "_KTHREAD2": {"StackLimit": 1}}


def opened(folder: Path, data: bytes) -> Pdb:
    path = folder / "tiny.pdb"
    path.write_bytes(data)
    return Pdb(str(path))


@pytest.mark.parametrize(
    ("rva", "found"),
    [
        (0x1100, None),
        (0x1200, ("First", 0)),
        (0x12FF, ("First", 0xFF)),
        (0x1304, ("Hidden", 4)),
        (0x1390, ("Hidden", 0x90)),  # past the function's end, but nothing nearer starts below
        (0x1400, ("A", 0)),  # of several names there the publics' map's first
        (0x1DFF, ("A", 0x9FF)),
        (0x2000, None),  # another section: the code's last symbol says nothing there
        (0x2104, ("g_Data", 4)),
        (0x2208, ("s_Data", 8)),
        (0x1F80, ("Last", 0x100)),  # in a gap behind the linked piece
    ],
)
def test_the_nearest_symbol_is_the_engines(tmp_path: Path, rva: int, found: Optional[Tuple[str, int]]) -> None:
    publics = [(0x1200, "_First@4"), (0x1400, "_B@4"), (0x1400, "_A@0"), (0x2100, "_g_Data")]
    records = [(0x1300, 0x40, "Hidden"), (0x1E80, 8, "Last"), (0x2200, 0, "s_Data")]
    table = PdbTable(opened(tmp_path, pdb(publics, records)))
    assert table.nearest(rva) == found


def test_a_variables_address_is_found_by_its_printed_name(tmp_path: Path) -> None:
    table = PdbTable(opened(tmp_path, pdb([(0x1200, "_First@4"), (0x2100, "_KiProcessorBlock")])))
    assert table.address("KiProcessorBlock") == 0x2100
    assert table.address("Missing") is None


def test_functions_have_their_lengths(tmp_path: Path) -> None:
    functions = Functions(opened(tmp_path, pdb([], [(0x1300, 0x40, "f"), (0x1500, 8, "g")])))
    found = [functions.nearest(rva) for rva in (0x1310, 0x1507)]
    assert [named and (named.rva, named.size, named.name) for named in found] == [(0x1300, 0x40, "f"), (0x1500, 8, "g")]


def test_field_offsets_come_from_the_definition(tmp_path: Path) -> None:
    types = Types(opened(tmp_path, pdb(structures=STRUCTURES)))
    assert types.field("_KTHREAD", "StackLimit") == 0x1C
    assert types.field("_KTHREAD", "Far") == 0x12345
    assert types.field("_KTHREAD", "Missing") is None
    assert types.field("THREAD", "StackLimit") is None


def test_omap_leads_to_the_original_names(tmp_path: Path) -> None:
    to_source = struct.pack("<8I", 0x1000, 0x1000, 0x1800, 0x1210, 0x1400, 0, 0x1900, 0x1900)
    from_source = struct.pack("<6I", 0x1000, 0x1000, 0x1210, 0x1800, 0x1300, 0)
    table = PdbTable(opened(tmp_path, pdb([(0x1200, "_Hot@0")], debug={3: to_source, 4: from_source})))
    assert table.nearest(0x1204) == ("Hot", 4)
    assert table.nearest(0x1808) == ("Hot", 0x18)  # moved away, yet still the same function
    assert table.nearest(0x1404) is None  # added by the rearrangement
    assert table.address("Hot") == 0x1200


def test_frame_records_of_both_kinds(tmp_path: Path) -> None:
    old = struct.pack("<IIIHH", 0x1200, 0x80, 3, 2, 0x5 | 2 << 8 | 1 << 12)
    program = b"$T0 $ebp = "
    new = struct.pack("<I", 0) + struct.pack("<6IHHI", 0x1100, 0x40, 0x28, 8, 0, 1, 7, 12, 1)
    records = frame_records(opened(tmp_path, pdb(debug={0: old, 9: new}, names=b"\0" + program + b"\0")))
    framed, omitted = records
    assert (framed.start, framed.size, framed.locals, framed.parameters, framed.saved) == (0x1100, 0x40, 0x28, 8, 12)
    assert (framed.kind, framed.program, framed.prolog) == ("frame", program.decode(), 7)
    assert (omitted.start, omitted.locals, omitted.parameters, omitted.saved) == (0x1200, 12, 8, 8)
    assert (omitted.kind, omitted.uses_ebp, omitted.prolog) == ("fpo", True, 5)


def test_the_linkers_own_file_reads() -> None:
    file = Pdb(str(STACKHOG / "symbols" / "ntoskrnl.pdb"))
    names = {named.name for named in Publics(file)}
    assert {"@IofCallDriver@8", "_KiFastCallEntry"} <= names
    assert any(record.kind == "trap" for record in frame_records(file))


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"", "tiny.pdb is empty"),
        (b"MZ" + bytes(100), "tiny.pdb is not a PDB 7.0 file"),
        (b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0", "tiny.pdb is cut short or damaged"),
        (pdb()[:5000], "tiny.pdb is cut short or damaged"),
        (pdb()[:32] + struct.pack("<I", 7) + pdb()[36:], "tiny.pdb has an impossible block size or directory"),
    ],
)
def test_damage_is_refused_in_one_line(tmp_path: Path, data: bytes, wrong: str) -> None:
    with pytest.raises(BadInput) as refusal:
        opened(tmp_path, data)
    assert refusal.value.wrong == wrong
    assert refusal.value.remedy


@pytest.mark.parametrize(
    ("kind", "uses_ebp", "program", "layout"),
    [
        ("fpo", False, "", FrameLayout(0x34, 8, None, None, True)),
        ("fpo", True, "", FrameLayout(0x34, 8, None, None, False)),
        ("nonfpo", False, "", FrameLayout(None, 8, 4, 4, False)),
        ("trap", False, "", None),
        # Visual C++ with and without EBP, clang with and without, clang with `and esp`
        ("frame", False, "$T0 $ebp = $eip $T0 4 + ^ = $ebp $T0 ^ = $esp $T0 8 + = ", FrameLayout(None, 8, 4, 4, False)),
        ("frame", False, "$T0 .raSearch = $eip $T0 ^ = $esp $T0 4 + = ", FrameLayout(0x34, 8, None, None, True)),
        (
            "frame",
            False,
            "$T0 $ebp 4 + = $eip $T0 ^ = $esp $T0 4 + = $ebp $T0 4 - ^ = ",
            FrameLayout(None, 8, 4, 4, False),
        ),
        (
            "frame",
            False,
            "$T0 .raSearch = $eip $T0 ^ = $esp $T0 4 + = $ebp $T0 8 - ^ = ",
            FrameLayout(0x34, 8, None, 8, False),
        ),
        ("frame", False, "$T0 $ebp 4 + = $T0 $T0 8 - 16 @ = $eip $T0 ^ = $esp $T0 4 + = ", None),
        ("frame", False, "foreign text", None),
    ],
)
def test_what_frame_records_say_of_the_stack(
    kind: str, uses_ebp: bool, program: str, layout: Optional[FrameLayout]
) -> None:
    whole = FrameRecord(0x1100, 0x80, 0, 8, 0, 4, kind, uses_ebp, program)
    body = FrameRecord(0x1104, 0x7C, 0x28, 8, 12, 0, kind, uses_ebp, program)
    layouts = Layouts([whole, body])
    assert layouts.at(0x1150) == layout
    assert layouts.at(0x1180) is None
    assert layouts.at(0x10FF) is None
