"""Memory rows of every d-family command, published, pasted and interrupted."""

from __future__ import annotations

from typing import List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hogwalk.model import Symbol
from hogwalk.targets.parsers.dps import Word, parse_dps, parse_row


def _word(address: int, value: Optional[int], symbol: Optional[Symbol] = None) -> Word:
    return Word(address, 4, value, symbol)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("b8ae60f4  8763f718", _word(0xB8AE60F4, 0x8763F718)),
        ("81472400  813564d0 nt!KiServiceTable", _word(0x81472400, 0x813564D0, Symbol("nt", "KiServiceTable", 0))),
        ("b8ae6140   b958e196 BossHog+0x1196", _word(0xB8AE6140, 0xB958E196, Symbol("BossHog", "", 0x1196))),
        ("b8ae60ec  b8ae6100    <-------points to the next!", _word(0xB8AE60EC, 0xB8AE6100)),
        ("b8ae6100  b8ae6128     This points to the next frame", _word(0xB8AE6100, 0xB8AE6128)),
        (
            "b8ae60f0  8081df65 nt!IofCallDriver+0x45 <---possible Return address. Start here.",
            _word(0xB8AE60F0, 0x8081DF65, Symbol("nt", "IofCallDriver", 0x45)),
        ),
        (
            "b9596090  b8d8c0d0 BabyHog +0x30d0<-----highlighted address is the function called",
            _word(0xB9596090, 0xB8D8C0D0, Symbol("BabyHog", "", 0x30D0)),
        ),
        (
            "b8ae6104  80801010 nt!KeBugCheckEx [c:\\nt\\ke.c @ 5]",
            _word(0xB8AE6104, 0x80801010, Symbol("nt", "KeBugCheckEx", 0)),
        ),
        ("b8ae6104  80801010 nt!KeBugCheckEx<-- see", _word(0xB8AE6104, 0x80801010, Symbol("nt", "KeBugCheckEx", 0))),
        ("b8ae6104  80801010 nt!KeBugCheckEx is it", _word(0xB8AE6104, 0x80801010, Symbol("nt", "KeBugCheckEx", 0))),
        (
            "b8ae6104  80801010 m! ?? ::FNODOBFM::`string'",
            _word(0xB8AE6104, 0x80801010, Symbol("m", "?? ::FNODOBFM::`string'", 0)),
        ),
        (
            "b8ae6104  80801010 m!f<wchar_t,g<wchar_t> >::h+0x61",
            _word(0xB8AE6104, 0x80801010, Symbol("m", "f<wchar_t,g<wchar_t> >::h", 0x61)),
        ),
        ("b8ae8ff8  ????????", _word(0xB8AE8FF8, None)),
    ],
)
def test_dps_rows(line: str, word: Word) -> None:
    assert parse_row(line) == (word,)


def test_64_bit_rows() -> None:
    line = "fffff802`cf620548  fffff80b`2aca29f0 winhvr!WinHvOnInterrupt"
    symbol = Symbol("winhvr", "WinHvOnInterrupt", 0)
    assert parse_row(line) == (Word(0xFFFFF802CF620548, 8, 0xFFFFF80B2ACA29F0, symbol),)
    assert parse_row("fffff802`cf620550  ????????`????????") == (Word(0xFFFFF802CF620550, 8, None, None),)
    assert parse_row("b8ae6108  00000002`00000001") == (Word(0xB8AE6108, 8, 0x200000001, None),)
    assert parse_row("ffffffff`b8ae6108  00000002", 4) == (_word(0xB8AE6108, 2),)


@pytest.mark.parametrize(
    "line",
    [
        "b8ae6100  b8ae6128 80801010 00000001 ????????",
        "b8ae6100  b8ae6128 80801010 00000001 ????????  (a..............",
        "b8ae6100\tb8ae6128 80801010 00000001 ????????",
    ],
)
def test_several_words_on_a_row(line: str) -> None:
    values = [0xB8AE6128, 0x80801010, 1, None]
    assert parse_row(line) == tuple(_word(0xB8AE6100 + 4 * index, value) for index, value in enumerate(values))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "b8ae6100",
        "dps b8ae6000 b8ae9000",
        "b8ae6100  28 61 ae b8 10 10 80 80-01 00 00 00 02 00 00 00  (a..............",
        "80801016 e8e5ffffff      call    nt!IofCallDriver (80801000)",
        "80801010 55              push    ebp",
        "b8ae6100 f7a2ec45!x",
    ],
)
def test_lines_that_are_no_memory(line: str) -> None:
    assert parse_row(line) == ()


def test_a_row_cut_by_a_symbol_message_is_joined() -> None:
    text = (
        "b8ae610c  00000002\r\n"
        "b8ae6110  b958d196*** WARNING: Unable to verify checksum for BabyHog.sys\r\n"
        "*** ERROR: Symbol file could not be found.  Defaulted to export symbols for BabyHog.sys - \r\n"
        " BabyHog!Ordinal0+0x196\r\n"
        "b8ae6114  80801000 nt!IofCallDriver\r\n"
    )
    assert parse_dps(text) == (
        _word(0xB8AE610C, 2),
        _word(0xB8AE6110, 0xB958D196, Symbol("BabyHog", "Ordinal0", 0x196)),
        _word(0xB8AE6114, 0x80801000, Symbol("nt", "IofCallDriver", 0)),
    )


@given(st.lists(st.integers(0, 0xFFFFFFFF), min_size=1, max_size=40), st.sampled_from(["dps", "dd"]))
def test_printed_memory_reads_back(values: List[int], command: str) -> None:
    per_row = 1 if command == "dps" else 4
    rows = [values[index : index + per_row] for index in range(0, len(values), per_row)]
    lines = [
        f"{0x1000 + 4 * per_row * index:08x}  " + " ".join(f"{value:08x}" for value in row)
        for index, row in enumerate(rows)
    ]
    words = parse_dps("\n".join(lines))
    assert words == tuple(_word(0x1000 + 4 * index, value) for index, value in enumerate(values))
