"""What decorated names tell of the argument bytes that a function takes: each as clang's code for MSVC's ABI does."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional

import pytest

from hogwalk.targets.disk import Disk
from hogwalk.targets.dump import open_dump
from hogwalk.targets.symbols.taken import taken
from tests.stackhog import DUMP, SYMBOLS
from tests.symbols.pdbs import pdb

PROVEN = {
    "_c1@16": 16,
    "_f@0": 0,
    "@ObfDereferenceObject@4": 0,
    "?a1@@YGXHH@Z": 8,
    "?a2@@YIXHHH@Z": 4,  # fastcall: ECX and EDX take two
    "?a7@@YAXHZZ": 0,  # any number of arguments, which the caller takes back
    "?a11@@YGXPAD0_N1ABUS@@PAU1@@Z": 24,
    "?a12@@YGNOM_WI@Z": 20,  # of two wide types, one of which is returned
    "??1C@@QAE@XZ": 0,
    "?m1@C@@QAEXHN@Z": 12,  # `this` in ECX
    "?m2@C@@QAGXH@Z": 8,  # and on the stack, as COM's
    "?m4@C@@QAIXHH@Z": 4,
    "?m6@C@@QAAXHZZ": 0,
    "?s1@C@@SGXH@Z": 4,
    "?v1@C@@UBEHAAU1@PAU1@@Z": 8,
    "?n1@N@@YGXW4E@@0PAPAH@Z": 12,
    "??4C@@QAEAAU0@ABU0@@Z": 4,
    "??$t1@_J@@YGX_J0@Z": 16,
    "__imp__ZwClose@4": 4,
    "__imp_?a1@@YGXHH@Z": 8,
}
OPEN = (
    "_c4",  # so are hand-written helpers called as well, whatever they take
    "@RtlUlonglongByteSwap@8",  # of a number that no register takes: 8; of two that each take one: 0
    "c5@@12",
    "_odd@6",
    "?a3@@YIX_JH@Z",
    "?a8@@YG?AUS@@H@Z",  # returns an object: its place may be one argument more
    "?a10@@YGXUS@@@Z",  # takes an object, of whatever size
    "?a14@@YGXP6GXH@ZH@Z",
    "??0V@@QAE@H@Z",  # with virtual bases it takes 8
    "?f@C@@W3AEXXZ",  # thunks
    "?f@C@@$4PPPPPPPM@A@AEXXZ",
    "??_7C@@6B@",
    "?x@@3HA",
    "?a1@@YGXHH@",
    "?",
    "",
)


@pytest.mark.parametrize(("name", "count"), [*PROVEN.items(), *((name, None) for name in OPEN)])
def test_a_decorated_name_tells_who_takes_the_arguments_and_how_many_bytes(name: str, count: Optional[int]) -> None:
    assert taken(name) == count


def test_the_dump_reader_and_the_debugger_s_listing_lead_to_the_same_names() -> None:
    target = open_dump(str(DUMP), str(SYMBOLS))
    nt = next(module for module in target.modules() if module.name == "nt")
    starts: List[int] = []
    for address in range(nt.start, nt.end, 0x10):
        symbol = target.symbols([address])[0]
        if symbol is not None and symbol.name and symbol.displacement >= 0:
            starts.append(address - symbol.displacement)
    told = target.taken(starts)
    assert any(told)
    row = "{:08x} {:08x}   nt {} (pdb symbols)          {}"
    (file,) = SYMBOLS.rglob("nt[ok]*.pdb")
    disk = Disk(lambda command: "")
    assert disk.taken(starts, row.format(nt.start, nt.end, "  C", file)) == told
    assert disk.taken(starts, row.format(nt.start, nt.end, "  M", file)) == (None,) * len(starts)
    assert disk.taken(starts, row.format(nt.start, nt.end, "  C", file.with_name("gone.pdb"))) == (None,) * len(starts)
    assert disk.taken(starts, f"{nt.start:08x} {nt.end:08x}   nt   (deferred)") == (None,) * len(starts)


def test_a_name_holds_for_the_start_of_its_function_only(tmp_path: Path) -> None:
    file = tmp_path / "tiny.pdb"
    file.write_bytes(pdb([(0x1100, "_Function@12")]))
    listing = f"80800000 80804000   tiny   (pdb symbols)  {file}"
    assert Disk(lambda command: "").taken([0x80801100, 0x80801104, 0x80900000], listing) == (12, None, None)
