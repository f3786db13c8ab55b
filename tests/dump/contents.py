"""The StackHog machine taken apart: its dump header, every virtual page, and where its structures lie.

Read from the committed full dump by plain unpacking; the other writers put the very same machine into other files.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Tuple

STACKHOG = Path(__file__).parents[2] / "fixtures" / "stackhog"
PAGE = 0x1000


@dataclass(frozen=True)
class Driver:
    """A loaded module: its file name, where it lies, and its loader entry (0x48 bytes from InLoadOrderLinks on)."""

    file: str
    start: int
    size: int
    timestamp: int
    entry: bytes


@dataclass(frozen=True)
class Contents:
    """A machine in memory; addresses are virtual, `limit` and `base` bound the crashing thread's stack."""

    header: bytes
    pages: Dict[int, bytes] = field(repr=False)
    limit: int = 0xB8AE6000
    base: int = 0xB8AE9000

    def read(self, address: int, count: int) -> bytes:
        """Bytes across pages; raises KeyError where a page is missing."""
        found = b""
        while len(found) < count:
            at = address + len(found)
            found += self.pages[at & ~0xFFF][at & 0xFFF : (at & 0xFFF) + count - len(found)]
        return found

    def word(self, address: int) -> int:
        """The 32-bit word at an address."""
        value: int = struct.unpack("<I", self.read(address, 4))[0]
        return value

    @property
    def debugger_block(self) -> int:
        """Address of the debugger data block."""
        value: int = struct.unpack_from("<I", self.header, 0x60)[0]
        return value

    @property
    def prcb(self) -> int:
        """Address of the first processor's block."""
        return self.word(self.word(self.debugger_block + 0x218))

    @property
    def thread(self) -> int:
        """Address of the current thread."""
        return self.word(self.prcb + 4)

    def drivers(self) -> List[Driver]:
        """The loaded modules in list order."""
        head = struct.unpack_from("<I", self.header, 0x18)[0]
        found: List[Driver] = []
        at = self.word(head)
        while at != head:
            size, text = self.word(at + 0x2C) & 0xFFFF, self.word(at + 0x30)
            name = self.read(text, size).decode("utf-16-le")
            entry = self.read(at, 0x48)
            found.append(Driver(name, self.word(at + 0x18), self.word(at + 0x20), self.word(at + 0x44), entry))
            at = self.word(at)
        return found


def stackhog() -> Contents:
    """The committed StackHog dump, taken apart."""
    data = (STACKHOG / "memory.dmp").read_bytes()
    runs = struct.unpack_from("<I", data, 0x64)[0]
    frames: Dict[int, int] = {}
    for index in range(runs):
        first, count = struct.unpack_from("<II", data, 0x6C + 8 * index)
        for frame in range(first, first + count):
            frames[frame] = PAGE * (1 + len(frames))
    return Contents(data[:PAGE], dict(_pages(data, frames, struct.unpack_from("<I", data, 0x10)[0])))


def _pages(data: bytes, frames: Dict[int, int], directory: int) -> List[Tuple[int, bytes]]:
    """Every mapped virtual page but the page tables' own window."""
    found: List[Tuple[int, bytes]] = []
    for high in range(1024):
        entry = struct.unpack_from("<I", data, frames[directory >> 12] + 4 * high)[0]
        if not entry & 1 or high == 0x300:
            continue
        for low in range(1024):
            page = struct.unpack_from("<I", data, frames[entry >> 12] + 4 * low)[0]
            if page & 1:
                at = frames[page >> 12]
                found.append((high << 22 | low << 12, data[at : at + PAGE]))
    return found
