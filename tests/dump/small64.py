"""Small x64 kernel dumps (TRIAGE_DUMP64) of the machine of machine64."""

from __future__ import annotations

import struct
from typing import Optional, Tuple

from tests.dump import machine64 as machine
from tests.dump.paging import FOUR, PAGE, Physical
from tests.dump.small import SmallFile

_AT, _HEADER_BYTES = 0x2000, 0x80
_THREAD_BYTES, _PROCESS_BYTES, _PRCB_BYTES, _BLOCK_BYTES = 0x498, 0x4D0, 0x4D00, 0x340
_LOADER_BYTES = 0x88


def _read(memory: Physical, address: int, count: int) -> bytes:
    """Virtual memory through the written tables, zeros where nothing is mapped."""
    found = b""
    while len(found) < count:
        at = address + len(found)
        step = min(count - len(found), PAGE - at % PAGE)
        frame = _frame(memory, at)
        found += bytes(memory.frames[frame][at % PAGE : at % PAGE + step]) if frame is not None else bytes(step)
    return found


def _frame(memory: Physical, address: int) -> Optional[int]:
    table: int = memory.root >> 12
    for shift, bits in FOUR[0]:
        slot = (address >> shift & ((1 << bits) - 1)) * 8
        entry: int = struct.unpack_from("<Q", memory.frames[table], slot)[0]
        if not entry:
            return None
        table = entry >> 12
        if entry & 0x80 and shift == 21:
            return table + (address >> 12 & 0x1FF)
    return table


def triage64(stride: int = 8 + _LOADER_BYTES) -> bytes:
    """The machine's small dump; `stride` is the bytes of a driver entry, more in newer Windows."""
    memory = machine.memory64()
    file = SmallFile(_AT + _HEADER_BYTES)
    prcb_at = file.add(_read(memory, machine.PRCB, _PRCB_BYTES))
    process_at = file.add(_read(memory, machine.POOL + 0x5000, _PROCESS_BYTES))
    thread_at = file.add(_read(memory, machine.CURRENT, _THREAD_BYTES))
    stack_at = file.add(machine.stack())
    drivers_at, pool_at, pool_bytes = _drivers(memory, file, stride)
    block_at = file.add(_read(memory, machine.KDBG, _BLOCK_BYTES))
    pages = [start + at for start in (machine.NT, machine.DRIVER) for at in range(0, 0x4000, PAGE)]
    table_at = file.add(bytes(16 * len(pages)))
    for index, page in enumerate(pages):
        struct.pack_into("<QII", file.data, table_at + 16 * index, page, file.add(_read(memory, page, PAGE)), PAGE)
    valid_at = file.add(b"TRGD")
    struct.pack_into(
        "<18IQ16xQ6I", file.data, _AT, 0, len(file.data), valid_at, 0x348, 0xF00, 0, 0, prcb_at, process_at, thread_at,
        stack_at, machine.BASE - machine.LIMIT, drivers_at, 2, pool_at, pool_bytes, 0, 0, machine.LIMIT,
        0, 0, 0, block_at, _BLOCK_BYTES, table_at, len(pages),
    )  # fmt: skip
    header = bytearray(machine.header64(memory, 4))
    struct.pack_into("<I", header, 0x1038, 0x0FFF)
    file.data[:_AT] = header
    return bytes(file.data)


def _drivers(memory: Physical, file: SmallFile, stride: int) -> Tuple[int, int, int]:
    """(driver list offset, string pool offset, string pool bytes)."""
    drivers_at = file.add(bytes(2 * stride))
    pool_at = file.add(b"")
    for index, (entry, name) in enumerate(((0x100, "ntoskrnl.exe"), (0x400, "tiny-64.sys"))):
        text = name.encode("utf-16-le")
        name_at = file.add(struct.pack("<I", len(text)) + text + b"\0\0")
        raw = struct.pack("<II", name_at, 0) + _read(memory, machine.POOL + entry, _LOADER_BYTES)
        file.data[drivers_at + index * stride : drivers_at + index * stride + len(raw)] = raw
    return drivers_at, pool_at, len(file.data) - pool_at
