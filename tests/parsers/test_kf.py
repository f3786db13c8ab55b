"""Every published stack table, every line accounted for, and the question `kf=` itself."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hogwalk.errors import BadInput
from hogwalk.model import Triple
from hogwalk.targets.parsers.kf import KfText, format_kf, parse_kf
from hogwalk.targets.parsers.kfrow import Columns, KfRow, parse_row, usual_row
from hogwalk.targets.parsers.words import split_symbol

SAMPLES = sorted((Path(__file__).parents[2] / "fixtures" / "kf").glob("*.txt"))


def _sample(name: str) -> str:
    found = [path for path in SAMPLES if path.stem == name]
    return found[0].read_bytes().decode("ascii")


def _row(row: KfRow) -> Dict[str, Any]:
    def hexed(value: Optional[int]) -> Optional[str]:
        return None if value is None else f"{value:x}"

    symbol = row.symbol
    values = {
        "line": row.line,
        "number": row.number,
        "memory": hexed(row.memory),
        "frame_ptr": hexed(row.frame_ptr),
        "return_address": hexed(row.return_address),
        "arguments": [f"{word:x}" for word in row.arguments],
        "symbol": [symbol.module, symbol.name, f"{symbol.displacement:x}"] if symbol else row.call_site,
        "marks": row.marks,
        "tails": list(row.tails),
        "trap_frame": hexed(row.trap_frame),
        "inline": row.inline,
    }
    return {key: value for key, value in values.items() if value not in (None, [], "", False)}


def as_json(table: KfText) -> Dict[str, Any]:
    return {
        "rows": [_row(row) for row in table.rows],
        "notes": list(table.notes),
        "unparsed": list(table.unparsed),
        "headers": list(table.headers),
    }


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_published_tables_parse_to_their_expected_records(path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text("ascii"))
    assert as_json(parse_kf(path.read_bytes().decode("ascii"))) == expected


def test_all_published_samples_are_there() -> None:
    assert {path.stem[0] for path in SAMPLES} >= set("abcdefghijklmnopqrst")


def test_walkthrough_sums_are_the_published_memory_column() -> None:
    rows = parse_kf(_sample("walkthrough")).rows
    on_stack = [row for row in rows if row.frame_ptr is not None and row.frame_ptr >= 0x80000000]
    for newer, row in zip(on_stack, on_stack[1:]):
        assert newer.frame_ptr is not None
        assert row.frame_ptr is not None
        assert row.memory == row.frame_ptr - newer.frame_ptr
    assert sum(row.memory or 0 for row in on_stack) == 0xB8AE8D34 - 0xB8AE6100
    assert rows[-1].instruction == 0x7C8285EC


def _ink(text: str) -> Counter[str]:
    return Counter("".join(text.split()))


def _accounted(text: str) -> None:
    table = parse_kf(text)
    parts: List[str] = [row.text for row in table.rows]
    parts += [*table.notes, *table.unparsed, *table.headers]
    assert _ink("".join(parts)) == _ink(text)


LINES = sorted({line for path in SAMPLES for line in path.read_bytes().decode("ascii").splitlines(keepends=True)})


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(LINES), st.text(max_size=60).map(lambda text: text + "\n"))))
def test_every_line_ends_in_exactly_one_place(lines: List[str]) -> None:
    _accounted("".join(lines))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_a_row_cut_in_two_by_an_error_is_joined_again(path: Path, data: st.DataObject) -> None:
    text = "\n".join(line.rstrip() for line in path.read_bytes().decode("ascii").splitlines())
    table = parse_kf(text)
    row = data.draw(st.sampled_from([row for row in table.rows if row.text in text]))
    cut = data.draw(st.integers(len(row.text) - len(row.text.lstrip()) + 3, row.text.rindex(row.call_site[-1])))
    if not row.text[cut - 1].isspace():
        cut = row.text.index(row.call_site)  # the engine prints whole columns before it loads a symbol file
    error = "*** ERROR: Module load completed but symbols could not be loaded for X.sys\r\n"
    broken = text.replace(row.text, row.text[:cut] + error + row.text[cut:], 1)
    again = parse_kf(broken)
    assert [_without_line(other) for other in again.rows] == [_without_line(other) for other in table.rows]
    assert error.strip() in again.notes
    _accounted(broken)


def _without_line(row: KfRow) -> Dict[str, Any]:
    values = _row(row)
    del values["line"]
    return values


def test_a_row_that_never_goes_on_is_kept() -> None:
    table = parse_kf("01 b8ae6128 8081df65 *** ERROR: Symbol file could not be found.\n\nquit:\n")
    assert table.rows == ()
    assert table.unparsed == ("01 b8ae6128 8081df65 ", "quit:")


def test_addresses_below_childebp_are_32_bit() -> None:
    row = "ffffffff`b8ae6128 ffffffff`8081df65 nt!IofCallDriver+0x45\n"
    assert parse_kf(row).rows[0].frame_ptr == 0xFFFFFFFFB8AE6128
    assert parse_kf(row, pointer_bytes=4).rows[0].frame_ptr == 0xB8AE6128
    assert parse_kf("ChildEBP RetAddr\n" + row).rows[0].return_address == 0x8081DF65


def test_kb_of_x64_has_no_child_sp() -> None:
    text = "fffff802`66648c94 : 00000000`00000001 00000000`00000002 00000000`00000003 00000000`00000004 : nt!F+0x1\n"
    (row,) = parse_kf(text).rows
    assert (row.frame_ptr, row.return_address, row.arguments) == (None, 0xFFFFF80266648C94, (1, 2, 3, 4))


def test_lone_figure_without_heads_is_told_by_its_place() -> None:
    (memory,) = parse_kf("       28 b8ae6128 8081df65 fltmgr!FltpDispatch+0x6f\n").rows
    (number,) = parse_kf("28 b8ae6128 8081df65 fltmgr!FltpDispatch+0x6f\n").rows
    assert (memory.memory, memory.number) == (0x28, None)
    assert (number.memory, number.number) == (None, 0x28)


def test_kf_question() -> None:
    triple = Triple(0xB8AE6100, 0xB8AE60EC, 0x8081DF65)
    assert format_kf(triple, 0x200) == "kf=b8ae6100 b8ae60ec 8081df65 0x200"
    assert format_kf(Triple(1, 2, 3), 0xFFFF) == "kf=00000001 00000002 00000003 0xffff"
    for count in (0, -1, 0x10000):
        with pytest.raises(BadInput, match="frames"):
            format_kf(triple, count)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nt!IofCallDriver+0x45", ("nt", "IofCallDriver", 0x45)),
        ("BabyHog+0x1196", ("BabyHog", "", 0x1196)),
        ("nt!KeBugCheckEx", ("nt", "KeBugCheckEx", 0)),
        ("ntdll! ?? ::FNODOBFM::`string'+0x29220", ("ntdll", "?? ::FNODOBFM::`string'", 0x29220)),
        ("a!operator!=<int,b::c<d> >+0x1`00000002", ("a", "operator!=<int,b::c<d> >", 0x100000002)),
        ("<Unloaded_hog.sys>+0x10", ("<Unloaded_hog.sys>", "", 0x10)),
        ("m!f<x+0x4>", ("m", "f<x+0x4>", 0)),
    ],
)
def test_symbol_split(text: str, parts: Any) -> None:
    symbol = split_symbol(text)
    assert symbol is not None
    assert (symbol.module, symbol.name, symbol.displacement) == parts


@pytest.mark.parametrize("text", ["", "0x7c8285ec", "0x00007fff`69805b74", "!", "+0x4"])
def test_no_module_no_symbol(text: str) -> None:
    assert split_symbol(text) is None


HEADS = (Columns(None, None, None), Columns(False, True, 4), Columns(False, False, 8), Columns(True, True, None))


@pytest.mark.parametrize("columns", HEADS)
def test_the_quick_look_at_a_row_finds_what_the_slow_one_does(columns: Columns) -> None:
    lines = [line.rstrip() for path in SAMPLES for line in path.read_text("ascii").split("\n")]
    found = [(line, usual_row(line, 1, columns)) for line in lines]
    assert all(row == parse_row(line, 1, columns) for line, row in found if row is not None)
    assert sum(row is not None for _, row in found) >= (4 if columns.numbered is not False else 100)


WORDS = st.text("0123456789abcdef`", min_size=1, max_size=17)
SITES = st.from_regex(r"[A-Za-z_0!+x]{1,12}\+0x[0-9a-f]{1,9}", fullmatch=True)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, min_size=2, max_size=4), SITES, st.sampled_from(HEADS))
def test_so_it_does_on_made_up_rows(words: List[str], site: str, columns: Columns) -> None:
    row = usual_row(" ".join([*words, site]), 1, columns)
    assert row is None or row == parse_row(row.text, 1, columns)
