"""A dump that is just enough for the engine to open: one empty kernel image and one stack."""

from __future__ import annotations

import struct
from pathlib import Path

from fixtures.build.kdump32 import write_dump
from fixtures.build.machine import Image, Machine, Region, Registers, Thread

KERNEL = 0x80800000
LIMIT, BASE = 0xB8AE6000, 0xB8AE9000
WORDS = tuple(range(0x1000, 0x1010))
_SIZE = 0x3000


def write_small_dump(path: Path) -> Path:
    """Write the dump; WORDS lie at LIMIT, the rest of the stack is zero."""
    stack = struct.pack(f"<{len(WORDS)}I", *WORDS).ljust(BASE - LIMIT, b"\0")
    kernel = Image("ntoskrnl.exe", KERNEL, _headers().ljust(_SIZE, b"\0"))
    # Without a code segment the engine takes addresses for 16-bit ones.
    context = Registers(eip=KERNEL + 0x1000, esp=LIMIT)
    write_dump(path, Machine((kernel,), Thread(LIMIT, BASE), (Region(LIMIT, stack),), context=context))
    return path


def _headers() -> bytes:
    """Return the headers of a PE32 image with one section of code."""
    dos = struct.pack("<2s58xI64x", b"MZ", 0x80)
    file = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x14C, 1, 0x4B000000, 0, 0, 0xE0, 0x2102)
    sizes = struct.pack("<HBB9I", 0x10B, 7, 0, 0x1000, 0, 0, 0x1000, 0x1000, 0x2000, KERNEL, 0x1000, 0x200)
    versions = struct.pack("<6H4I2H", 5, 2, 0, 0, 5, 2, 0, _SIZE, 0x400, 0, 1, 0)
    rest = struct.pack("<6I128x", 0x40000, 0x1000, 0x100000, 0x1000, 0, 16)
    code = struct.pack("<8s6I2HI", b".text", 0x1000, 0x1000, 0x1000, 0x400, 0, 0, 0, 0, 0x60000020)
    return dos + file + sizes + versions + rest + code
