"""`.fnent` on x64, as dbgeng 10.0.15063 prints it."""

from __future__ import annotations

import pytest

from hogwalk.model import FrameLayout
from hogwalk.targets.parsers.fnent import parse_fnent

PLAIN = """Debugger function entry 00000000`00354310 for:
(fffff800`01201390)   nt!ntNoise1   |  (fffff800`01201440)   nt!ntNoise2
Exact matches:
    nt!ntNoise1 (struct CTX *, unsigned int64, unsigned int64)

BeginAddress      = 00000000`00001390
EndAddress        = 00000000`00001435
UnwindInfoAddress = 00000000`000031c8

Unwind info at fffff800`012031c8, c bytes
  version 1, flags 0, prolog 9, codes 4
  00: offs 9, unwind op 1, op info 0\tUWOP_ALLOC_LARGE FrameOffset: 168.
  02: offs 2, unwind op 0, op info 7\tUWOP_PUSH_NONVOL reg: rdi.
  03: offs 1, unwind op 0, op info 6\tUWOP_PUSH_NONVOL reg: rsi.

"""
FRAMED = """BeginAddress      = 00000000`00001210
EndAddress        = 00000000`0000140e
UnwindInfoAddress = 00000000`000022d8

Unwind info at fffff880`019b22d8, 18 bytes
  version 1, flags 0, prolog 19, codes a
  frame reg 5 (rbp), frame offs 80h
  00: offs 19, unwind op 3, op info 0\tUWOP_SET_FPREG.
  01: offs 11, unwind op 1, op info 0\tUWOP_ALLOC_LARGE FrameOffset: e0.
  03: offs a, unwind op 0, op info 3\tUWOP_PUSH_NONVOL reg: rbx.
  09: offs 1, unwind op 0, op info 5\tUWOP_PUSH_NONVOL reg: rbp.
"""


def test_codes_make_a_frame_of_one_depth() -> None:
    (found,) = parse_fnent(PLAIN)
    assert (found.begin, found.end) == (0xFFFFF80001201390, 0xFFFFF80001201435)
    assert found.layout == FrameLayout(0x178, 0, None, None, True)


def test_a_frame_register_gives_the_distance_from_rbp() -> None:
    (found,) = parse_fnent(f"No function entry for fffff800`01201234\n\n{FRAMED}")
    assert found.begin == 0xFFFFF880019B1210
    assert found.layout == FrameLayout(None, 0, 0x70, 8, False)


@pytest.mark.parametrize(
    "row",
    [
        "  04: offs 0, unwind op a, op info 1\tUWOP_PUSH_MACHFRAME.",
        "  04: offs 0, unwind op b, op info 1\tUWOP_ANOTHER.",
        "  04: offs 0, unwind op 1, op info 0\tUWOP_ALLOC_LARGE.",
    ],
)
def test_codes_that_do_not_tell_leave_the_frame_open(row: str) -> None:
    (found,) = parse_fnent(PLAIN.rstrip("\n") + f"\n{row}\n")
    assert found.layout is None


@pytest.mark.parametrize(("was", "now"), [("flags 0", "flags 4"), ("version 1", "version 3")])
def test_chained_entries_and_other_versions_leave_the_frame_open(was: str, now: str) -> None:
    (found,) = parse_fnent(PLAIN.replace(was, now))
    assert found.layout is None


def test_a_cut_or_strange_answer_is_none() -> None:
    assert parse_fnent(PLAIN[: PLAIN.index("Unwind info")]) == []
    assert parse_fnent(PLAIN.replace("00001435", "00001380")) == []
    assert parse_fnent(PLAIN.replace("fffff800`012031c8", "00000000`00000008")) == []
