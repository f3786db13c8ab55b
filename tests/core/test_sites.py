"""Call sites: which call ends before a return address, and which function it calls in the end."""

from __future__ import annotations

from typing import Optional, Tuple

from hogwalk.errors import Unreadable
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.walk.facts.modules import ModuleMap
from hogwalk.walk.facts.sites import CallSites, Site, SiteKind
from tests.drawn import Code, DrawnTarget

FAR = 0xB9580000


def sites(*modules: Code) -> CallSites:
    target = DrawnTarget()
    target.load(*modules)
    reader = CodeReader(target.read)
    return CallSites(ModuleMap(target.modules(), reader), reader)


def two() -> Tuple[Code, Code]:
    return Code("nt", 0x80800000), Code("hog", FAR)


def seen(site: Site) -> Tuple[SiteKind, Optional[int]]:
    return site.kind, site.target


def test_a_direct_call_names_its_target() -> None:
    nt, hog = two()
    function = nt.function(0x1800)
    back = nt.call(0x1100, function)
    assert seen(sites(nt, hog).at(back)) == (SiteKind.CALL, function)


def test_a_thunk_is_followed_to_the_function() -> None:
    nt, hog = two()
    function = nt.function(0x1800)
    thunk = nt.jump(0x1400, function)
    back = nt.call(0x1100, thunk)
    assert seen(sites(nt, hog).at(back)) == (SiteKind.CALL, function)


def test_a_thunk_of_a_thunk_is_followed_and_a_loop_ends() -> None:
    nt, hog = two()
    function = nt.function(0x1800)
    nt.jump(0x1400, nt.jump(0x1500, function))
    nt.jump(0x1600, nt.start + 0x1600)
    found = sites(nt, hog)
    assert found.blocks.through_thunks(nt.start + 0x1400) == function
    assert found.blocks.through_thunks(nt.start + 0x1600) == nt.start + 0x1600


def test_an_import_thunk_is_followed_into_the_other_module() -> None:
    nt, hog = two()
    function = hog.function(0x1800)
    thunk = nt.jump_through(0x1400, nt.pointer(3, function))
    back = nt.call(0x1100, thunk)
    assert seen(sites(nt, hog).at(back)) == (SiteKind.CALL, function)


def test_a_call_through_an_import_pointer_names_the_function_behind_it() -> None:
    nt, hog = two()
    function = hog.function(0x1800)
    back = nt.call_through(0x1100, nt.pointer(3, function))
    assert seen(sites(nt, hog).at(back)) == (SiteKind.CALL, function)


def test_a_pointer_to_no_code_leaves_the_target_open() -> None:
    nt, hog = two()
    pointers = nt.pointer(0, 0), nt.pointer(1, nt.pointer(2, 0)), 0x12340000
    for number, pointer in enumerate(pointers):
        back = nt.call_through(0x1100 + 16 * number, pointer)
        assert seen(sites(nt, hog).at(back)) == (SiteKind.CALL, None)


def test_a_call_of_a_register_leaves_the_target_open() -> None:
    nt, hog = two()
    back = nt.call_register(0x1100)
    assert seen(sites(nt, hog).at(back)) == (SiteKind.CALL, None)


def test_five_bytes_that_would_call_into_nowhere_are_no_call() -> None:
    nt, hog = two()
    back = nt.call(0x1100, 0xA0000000)
    assert seen(sites(nt, hog).at(back)) == (SiteKind.PLAIN, None)


def test_code_without_a_call_before_it_is_plain() -> None:
    nt, hog = two()
    back = nt.call(0x1100, nt.function(0x1800))
    assert seen(sites(nt, hog).at(back + 1)) == (SiteKind.PLAIN, None)
    assert seen(sites(nt, hog).at(back - 1)) == (SiteKind.PLAIN, None)


def test_headers_and_data_are_not_code() -> None:
    nt, hog = two()
    found = sites(nt, hog)
    for address in (nt.start, nt.start + 0xFFF, nt.pointer(0, 0), nt.start - 1, nt.start + nt.size, 0):
        assert found.at(address).kind is SiteKind.OUTSIDE


def test_unreadable_code_is_told_from_code_without_a_call() -> None:
    nt, hog = two()
    target = DrawnTarget()
    target.load(nt, hog)
    target.forget(FAR, FAR + 0x4000)
    reader = CodeReader(target.read)
    found = CallSites(ModuleMap(target.modules(), reader), reader)
    assert found.at(FAR + 0x1100).kind is SiteKind.UNREAD
    assert found.at(FAR).kind is SiteKind.UNREAD  # without headers any of the module's bytes may be code


def test_a_return_address_at_the_start_of_a_page_needs_the_page_before() -> None:
    nt, hog = two()
    back = nt.call(0x2000, nt.function(0x1800))
    target = DrawnTarget()
    target.load(nt, hog)
    target.forget(nt.start + 0x1000, nt.start + 0x2000)
    reader = CodeReader(target.read)
    assert CallSites(ModuleMap(target.modules(), reader), reader).at(back).kind is SiteKind.UNREAD
    assert sites(nt, hog).at(back).kind is SiteKind.CALL


def test_each_page_of_code_is_read_once() -> None:
    nt, hog = two()
    function = nt.function(0x1800)
    backs = [nt.call(0x1100 + 16 * number, function) for number in range(40)]
    target = DrawnTarget()
    target.load(nt, hog)
    reader = CodeReader(target.read)
    found = CallSites(ModuleMap(target.modules(), reader), reader)
    for back in backs * 3:
        assert found.at(back).target == function
    assert sorted(target.reads) == [(nt.start, 0x1000), (nt.start + 0x1000, 0x1000)]


def test_code_that_begins_a_byte_late_is_unread_not_proof_that_no_call_is_there() -> None:
    """As `ub ADDRESS L1` prints it in a log: `adc eax,0B9596090h` for the last five bytes of `call [b9596090]`."""
    nt, hog = two()
    back = nt.start + 0x1106
    late = dict(enumerate(bytes.fromhex("15906059b9"), back - 5))
    target = DrawnTarget()
    target.load(nt, hog)

    def read(address: int, count: int) -> bytes:
        if any(at not in late for at in range(address, address + count)):
            raise Unreadable(address, count)
        return bytes(late[at] for at in range(address, address + count))

    reader = CodeReader(read, page_bytes=1)  # a text holds code by the byte
    assert CallSites(ModuleMap(target.modules(), reader), reader).at(back).kind is SiteKind.UNREAD
