"""A full x86 dump made over for a machine with PAE: page tables of three levels with entries of 8 bytes."""

from __future__ import annotations

import struct
from typing import Dict

from tests.kd.machine import Machine
from tests.kd.memory import PAGE

FIRST_FRAME, DIRECTORY = 0x100, 0x100 * PAGE + 0x20  # a PDPT is aligned to 32 bytes, not to a page
PRESENT, KERNEL_PAGE, CR4_PAE = 1, 0x63, 0x20
DIRECTORY_AT, PAE_AT, RUNS_AT = 0x10, 0x5C, 0x64  # DUMP_HEADER
BLOCK_PAE, SPECIAL, CR3, CR4 = 0x36, 0x1C + 0x2CC, 8, 12  # KDBG; KPRCB; KSPECIAL_REGISTERS
THREAD_PROCESS, PROCESS_DIRECTORY = 0x38, 0x18  # _KTHREAD.ApcState.Process, _KPROCESS.DirectoryTableBase


class _Tables:
    """Page frames being filled."""

    def __init__(self) -> None:
        self.frames: Dict[int, bytearray] = {FIRST_FRAME: bytearray(PAGE)}

    def add(self, content: bytes) -> int:
        number = FIRST_FRAME + len(self.frames)
        self.frames[number] = bytearray(content)
        return number

    def put(self, slot: int, value: int) -> None:
        struct.pack_into("<Q", self.frames[slot // PAGE], slot % PAGE, value)

    def table(self, slot: int, flags: int) -> int:
        """The table that an entry names, made first where there is none."""
        (value,) = struct.unpack_from("<Q", self.frames[slot // PAGE], slot % PAGE)
        if not value:
            value = self.add(bytes(PAGE)) * PAGE | flags
            self.put(slot, value)
        return int(value) & -PAGE

    def map(self, page: int, content: bytes) -> None:
        table = self.table(DIRECTORY + (page >> 30) * 8, PRESENT)
        table = self.table(table + (page >> 21 & 511) * 8, KERNEL_PAGE)
        self.put(table + (page >> 12 & 511) * 8, self.add(content) * PAGE | KERNEL_PAGE)


def with_pae(dump: bytes) -> bytes:
    """The same machine with PAE; its header, data block, registers and process say so."""
    machine = Machine(dump)
    pages = machine.memory.pages()
    _say_so(machine, pages)
    tables = _Tables()
    for page in sorted(pages):
        tables.map(page, pages[page])
    header = bytearray(dump[:PAGE])
    struct.pack_into("<I", header, DIRECTORY_AT, DIRECTORY)
    header[PAE_AT] = 1
    struct.pack_into("<IIII", header, RUNS_AT, 1, len(tables.frames), FIRST_FRAME, len(tables.frames))
    return bytes(header) + b"".join(bytes(tables.frames[number]) for number in sorted(tables.frames))


def _say_so(machine: Machine, pages: Dict[int, bytes]) -> None:
    def put(address: int, form: str, value: int) -> None:
        page = bytearray(pages[address & -PAGE])
        struct.pack_into(form, page, address % PAGE, value)
        pages[address & -PAGE] = bytes(page)

    special = machine.prcbs[0] + SPECIAL
    put(special + CR3, "<I", DIRECTORY)
    put(special + CR4, "<I", 0x6D8 | CR4_PAE)
    put(machine.data_block + BLOCK_PAE, "<H", 1)
    put(machine.word(machine.thread(0) + THREAD_PROCESS) + PROCESS_DIRECTORY, "<I", DIRECTORY)
