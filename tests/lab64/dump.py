"""The lab's x64 machine as a full kernel dump (PAGEDU64, four levels) that the real engine opens as Windows 7 7601.

The offsets are those of Windows 7 SP1's public symbols, of wdbgexts.h (KDDEBUGGER_DATA64) and of the dump's header.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple, Sequence, Tuple

from tests.dump.paging import FIVE, FOUR, PAGE, mapped
from tests.dump.writers import BITMAP_KERNEL, bitmap_body

MASK = (1 << 64) - 1
TABLES, DATA = 0xFFFFF80001A00000, 0xFFFFFA8001000000  # loaded modules, KDBG, KPRCB; thread, process, loader entries
MODULES, PROCESSES, KDBG, PROCESSORS, PRCB = (TABLES + at for at in (0, 0x10, 0x100, 0x800, 0x1000))
GDT, TSS, IDT, UNLOADED = (TABLES + at for at in (0x8000, 0x8200, 0x9000, 0xA000))
SHADOW, SHADOW_BYTES = 0xFFFFFA8004000000, 0x2000  # the shadow stack between its guard pages
PROCESS, THREAD = DATA + 0x5000, DATA + 0x9000
_REGISTERS = (
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip",
)  # fmt: skip
_CONTEXT = {name: 0x78 + 8 * at for at, name in enumerate(_REGISTERS)}
CONTEXT_BYTES = 0x4D0


class Loaded(NamedTuple):
    """One module of the list."""

    name: str
    file: str
    base: int
    size: int
    timestamp: int
    checksum: int


class Stack(NamedTuple):
    """The thread's current segment, and the top of the double fault's stack."""

    limit: int
    base: int
    initial: int
    ist: int
    shadow: bool = False


def context(registers: Mapping[str, int]) -> bytes:
    """A CONTEXT of AMD64 with these registers."""
    raw = bytearray(CONTEXT_BYTES)
    struct.pack_into("<II6H", raw, 0x30, 0x10001F, 0x1F80, 0x10, 0x2B, 0x2B, 0x53, 0x2B, 0x18)
    struct.pack_into("<I", raw, 0x44, 0x10246 if registers else 0)
    for name, value in registers.items():
        if name in _CONTEXT:
            struct.pack_into("<Q", raw, _CONTEXT[name], value & MASK)
    return bytes(raw)


class Memory:
    """Virtual pages being filled."""

    def __init__(self) -> None:
        self.pages: Dict[int, bytearray] = {}

    def put(self, address: int, data: bytes) -> None:
        """Stores bytes."""
        at = 0
        while at < len(data):
            page = self.pages.setdefault((address + at) & ~(PAGE - 1), bytearray(PAGE))
            offset = (address + at) & (PAGE - 1)
            count = min(PAGE - offset, len(data) - at)
            page[offset : offset + count] = data[at : at + count]
            at += count

    def read(self, address: int, count: int) -> bytes:
        """Bytes, zeros where nothing was stored."""
        found = bytearray()
        while len(found) < count:
            at = address + len(found)
            step = min(count - len(found), PAGE - at % PAGE)
            page = self.pages.get(at & ~(PAGE - 1), bytes(PAGE))
            found += page[at % PAGE : at % PAGE + step]
        return bytes(found)

    def words(self, address: int, *values: int) -> None:
        """Stores words."""
        self.put(address, struct.pack(f"<{len(values)}Q", *(value & MASK for value in values)))

    def contents(self) -> Dict[int, bytes]:
        """All pages by address."""
        return {at: bytes(page) for at, page in self.pages.items()}

    def ring(self, *entries: int) -> None:
        """Links list heads to a ring."""
        for at, entry in enumerate(entries):
            self.words(entry, entries[(at + 1) % len(entries)], entries[at - 1])


class Machine(NamedTuple):
    """All that a dump is made of: `modules` nt first, `unloaded` those that are gone, `memory` with the images.

    `crash` is a CONTEXT, `check` the bug check's code and its four arguments.
    """

    modules: Sequence[Loaded]
    unloaded: Sequence[Loaded]
    memory: Sequence[Tuple[int, bytes]]
    stack: Stack
    crash: bytes
    check: Tuple[int, ...]


def virtual_memory(machine: Machine) -> Memory:
    """Every page of the machine."""
    virtual = Memory()
    for address, data in machine.memory:
        virtual.put(address, data)
    _loader(virtual, machine.modules)
    _unloaded(virtual, machine.unloaded)
    _thread(virtual, machine.stack)
    _processor(virtual, machine.stack, machine.crash)
    _debugger(virtual, machine.modules[0].base)
    return virtual


def write_dump(path: Path, machine: Machine) -> None:
    """Writes a full dump."""
    memory = mapped(virtual_memory(machine).contents(), FOUR)
    path.write_bytes(header(memory.root, sorted(memory.frames), machine.crash, machine.check) + memory.data())


def write_bitmap(path: Path, machine: Machine, five: bool) -> None:
    """Writes a bitmap dump of kernel memory, as Windows 8 and later do, with four or five levels of page tables."""
    memory = mapped(virtual_memory(machine).contents(), FIVE if five else FOUR)
    head = bytearray(header(memory.root, [], machine.crash, machine.check))
    struct.pack_into("<I", head, 0xF98, BITMAP_KERNEL)
    path.write_bytes(bytes(head) + bitmap_body(memory, len(head), b"SDMP"))


def _unloaded(virtual: Memory, modules: Sequence[Loaded]) -> None:
    virtual.words(UNLOADED, UNLOADED + 0x10, len(modules))
    for at, module in enumerate(modules):
        entry, name = UNLOADED + 0x10 + 0x28 * at, module.file.encode("utf-16le")
        name_at = UNLOADED + 0x800 + 0x40 * at
        virtual.put(entry, struct.pack("<HHIQ", len(name), len(name) + 2, 0, name_at))
        virtual.words(entry + 0x10, module.base, module.base + module.size, 0)
        virtual.put(name_at, name)


def _loader(virtual: Memory, modules: Sequence[Loaded]) -> None:
    entries = [DATA + 0x10000 + 0x200 * at for at in range(len(modules))]
    virtual.ring(MODULES, *entries)
    for entry, module in zip(entries, modules):
        folder = "\\SystemRoot\\system32\\" + ("" if module.name == "nt" else "drivers\\")
        full, short = (folder + module.file).encode("utf-16le"), module.file.encode("utf-16le")
        virtual.words(entry + 0x30, module.base, module.base + 0x1000)
        virtual.put(entry + 0x40, struct.pack("<I", module.size))
        virtual.put(entry + 0x48, struct.pack("<HHIQ", len(full), len(full) + 2, 0, entry + 0xB0))
        name_at = entry + 0xB0 + len(full) - len(short)
        virtual.put(entry + 0x58, struct.pack("<HHIQ", len(short), len(short) + 2, 0, name_at))
        virtual.put(entry + 0xB0, full + b"\0\0")
        virtual.put(entry + 0x68, struct.pack("<IHHI", 0x09104000, 1, 0, module.checksum))
        virtual.put(entry + 0x80, struct.pack("<I", module.timestamp))


def _thread(virtual: Memory, stack: Stack) -> None:
    virtual.put(PROCESS + 0x2E0, b"System".ljust(15, b"\0"))
    virtual.words(PROCESS + 0x180, 4)
    virtual.ring(PROCESSES, PROCESS + 0x188)
    virtual.ring(PROCESS + 0x30, THREAD + 0x2F8)
    virtual.put(THREAD, struct.pack("<BBBB", 6, 0, 0x69, 0))
    virtual.put(THREAD + 0x164, b"\x02")
    virtual.words(THREAD + 0x28, stack.initial, stack.limit, stack.initial - 0x100)
    virtual.words(THREAD + 0x278, stack.base)
    if stack.shadow:  # Base, and Limit with its type in the low bits
        virtual.words(THREAD + 0x318, SHADOW + SHADOW_BYTES + PAGE, (SHADOW - PAGE) | 1)
    virtual.words(THREAD + 0x70, PROCESS)
    virtual.words(THREAD + 0x210, PROCESS)
    virtual.words(THREAD + 0x3B0, 4, 0x124)


def _processor(virtual: Memory, stack: Stack, crash: bytes) -> None:
    virtual.words(PRCB + 8, THREAD)
    virtual.put(PRCB + 0x120, crash)
    virtual.words(PROCESSORS, PRCB)
    virtual.words(PRCB - 0x180 + 8, TSS)
    virtual.words(PRCB - 0x180 + 0x18, PRCB - 0x180, PRCB)
    special = PRCB + 0x40
    virtual.words(special, 0x80050033, 0, 0x187000, 0x6F8)
    virtual.put(special + 0x56, struct.pack("<HQ", 0x7F, GDT))
    virtual.put(special + 0x66, struct.pack("<HQ", 0xFFF, IDT))
    virtual.put(special + 0x70, struct.pack("<HHI", 0x40, 0, 0x1F80))
    data, user = 0x00CF93000000FFFF, 0x00CFF3000000FFFF
    virtual.words(GDT, 0, 0, 0x00209B0000000000, data, 0x00CFFB000000FFFF, user, 0x0020FB0000000000, 0)
    low = 0x67 | (TSS & 0xFFFFFF) << 16 | 0x8B << 40 | (TSS >> 24 & 0xFF) << 56
    virtual.words(GDT + 0x40, low, TSS >> 32, 0x0040F30000003C00)
    virtual.put(TSS, struct.pack("<I3QQ7Q", 0, stack.base, 0, 0, 0, stack.ist, 0, 0, 0, 0, 0, 0))


def _debugger(virtual: Memory, kernel: int) -> None:
    raw = bytearray(0x340)
    struct.pack_into("<QQ4sI", raw, 0, KDBG, KDBG, b"KDBG", len(raw))
    for at, value in ((0x18, kernel), (0x48, MODULES), (0x50, PROCESSES), (0x138, PAGE), (0x218, PROCESSORS),
                      (0x220, UNLOADED), (0x228, UNLOADED + 8)):  # fmt: skip
        struct.pack_into("<Q", raw, at, value)
    struct.pack_into(
        "<21H", raw, 0x298, 0, 0xB8, 0x38, 0x28, 0x70, 0x164, 0, 0, 0x4D0, 0x338, 0x290, 0x28, 0x4D00, 0x2918, 8, 0x64,
        0x5F0, 0x5F2, 0x120, 0x24, 0x498,
    )  # fmt: skip
    virtual.put(KDBG, bytes(raw))


def header(root: int, numbers: Sequence[int], crash: bytes, bugcheck: Tuple[int, ...]) -> bytes:
    """The header page pair of a full dump; a small one's differs in its kind."""
    runs: List[List[int]] = []
    for number in numbers:
        if runs and sum(runs[-1]) == number:
            runs[-1][1] += 1
        else:
            runs.append([number, 1])
    raw = bytearray(b"PAGE" * 0x800)
    struct.pack_into("<8sII", raw, 0, b"PAGEDU64", 0xF, 7601)
    struct.pack_into("<4Q", raw, 0x10, root, 0, MODULES, PROCESSES)
    struct.pack_into("<III", raw, 0x30, 0x8664, 1, bugcheck[0])
    struct.pack_into("<4Q", raw, 0x40, *(value & MASK for value in bugcheck[1:]))
    raw[0x60:0x80] = bytes(32)
    struct.pack_into("<Q", raw, 0x80, KDBG)
    struct.pack_into("<IIQ", raw, 0x88, len(runs), 0, len(numbers))
    for at, run in enumerate(runs):
        struct.pack_into("<QQ", raw, 0x98 + 16 * at, *run)
    raw[0x348:0xF00] = crash.ljust(0xBB8, b"\0")
    raw[0xF00:0xF98] = struct.pack("<I", 0x80000003).ljust(0x98, b"\0")
    struct.pack_into("<II", raw, 0xF98, 1, 0)
    raw[0xFA0:0x1050] = bytes(0xB0)
    struct.pack_into("<Q", raw, 0xFA0, 0x2000 + PAGE * len(numbers))
    struct.pack_into("<III", raw, 0x1038, 0, 0, 1)
    return bytes(raw)
