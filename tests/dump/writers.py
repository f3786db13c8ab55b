"""Kernel dump files of one machine: full, bitmap, summary; 32- and 64-bit headers."""

from __future__ import annotations

import struct
from typing import Dict

from tests.dump.contents import Contents
from tests.dump.paging import PAE, TWO, Physical, mapped

FULL, SUMMARY, BITMAP_FULL, BITMAP_KERNEL = 1, 2, 5, 6
_HEADER_32, _HEADER_64 = 0x1000, 0x2000


def bitmap_body(memory: Physical, at: int, signature: bytes = b"FDMP") -> bytes:
    """A BITMAP_DUMP that starts at file offset `at`, and the pages behind it."""
    bits = _bits(memory)
    start = (at + 0x38 + len(bits) + 0xFFF) & ~0xFFF
    head = signature + b"DUMP" + bytes(0x18)
    head += struct.pack("<QQQ", start, len(memory.frames), 8 * len(bits)) + bits
    return head.ljust(start - at, b"\0") + memory.data()


def summary_body(memory: Physical, at: int, wide: bool) -> bytes:
    """A SUMMARY_DUMP32 or 64 that starts at file offset `at`, and the pages behind it."""
    bits = _bits(memory)
    lead = 0x28 if wide else 0x20
    start = (at + lead + len(bits) + 0xFFF) & ~0xFFF
    head = b"SDMPDUMP" + struct.pack("<5I", 1, start, 8 * len(bits), len(memory.frames), 8 * len(bits))
    return (head.ljust(lead, b"\0") + bits).ljust(start - at, b"\0") + memory.data()


def _bits(memory: Physical) -> bytes:
    """One bit per frame from 0 on, set where the dump holds the frame."""
    bits = bytearray((max(memory.frames) + 32) // 32 * 4)
    for frame in memory.frames:
        bits[frame >> 3] |= 1 << (frame & 7)
    return bytes(bits)


def header32(contents: Contents, memory: Physical, kind: int, pae: bool) -> bytes:
    """The machine's header for other page tables and another kind of dump."""
    header = bytearray(contents.header)
    struct.pack_into("<I", header, 0x10, memory.root)
    header[0x5C] = pae
    runs = memory.runs()
    struct.pack_into("<II", header, 0x64, len(runs), len(memory.frames))
    for index, run in enumerate(runs):
        struct.pack_into("<II", header, 0x6C + 8 * index, *run)
    struct.pack_into("<I", header, 0xF88, kind)
    return bytes(header)


def kernel32(contents: Contents, kind: int, pae: bool = False) -> bytes:
    """The x86 machine as a dump of pages of that kind."""
    pages = with_pae_flag(contents) if pae else contents.pages
    memory = mapped(pages, PAE if pae else TWO)
    header = header32(contents, memory, kind, pae)
    if kind == FULL:
        return header + memory.data()
    if kind == SUMMARY:
        return header + summary_body(memory, _HEADER_32, wide=False)
    return header + bitmap_body(memory, _HEADER_32, b"FDMP" if kind == BITMAP_FULL else b"SDMP")


def with_pae_flag(contents: Contents) -> Dict[int, bytes]:
    """The pages, with the debugger data block saying that PAE is on."""
    at = contents.debugger_block + 0x36
    page = bytearray(contents.pages[at & ~0xFFF])
    page[at & 0xFFF] |= 1
    return {**contents.pages, at & ~0xFFF: bytes(page)}
