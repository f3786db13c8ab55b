"""An independent small reader of the lab's own dumps: virtual pages through the non-PAE page directory."""

from __future__ import annotations

import struct
from typing import Dict, Iterator, Tuple

PAGE = 0x1000
_SELF_MAP = 0x300
_THREADS = 3  # a minidump's thread list


def read_pages(dump: bytes) -> Dict[int, bytes]:
    """Every mapped page (4096 bytes) by virtual address (minidump: of the stack); raises ValueError on others."""
    if dump[:4] == b"MDMP":
        return _stack_pages(dump)
    if dump[:8] != b"PAGEDUMP":
        raise ValueError("not an x86 crash dump")
    frames = _frames(dump)
    directory = struct.unpack_from("<I", dump, 0x10)[0]
    pages: Dict[int, bytes] = {}
    for index, table in _entries(dump, frames[directory >> 12]):
        if index != _SELF_MAP:
            for low, frame in _entries(dump, frames[table]):
                at = frames[frame]
                pages[index << 22 | low << 12] = dump[at : at + PAGE]
    return pages


def _stack_pages(dump: bytes) -> Dict[int, bytes]:
    """The first thread's stack, its first page filled up with zeros at the low end."""
    count, directory = struct.unpack_from("<II", dump, 8)
    streams = {kind: at for kind, _, at in struct.iter_unpack("<III", dump[directory : directory + 12 * count])}
    start, size, at = struct.unpack_from("<QII", dump, streams[_THREADS] + 4 + 24)
    stack = bytes(start % PAGE) + dump[at : at + size]
    return {(start & -PAGE) + offset: stack[offset : offset + PAGE] for offset in range(0, len(stack), PAGE)}


def _frames(dump: bytes) -> Dict[int, int]:
    """File offset of every physical frame."""
    frames: Dict[int, int] = {}
    offset = PAGE
    for run in range(struct.unpack_from("<I", dump, 0x64)[0]):
        first, count = struct.unpack_from("<II", dump, 0x6C + 8 * run)
        for frame in range(first, first + count):
            frames[frame] = offset
            offset += PAGE
    return frames


def _entries(dump: bytes, at: int) -> Iterator[Tuple[int, int]]:
    """(index, frame) of the present entries of one directory or table."""
    for index, entry in enumerate(struct.unpack_from("<1024I", dump, at)):
        if entry & 1:
            yield index, entry >> 12
