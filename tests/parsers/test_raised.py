"""Exceptions as debuggers, Visual Studio and event logs print them."""

from __future__ import annotations

from typing import Optional

import pytest

from hogwalk.model import Raised
from hogwalk.targets.parsers.raised import RaisedReader, parse_raised

RECORD = (
    "ExceptionAddress: 00dea637 (app+0x0000a637)\n   ExceptionCode: c00000fd (Stack overflow)\n"
    "  ExceptionFlags: 00000000\nNumberParameters: 2\n   Parameter[0]: 00000001\n   Parameter[1]: 00102000\n"
)
EVENT = "Last event: 1670.1674: Stack overflow - code c00000fd (first/second chance not available)\n"


def test_the_engines_answers() -> None:
    assert parse_raised(RECORD, EVENT) == Raised(0xC00000FD, 0x102000, 0x1674)
    assert parse_raised(RECORD, "Last event: Break instruction exception\n") == Raised(0xC00000FD, 0x102000, None)
    assert parse_raised("Unable to get exception record\n", EVENT) is None
    assert parse_raised(RECORD.replace("Parameter[1]: 00102000\n", ""), EVENT) == Raised(0xC00000FD, None, 0x1674)
    wide = RECORD.replace("00102000", "000000d2`de201000")
    assert parse_raised(wide, EVENT) == Raised(0xC00000FD, 0xD2DE201000, 0x1674)


def test_a_name_that_plants_a_record_is_not_believed() -> None:
    assert parse_raised(RECORD.replace("app+0x0000a637", "\n" + RECORD), EVENT) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RECORD, Raised(0xC00000FD, 0x102000)),
        (EVENT, Raised(0xC00000FD, None, 0x1674)),
        ("(1670.1674): Stack overflow - code c00000fd (first chance)", Raised(0xC00000FD, None, 0x1674)),
        ("(1670.1674): C++ EH exception - code e06d7363 (first chance)", Raised(0xE06D7363, None, 0x1674)),
        ("EXCEPTION_CODE: (NTSTATUS) 0xc00000fd - A new guard page cannot be created.", Raised(0xC00000FD)),
        ("EXCEPTION_CODE_STR:  c00000fd", Raised(0xC00000FD)),
        ("Exception code: 0xc00000fd", Raised(0xC00000FD)),
        (
            "Unhandled exception at 0x00DEA637 in app.exe: 0xC00000FD: Stack overflow (parameters: 0x0, 0x00102000).",
            Raised(0xC00000FD, 0x102000),
        ),
        (f"{EVENT}{RECORD}", Raised(0xC00000FD, 0x102000, 0x1674)),
        (f"{RECORD}\n(1.2): Break instruction exception - code 80000003 (first chance)", Raised(0xC00000FD, 0x102000)),
        ("the code c00000fd means a stack overflow", None),
        ("", None),
    ],
)
def test_lines_of_a_log(text: str, expected: Optional[Raised]) -> None:
    reader = RaisedReader()
    for line in text.split("\n"):
        reader.take(line)
    assert reader.found == expected
