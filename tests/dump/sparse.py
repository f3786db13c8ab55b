"""Dumps as big as a big machine's memory: nearly all of the file is a hole."""

from __future__ import annotations

import struct
from pathlib import Path

from tests.dump.machine64 import header64, memory64
from tests.dump.writers import BITMAP_KERNEL, FULL

FRAMES = 1 << 24  # 64 GB
_HEADER = 0x2000


def write_sparse(path: Path, kind: int) -> None:
    """A 64 GB x64 dump of that kind whose structures lie near the end of memory."""
    memory = memory64(first=FRAMES - 0x1000)
    header = bytearray(header64(memory, kind))
    start = _HEADER
    with path.open("wb") as file:
        if kind == FULL:
            struct.pack_into("<IIQQQ", header, 0x88, 1, 0, FRAMES, 0, FRAMES)
        else:
            start = _HEADER + 0x38 + FRAMES // 8
            start = (start + 0xFFF) & ~0xFFF
            file.seek(_HEADER)
            file.write(b"SDMPDUMP" + bytes(0x18) + struct.pack("<QQQ", start, FRAMES, FRAMES) + b"\xff" * (FRAMES // 8))
        file.seek(0)
        file.write(header)
        for frame, data in memory.frames.items():
            file.seek(start + frame * 0x1000)
            file.write(data)
        file.truncate(start + FRAMES * 0x1000)


KINDS = {"full": FULL, "bitmap": BITMAP_KERNEL}
