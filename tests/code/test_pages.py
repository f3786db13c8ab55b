"""What is kept of pages of code from stack to stack."""

from __future__ import annotations

import pytest

from hogwalk.machine.x86 import pages
from hogwalk.machine.x86.blocks import Block
from hogwalk.machine.x86.callees import Blocks
from hogwalk.machine.x86.pages import KnownPages
from hogwalk.machine.x86.reader import CodeReader

PAGE, BASE = 0x1000, 0x401000
CODE = bytes.fromhex("83ec10 c3").ljust(PAGE, b"\xcc")  # sub esp,10h; ret


def blocks_of(code: bytes, base: int = BASE) -> Blocks:
    return Blocks(CodeReader(lambda address, count: code[address - base :][:count]))


def test_a_page_of_the_same_bytes_at_the_same_place_is_known() -> None:
    first = blocks_of(CODE)
    block, returned = first.at(BASE), first.first_return(BASE)
    again = blocks_of(CODE)
    assert again.at(BASE) is block
    assert again.first_return(BASE) == returned == (0, 4)


@pytest.mark.parametrize(
    ("code", "base"), [(CODE.replace(b"\xec\x10", b"\xec\x20"), BASE), (CODE, BASE + PAGE)], ids=["bytes", "place"]
)
def test_another_one_is_looked_at(code: bytes, base: int) -> None:
    known = blocks_of(CODE).at(BASE)
    other = blocks_of(code, base).at(base)
    assert other is not known
    assert (other.start, other.esp == known.esp) == (base, code == CODE)


def test_no_more_than_so_much_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_FACTS", 3)
    known = KnownPages()
    page = known.page(BASE, CODE)
    for at in range(5):
        known.keep(page.blocks, at, Block(at))
    assert list(page.blocks) == [0, 1, 2]
    assert known.page(BASE, CODE) is page
    known.page(BASE + PAGE, CODE)
    assert known.page(BASE, CODE) is not page, "all was forgotten when there was no room for one more"


def test_nor_more_than_so_many_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_PAGES", 2)
    known = KnownPages()
    found = [known.page(BASE + PAGE * number, CODE) for number in range(3)]
    assert known.page(BASE + 2 * PAGE, CODE) is found[2]
    assert known.page(BASE, CODE) is not found[0]
