"""Names as the engine prints them; the C++ rows were seen in the real engine (tests.dump.test_against_engine)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hogwalk.targets.symbols.undecorate import undecorate


@pytest.mark.parametrize(
    ("decorated", "printed"),
    [
        ("_IoPageRead@20", "IoPageRead"),
        ("@IofCallDriver@8", "IofCallDriver"),
        ("__KiTrap0E", "_KiTrap0E"),
        ("__chkstk", "_chkstk"),
        ("Vector@@16", "Vector"),
        ("NtClose", "NtClose"),
        ("A_Name", "A_Name"),
        ("_", "_"),
        ("?DispatchPassThrough@DEVICEDISPATCH@@QEAAJPEAU_IRP@@@Z", "DEVICEDISPATCH::DispatchPassThrough"),
        ("??0Hog@Farm@@QEAA@XZ", "Farm::Hog::Hog"),
        ("??1Hog@Farm@@UEAA@XZ", "Farm::Hog::~Hog"),
        ("??2@YAPEAX_K@Z", "operator new"),
        ("??_GHog@Farm@@UEAAPEAXI@Z", "Farm::Hog::`scalar deleting destructor'"),
        ("??HHog@Farm@@QEAA?AV01@ABV01@@Z", "Farm::Hog::operator+"),
        ("??BHog@@QEAAHXZ", "Hog::operator int"),
        ("??$Max@H@Farm@@YAHHH@Z", "Farm::Max<int>"),
        ("?f@?$A@V?$B@H@@@@QEAAXXZ", "A<B<int> >::f"),
        ("??0?$List@H@Farm@@QEAA@XZ", "Farm::List<int>::List<int>"),
        ("??$F@W4Kind@Farm@@VHog@2@@@YAXXZ", "F<enum Farm::Kind,Farm::Hog>"),
        ("??$F@PEBD_K@@YAXXZ", "F<char const * __ptr64,unsigned __int64>"),
        ("?Work@?1??Outer@@YAXXZ@4HA", "`Outer'::`2'::Work"),
        ("?x@?A0x12345678@@YAXXZ", "`anonymous namespace'::x"),
        ("?Twice@1Farm@@QEAAXXZ", "?Twice@1Farm@@QEAAXXZ"),  # a back reference to nothing
        ("??$G@P6AXH@Z@@YAXXZ", "??$G@P6AXH@Z@@YAXXZ"),  # function types are left decorated
    ],
)
def test_a_name_is_printed_as_the_engine_prints_it(decorated: str, printed: str) -> None:
    assert undecorate(decorated) == printed


@given(st.text(alphabet="?$@AVPEHWX_0123456789Zab", max_size=60))
def test_any_text_gives_a_name(text: str) -> None:
    assert isinstance(undecorate("?" + text), str)


def test_deep_nesting_ends() -> None:
    assert undecorate("?" + "?$A@V" * 5000).startswith("??$A")
