"""The StackHog machine at other moments: on a second processor, at other bug checks, waiting, healthy."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Dict, Tuple

from tests.dump.contents import PAGE, Contents
from tests.dump.writers import FULL, kernel32

PCR, GDT, TSS = 0xFFDFF000, 0x8003F000, 0x80042000
SECOND_PCR, SECOND_GDT, SECOND_TSS, OTHER_THREAD, OTHER_STACK = (
    0xF772F000,
    0xF7731000,
    0xF7732000,
    0x8A100C00,
    0xBA300000,
)
PRCB, CONTEXT_IN_PRCB, CONTEXT_BYTES = 0x120, 0x1C, 0x2CC
HEADER_CONTEXT, HEADER_PROCESSORS, HEADER_CODE = 0x320, 0x24, 0x28
CONTEXT_EBP, CONTEXT_EIP, CONTEXT_CS, CONTEXT_ESP = 0xB4, 0xB8, 0xBC, 0xC4
MANUAL = 0xE2


class Edited:
    """A machine whose pages and header can be written."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self.pages: Dict[int, bytearray] = {at: bytearray(page) for at, page in contents.pages.items()}
        self.header = bytearray(contents.header)

    def copy_page(self, source: int, place: int) -> None:
        """Makes a new page like one there is."""
        self.pages[place & ~0xFFF] = bytearray(self.pages[source & ~0xFFF])

    def put(self, address: int, data: bytes) -> None:
        """Writes bytes, to new pages where there are none."""
        for at, byte in enumerate(data, address):
            self.pages.setdefault(at & ~0xFFF, bytearray(PAGE))[at & 0xFFF] = byte

    def words(self, address: int, *words: int) -> None:
        """Writes 32-bit words."""
        self.put(address, struct.pack(f"<{len(words)}I", *words))

    def bug_check(self, code: int, *arguments: int) -> None:
        """Sets the dump's bug check."""
        struct.pack_into("<5I", self.header, HEADER_CODE, code, *(*arguments, 0, 0, 0, 0)[:4])

    def context(self, ip: int, sp: int, bp: int) -> bytes:
        """The header's context with other registers."""
        record = bytearray(self.header[HEADER_CONTEXT : HEADER_CONTEXT + CONTEXT_BYTES])
        struct.pack_into("<I", record, 0, 0x10017)
        struct.pack_into("<6I", record, CONTEXT_EBP, bp, ip, 8, 0x10246, sp, 0x10)
        return bytes(record)

    def stopped_at(self, ip: int, sp: int, bp: int) -> None:
        """Sets the header's context and the first processor's saved one."""
        record = self.context(ip, sp, bp)
        self.header[HEADER_CONTEXT : HEADER_CONTEXT + CONTEXT_BYTES] = record
        self.put(PCR + PRCB + CONTEXT_IN_PRCB, record)

    def data(self) -> bytes:
        """The full dump."""
        pages = {at: bytes(page) for at, page in self.pages.items()}
        return kernel32(replace(self._contents, header=bytes(self.header), pages=pages), FULL)


def second_processor(contents: Contents) -> bytes:
    """The double fault happened on processor 1; the dump's context is processor 0's, which runs another thread."""
    made = Edited(contents)
    for source, place in ((PCR, SECOND_PCR), (GDT, SECOND_GDT), (TSS, SECOND_TSS)):
        made.copy_page(source, place)
    made.words(SECOND_PCR + 0x1C, SECOND_PCR, SECOND_PCR + PRCB)
    made.words(SECOND_PCR + 0x3C, SECOND_GDT, SECOND_TSS + 0x200)  # KiTrap08 sets _KPCR.TSS to its own task's
    made.put(SECOND_PCR + PRCB + 0x10, b"\x01")  # _KPRCB.Number
    made.put(SECOND_GDT + 0x28, _descriptor(SECOND_TSS, 0x20AB, 0x8B))
    made.put(SECOND_GDT + 0x30, _descriptor(SECOND_PCR, 1, 0x93))
    context = made.context(0x8088B7BD, 0xF7733000, 0)
    made.put(SECOND_PCR + PRCB + CONTEXT_IN_PRCB, context)
    made.put(0xF7733000 - 0x10, bytes(0x20))
    made.put(TSS, bytes(0x68))
    made.words(contents.word(contents.debugger_block + 0x218) + 4, SECOND_PCR + PRCB)
    struct.pack_into("<I", made.header, HEADER_PROCESSORS, 2)
    made.bug_check(0x7F, 8, SECOND_TSS)
    # Processor 0 runs a thread of its own on an empty stack.
    thread = contents.read(contents.thread, 0x250)
    made.put(OTHER_THREAD, thread)
    made.words(OTHER_THREAD + 0x18, OTHER_STACK + 0x3000, OTHER_STACK)
    made.words(OTHER_THREAD + 0x158, OTHER_STACK + 0x3000)
    made.put(OTHER_STACK, bytes(0x3000))
    made.words(PCR + 4, OTHER_STACK + 0x3000 - 0x210, OTHER_STACK)
    made.words(PCR + PRCB + 4, OTHER_THREAD)
    made.stopped_at(0x8081DF65, OTHER_STACK + 0x2000, 0)
    return made.data()


def trapped(contents: Contents, code: int, arguments: Tuple[int, ...], sp: int) -> bytes:
    """Another bug check; the dump's own context stands at `sp` in nt, as KeBugCheckEx leaves it."""
    made = Edited(contents)
    made.bug_check(code, *arguments)
    made.stopped_at(0x8088B7BD, sp, sp + 0x20)
    return made.data()


def waiting(contents: Contents, kernel_stack: int) -> bytes:
    """A dump taken by hand while the thread waits, and the processor runs on another stack."""
    made = Edited(contents)
    made.bug_check(MANUAL)
    made.stopped_at(0x8088B7BD, 0x80550000, 0)
    made.put(contents.thread + 0x4C, b"\x05")
    made.words(contents.thread + 0x20, kernel_stack)
    made.words(PCR + PRCB + 4, OTHER_THREAD)
    made.put(OTHER_THREAD, contents.read(contents.thread, 0x250))
    made.words(OTHER_THREAD + 0x18, OTHER_STACK + 0x3000, OTHER_STACK)
    made.words(OTHER_THREAD + 0x158, OTHER_STACK + 0x3000)
    made.put(OTHER_STACK, bytes(0x3000))
    return made.data()


def _descriptor(base: int, limit: int, access: int) -> bytes:
    return struct.pack("<HHBBBB", limit & 0xFFFF, base & 0xFFFF, base >> 16 & 0xFF, access, 0xC0, base >> 24)
