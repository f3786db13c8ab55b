"""The lab's x64 machine as a small kernel dump (TRIAGE_DUMP64): stack, thread, lists of drivers, data blocks; no code.

The fields are those of the dumps that Windows 10 writes, checked against a public one.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Sequence, Tuple

from tests.dump.paging import PAGE
from tests.dump.small import SmallFile
from tests.lab64.dump import DATA, KDBG, PRCB, PROCESS, THREAD, Loaded, Machine, Memory, header, virtual_memory

AT, HEADER_BYTES = 0x2000, 0x80
LOADER_BYTES, UNLOADED_BYTES = 0x88, 56
SMALL = 4


def write_small(path: Path, machine: Machine) -> None:
    """Writes a small dump: the stack as far as it is live, and the page with the double fault's trap frame."""
    virtual, stack = virtual_memory(machine), machine.stack
    file = SmallFile(AT + HEADER_BYTES)
    unloaded_at = file.add(_unloaded(machine.unloaded))
    prcb_at = file.add(virtual.read(PRCB, 0x4D00))
    process_at = file.add(virtual.read(PROCESS, 0x4D0))
    thread_at = file.add(virtual.read(THREAD, 0x498))
    stack_at = file.add(virtual.read(stack.limit, stack.base - stack.limit))
    drivers_at, pool_at, pool_bytes = _drivers(virtual, file, machine.modules)
    block_at = file.add(virtual.read(KDBG, 0x340))
    pages = [at for at, _ in _known(virtual) if stack.ist - 0x1000 <= at < stack.ist]
    table_at = file.add(bytes(16 * len(pages)))
    for index, page in enumerate(pages):
        struct.pack_into("<QII", file.data, table_at + 16 * index, page, file.add(virtual.read(page, PAGE)), PAGE)
    valid_at = file.add(b"TRGD")
    struct.pack_into(
        "<18IQ16xQ6I", file.data, AT, 0, len(file.data), valid_at, 0x348, 0xF00, 0, unloaded_at, prcb_at, process_at,
        thread_at, stack_at, stack.base - stack.limit, drivers_at, len(machine.modules), pool_at, pool_bytes, 0, 0,
        stack.limit, 0, 0, 0, block_at, 0x340, table_at, len(pages),
    )  # fmt: skip
    head = bytearray(header(0, [1], machine.crash, machine.check))
    struct.pack_into("<I", head, 0xF98, SMALL)
    struct.pack_into("<Q", head, 0xFA0, len(file.data))
    struct.pack_into("<I", head, 0x1038, 0x0FFF)
    file.data[:AT] = head
    path.write_bytes(bytes(file.data))


def _known(virtual: Memory) -> Sequence[Tuple[int, bytearray]]:
    return sorted(virtual.pages.items())


def _unloaded(modules: Sequence[Loaded]) -> bytes:
    rows = [struct.pack("<Q", len(modules))]
    for module in modules:
        name = module.file.encode("utf-16le")[:22]
        rows.append(struct.pack("<HHIQ24sQQ", len(name), len(name), 0, 0, name, module.base, module.base + module.size))
    return b"".join(rows)


def _drivers(virtual: Memory, file: SmallFile, modules: Sequence[Loaded]) -> Tuple[int, int, int]:
    """(driver list offset, string pool offset, string pool bytes)."""
    stride = 8 + LOADER_BYTES
    drivers_at = file.add(bytes(stride * len(modules)))
    pool_at = file.add(b"")
    for index, module in enumerate(modules):
        text = module.file.encode("utf-16-le")
        name_at = file.add(struct.pack("<I", len(text) // 2) + text + b"\0\0")
        raw = struct.pack("<II", name_at, 0) + virtual.read(DATA + 0x10000 + 0x200 * index, LOADER_BYTES)
        file.data[drivers_at + index * stride : drivers_at + index * stride + len(raw)] = raw
    return drivers_at, pool_at, len(file.data) - pool_at
