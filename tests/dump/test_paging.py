"""Page tables of every shape: small and large pages, pages in transition, holes."""

from __future__ import annotations

from typing import Optional

import pytest

from hogwalk.errors import Unreadable
from hogwalk.targets.dump import paging as read
from hogwalk.targets.images.source import Memory
from tests.dump import paging as written

SHAPES = {
    "x86": (written.TWO, read.TWO, 0x80000000, 22),
    "x86 PAE": (written.PAE, read.PAE, 0xC0000000, 21),
    "x64": (written.FOUR, read.FOUR, 0xFFFFF80000000000, 21),
    "x64 LA57": (written.FIVE, read.FIVE, 0xFF11000000000000, 21),
}
LARGE, SMALL = 0x01400000, 0x00012000
TRANSITION, PROTOTYPE = 0x800, 0xC00


class Frames:
    """The file offset of each frame of a written memory."""

    ends_at: Optional[int] = None

    def __init__(self, memory: written.Physical) -> None:
        self._at = {frame: index * 0x1000 for index, frame in enumerate(sorted(memory.frames))}

    def offset(self, frame: int) -> Optional[int]:
        return self._at.get(frame)


def page(letter: str) -> bytes:
    return letter.encode("ascii") * 0x1000


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_translation(shape: str) -> None:
    writer, reader, start, _ = SHAPES[shape]
    memory = written.Physical(writer)
    for index, (letter, flags) in enumerate((("a", 0x63), ("b", TRANSITION), ("c", PROTOTYPE), ("d", 0))):
        memory.map(start + SMALL + index * 0x1000, memory.take(page(letter)), flags)
    memory.map_large(start + LARGE, [page("e"), page("f"), page("g")])
    target = read.PagedMemory(Memory(memory.data()), Frames(memory), memory.root, reader)
    assert target.read(start + SMALL + 0xFFE, 4) == b"aabb"
    assert target.read(start + LARGE + 0x1FFE, 4) == b"ffgg"
    for hole in (SMALL + 0x1FFF, SMALL + 0x2000, SMALL + 0x3000, SMALL - 1, LARGE + 0x3000, LARGE + 0x10000000):
        with pytest.raises(Unreadable):
            target.read(start + hole, 2)


@pytest.mark.parametrize("address", [-1, 0x800000000000, 0x7FFFFFFFFFFFFFFF, 1 << 64])
def test_addresses_that_no_x64_pointer_holds(address: int) -> None:
    memory = written.Physical(written.FOUR)
    target = read.PagedMemory(Memory(memory.data()), Frames(memory), memory.root, read.FOUR)
    with pytest.raises(Unreadable):
        target.read(address, 1)
