"""Each page of code, or each line of a page, is asked for once."""

from __future__ import annotations

from typing import List, Tuple

from hypothesis import given
from hypothesis import strategies as st

from hogwalk.errors import Unreadable
from hogwalk.machine.words import X64
from hogwalk.machine.x86.reader import MOST_PARTS, CodeReader

PAGE = 0x100
READABLE = {0x1000, 0x1100, 0x1300, 0xFFFFFF00}


class Memory:
    """Four readable pages whose bytes are told by their address, and a list of what was asked."""

    def __init__(self) -> None:
        self.asked: List[Tuple[int, int]] = []

    def read(self, address: int, count: int) -> bytes:
        self.asked.append((address, count))
        if address not in READABLE:
            raise Unreadable(address, count)
        return content(address, count)

    def lines(self, address: int, count: int) -> bytes:
        self.asked.append((address, count))
        if address - address % PAGE not in READABLE:
            raise Unreadable(address, count)
        return content(address, count)


def content(address: int, count: int) -> bytes:
    return bytes((a * 7 + (a >> 8)) & 0xFF for a in range(address, address + count))


def reader() -> Tuple[CodeReader, Memory]:
    memory = Memory()
    return CodeReader(memory.read, PAGE), memory


def test_across_pages_and_only_once() -> None:
    code, memory = reader()
    assert code.bytes_at(0x10F0, 0x20) == content(0x10F0, 0x20)
    assert code.bytes_at(0x1010, 0x1F0) == content(0x1010, 0x1F0)
    assert code.bytes_at(0x11FF, 2) is None
    assert code.bytes_at(0x1200, 1) is None
    assert memory.asked == [(0x1000, PAGE), (0x1100, PAGE), (0x1200, PAGE)]
    assert (code.pages_read, code.pages_unreadable) == (2, 1)


def test_lines_smaller_than_a_page_are_read_as_needed_and_one_failure_is_enough_for_a_page() -> None:
    memory = Memory()
    memory_of_lines = CodeReader(memory.lines, PAGE, line_bytes=0x40)
    assert memory_of_lines.bytes_at(0x1010, 0x10) == content(0x1010, 0x10)
    assert memory_of_lines.bytes_at(0x107E, 2) == content(0x107E, 2)
    assert memory_of_lines.bytes_at(0x1240, 1) is None
    assert memory_of_lines.bytes_at(0x1200, 0x80) is None
    assert memory_of_lines.readable_from(0x11F0, 0x40) == content(0x11F0, 0x10)
    assert memory.asked == [(0x1000, 0x40), (0x1040, 0x40), (0x1240, 0x40), (0x11C0, 0x40)]
    assert (memory_of_lines.pages_read, memory_of_lines.pages_unreadable) == (2, 1)


def test_code_read_in_one_direction_comes_in_longer_pieces() -> None:
    memory = Memory()
    ahead = CodeReader(memory.lines, 0x400, line_bytes=0x20)
    for address in range(0x1000, 0x1200, 4):
        assert ahead.bytes_at(address, 4) == content(address, 4)
    assert memory.asked[:4] == [
        (0x1000, 0x20),
        (0x1020, 0x20),
        (0x1020, 0x60),
        (0x1060, 0x80),
    ]  # from a line that is held
    memory.asked.clear()
    back = CodeReader(memory.lines, 0x400, line_bytes=0x20)
    for address in range(0x11FC, 0x1000, -4):
        assert back.bytes_at(address, 4) == content(address, 4)
    assert memory.asked[:4] == [(0x11E0, 0x20), (0x11C0, 0x20), (0x1180, 0x40), (0x1120, 0x60)]


def test_what_is_readable_around_a_hole() -> None:
    code, _ = reader()
    assert code.readable_from(0x11F8, 0x40) == content(0x11F8, 8)
    assert code.readable_before(0x1304, 8) == content(0x1300, 4)
    assert code.readable_before(0x1104, 8) == content(0x10FC, 8)
    assert code.readable_before(0x1100, 8) == content(0x10F8, 8)
    assert code.readable_before(0x1300, 8) == b""


def test_the_ends_of_the_address_space() -> None:
    code, memory = reader()
    assert code.readable_from(0xFFFFFFF8, 0x100) == content(0xFFFFFFF8, 8)
    assert code.bytes_at(0xFFFFFFFE, 4) is None
    assert code.readable_before(0, 8) == b""
    assert all(0 <= address < 1 << 32 for address, _ in memory.asked)


def test_of_a_page_that_is_there_in_part_that_part_is_read() -> None:
    there = set(range(0x1000, 0x1040)) | set(range(0x1058, 0x10A0))

    def read(address: int, count: int) -> bytes:
        if not there.issuperset(range(address, address + count)):
            raise Unreadable(address, count)
        return content(address, count)

    code = CodeReader(read, PAGE, words=X64)
    assert code.bytes_at(0x1010, 0x10) == content(0x1010, 0x10)
    assert code.bytes_at(0x1038, 0x10) is None
    assert code.readable_from(0x1038, 0x10) == content(0x1038, 8)
    assert code.readable_from(0x1090, 0x100) == content(0x1090, 0x10)
    assert code.readable_before(0x1060, 0x20) == content(0x1058, 8)
    assert code.word_at(0x1098) == int.from_bytes(content(0x1098, 8), "little")
    assert (code.pages_read, code.pages_unreadable) == (1, 0)
    assert code.holds(read)
    there.add(0x1040)
    assert not code.holds(read)


def test_a_page_that_is_not_there_is_asked_few_times() -> None:
    memory = Memory()
    code = CodeReader(memory.read, PAGE, words=X64)
    for address in range(0x1200, 0x1300):
        assert code.bytes_at(address, 1) is None
    assert len(memory.asked) == 1 + MOST_PARTS


def test_words() -> None:
    code, _ = reader()
    assert code.word_at(0x10FE) == int.from_bytes(content(0x10FE, 4), "little")
    assert code.word_at(0x11FE) is None


@given(st.lists(st.tuples(st.integers(0xF00, 0x1500), st.integers(1, 0x300)), max_size=20))
def test_never_asks_twice_and_never_invents(questions: List[Tuple[int, int]]) -> None:
    code, memory = reader()
    for address, count in questions:
        pages = {a - a % PAGE for a in range(address, address + count)}
        expected = content(address, count) if pages <= READABLE else None
        assert code.bytes_at(address, count) == expected
    assert len(memory.asked) == len(set(memory.asked))
