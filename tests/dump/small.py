"""Small kernel dumps (TRIAGE_DUMP32) of one machine: stack, thread, process, driver list, data blocks."""

from __future__ import annotations

import struct
from typing import Iterable, List, Tuple

from tests.dump.contents import PAGE, Contents

_AT = 0x1000
_HEADER_BYTES = 0x68
_VALID_FIELDS = 0x0FFF
_PRCB_BYTES, _PROCESS_BYTES, _THREAD_BYTES, _BLOCK_BYTES = 0xEE0, 0x278, 0x250, 0x340


class SmallFile:
    """The dump behind its header, growing."""

    def __init__(self, size: int) -> None:
        self.data = bytearray(size)

    def add(self, content: bytes) -> int:
        """Appends aligned to 8 bytes; the file offset."""
        self.data += bytes(-len(self.data) % 8)
        at = len(self.data)
        self.data += content
        return at


def triage32(contents: Contents, blocks: Iterable[int] = ()) -> bytes:
    """A small dump; `blocks` are the addresses of further pages to save as data blocks."""
    file = SmallFile(_AT + _HEADER_BYTES)
    thread = contents.thread
    prcb_at = file.add(contents.read(contents.prcb, _PRCB_BYTES))
    process_at = file.add(contents.read(contents.word(thread + 0x38), _PROCESS_BYTES))
    thread_at = file.add(contents.read(thread, _THREAD_BYTES))
    stack_at = file.add(contents.read(contents.limit, contents.base - contents.limit))
    drivers_at, pool_at, pool_bytes, count = _drivers(contents, file)
    block_at = file.add(contents.read(contents.debugger_block, _BLOCK_BYTES))
    table_at, saved = _data_blocks(contents, file, list(blocks))
    valid_at = file.add(b"TRGD")
    struct.pack_into(
        "<26I", file.data, _AT, 0, len(file.data), valid_at, 0x320, 0x7D0, 0, 0, prcb_at, process_at, thread_at,
        stack_at, contents.base - contents.limit, drivers_at, count, pool_at, pool_bytes, 0, 0, contents.limit,
        0, 0, 0, block_at, _BLOCK_BYTES, table_at, saved,
    )  # fmt: skip
    header = bytearray(contents.header)
    struct.pack_into("<II", header, 0xF88, 4, _VALID_FIELDS)
    struct.pack_into("<Q", header, 0xFA0, len(file.data))
    file.data[:PAGE] = header
    return bytes(file.data)


def _drivers(contents: Contents, file: SmallFile) -> Tuple[int, int, int, int]:
    """(driver list offset, string pool offset, string pool bytes, drivers)."""
    drivers = contents.drivers()
    width = 4 + len(drivers[0].entry)
    drivers_at = file.add(bytes(width * len(drivers)))
    pool_at = file.add(b"")
    for index, driver in enumerate(drivers):
        text = driver.file.encode("utf-16-le")
        name_at = file.add(struct.pack("<I", len(driver.file)) + text + b"\0\0")
        entry = struct.pack("<I", name_at) + driver.entry
        file.data[drivers_at + index * width : drivers_at + (index + 1) * width] = entry
    return drivers_at, pool_at, len(file.data) - pool_at, len(drivers)


def _data_blocks(contents: Contents, file: SmallFile, addresses: List[int]) -> Tuple[int, int]:
    """(offset of the TRIAGE_DATA_BLOCK array, entries)."""
    table_at = file.add(bytes(16 * len(addresses)))
    for index, address in enumerate(addresses):
        at = file.add(contents.pages[address])
        extended = address | (0xFFFFFFFF00000000 if address & 0x80000000 else 0)
        struct.pack_into("<QII", file.data, table_at + 16 * index, extended, at, PAGE)
    return table_at, len(addresses)
