"""An x64 machine made by hand: nt in a large page, one driver, two processes with three threads, a kernel stack."""

from __future__ import annotations

import struct
from typing import Dict, List, Tuple

from tests.dump.paging import FOUR, PAGE, Physical
from tests.dump.writers import BITMAP_FULL, FULL, SUMMARY, bitmap_body, summary_body
from tests.symbols.images import image
from tests.symbols.pdbs import pdb

NT, DRIVER = 0xFFFFF80001800000, 0xFFFFF88002000000
DATA, POOL = 0xFFFFF80001A00000, 0xFFFFFA8001000000
MODULES, PROCESSES, KDBG, PROCESSOR_BLOCK = DATA, DATA + 0x10, DATA + 0x100, NT + 0x3800
PRCB = DATA + 0x1000
LIMIT, BASE = 0xFFFFF88003000000, 0xFFFFF88003006000
THREADS = {POOL + 0x8000: 0x124, POOL + 0x9000: 0x128, POOL + 0xA000: 0x200}
CURRENT = POOL + 0x9000
IP, SP, BP = NT + 0x1234, LIMIT + 0x38, 0
NT_IMAGE = image(True, {0x1200: "KeBugCheckEx", 0x1400: "IofCallDriver"}, 0x4000, 0x4CE7951A, ("ntkrnlmp.pdb", 2))
EXPORTS = {0x1100: "DriverEntry", 0x1180: "_Decorated@8", 0x1200: "?Work@Hog@@QEAAXXZ"}
DRIVER_IMAGE = image(True, EXPORTS, 0x4000, 0x5A5A5A5A)
PUBLICS = (
    (0x1200, "KeBugCheckEx"), (0x1300, "KiSwapContextAlias"), (0x1380, "CcCopyRead"), (0x1400, "IofCallDriver"),
    (0x1480, "KiSystemServiceCopyEnd"), (0x1500, "ZwClose"), (0x1500, "NtClose"), (0x1500, "_Close@4"),
    (0x1580, "__chkstk"), (0x1600, "_Name@8"), (0x1640, "@Fast@8"), (0x1680, "Vector@@16"), (0x16C0, "___three"),
    (0x1700, "?DispatchPassThrough@DEVICEDISPATCH@@QEAAJPEAU_IRP@@@Z"), (0x1740, "??0Hog@Farm@@QEAA@XZ"),
    (0x1780, "??1Hog@Farm@@UEAA@XZ"), (0x17C0, "??2@YAPEAX_K@Z"), (0x1800, "??_GHog@Farm@@UEAAPEAXI@Z"),
    (0x1840, "?Free@@YAXXZ"), (0x1880, "??$Max@H@Farm@@YAHHH@Z"), (0x18C0, "?Put@?$List@H@Farm@@QEAAXH@Z"),
    (0x1940, "??_7Hog@Farm@@6B@"), (0x1980, "?x@?A0x12345678@@YAXXZ"), (0x19C0, "??HHog@Farm@@QEAA?AV01@ABV01@@Z"),
    (0x2100, "PsActiveProcessHead"), (0x3800, "KiProcessorBlock"), (0x2140, "?g_Hog@Farm@@3HA"),
    (0x1A00, "?Loop@Hog@Hog@@QEAAXXZ"), (0x1A40, "?Twice@1Farm@@QEAAXXZ"), (0x1A80, "A_Name"), (0x1B00, "__imp__Foo@8"),
    (0x1B40, "?Work@?1??Outer@@YAXXZ@4HA"), (0x1B80, "?f@?$A@V?$B@H@@@@QEAAXXZ"), (0x1BC0, "??BHog@@QEAAHXZ"),
    (0x1C00, "?Get@Hog@Farm@0@QEAAXXZ"), (0x1C40, "??$F@PEAX@@YAXPEAX@Z"), (0x1C80, "??$F@PEBD_K@@YAXXZ"),
    (0x1CC0, "??$F@$0BA@@@YAXXZ"), (0x1D00, "??$F@W4Kind@Farm@@VHog@2@@@YAXXZ"), (0x1D40, "??0?$List@H@Farm@@QEAA@XZ"),
    (0x1D80, "??$F@AEAVHog@Farm@@V12@@@YAXXZ"), (0x1DC0, "?Get@?$A@H$0A@@@QEAA?AV1@XZ"),
    (0x1E00, "??1?$List@PEAVHog@Farm@@@Farm@@UEAA@XZ"), (0x1E40, "?f@?$A@_NM_W@@QEAAXXZ"),
)  # fmt: skip
STRUCTURES = {
    "_EPROCESS": {"Pcb": 0, "UniqueProcessId": 0x180, "ActiveProcessLinks": 0x188, "ImageFileName": 0x2E0},
    "_KPROCESS": {"DirectoryTableBase": 0x28, "ThreadListHead": 0x30},
    "_KTHREAD": {
        "InitialStack": 0x28, "StackLimit": 0x30, "KernelStack": 0x38, "StackBase": 0x278, "ThreadListEntry": 0x2F8,
    },
    "_ETHREAD": {"Tcb": 0, "Cid": 0x3B0},
}  # fmt: skip
FUNCTIONS = (
    (0x1300, 0x40, "KiSwapContext"), (0x1380, 0x40, "CcCopyRead"), (0x1900, 0x20, "MiHidden"), (0x1E80, 8, "MiLast"),
    (0x2400, 0, "MiSecret"),
)  # fmt: skip


def nt_pdb(age: int = 2) -> bytes:
    """The kernel's PDB: its functions and the structures above."""
    return pdb(
        publics=PUBLICS,
        functions=FUNCTIONS,
        structures=STRUCTURES,
        age=age,
    )


class _Writer:
    """Virtual memory being filled."""

    def __init__(self) -> None:
        self.pages: Dict[int, bytearray] = {}

    def put(self, address: int, data: bytes) -> None:
        for at in range(address, address + len(data)):
            page = self.pages.setdefault(at & ~0xFFF, bytearray(PAGE))
            page[at & 0xFFF] = data[at - address]

    def words(self, address: int, *values: int) -> None:
        self.put(address, struct.pack(f"<{len(values)}Q", *values))

    def ring(self, *entries: int) -> None:
        """Links LIST_ENTRYs, the head first."""
        for index, entry in enumerate(entries):
            self.words(entry, entries[(index + 1) % len(entries)], entries[index - 1])

    def string(self, at: int, text: str, buffer: int) -> None:
        raw = text.encode("utf-16-le")
        self.put(at, struct.pack("<HHIQ", len(raw), len(raw) + 2, 0, buffer))
        self.put(buffer, raw + b"\0\0")


def _modules(memory: _Writer) -> None:
    entries = [POOL + 0x100, POOL + 0x400]
    loaded = ((NT, NT_IMAGE, "ntoskrnl.exe", 0x4CE7951A), (DRIVER, DRIVER_IMAGE, "tiny-64.sys", 0x5A5A5A5A))
    for at, (start, data, name, stamp) in zip(entries, loaded):
        memory.words(at + 0x30, start, start + 0x1000)
        memory.put(at + 0x40, struct.pack("<I", len(data)))
        memory.string(at + 0x48, "\\SystemRoot\\system32\\" + name, at + 0xB0)
        memory.string(at + 0x58, name, at + 0xB0 + 2 * len("\\SystemRoot\\system32\\"))
        memory.put(at + 0x78, struct.pack("<IIII", 0, 0, stamp, 0))
    memory.ring(MODULES, *entries)


def _threads(memory: _Writer, loop: bool) -> None:
    """Two processes; with `loop` the second's thread list never comes back to its head."""
    processes = {POOL + 0x5000: ("System", [POOL + 0x8000, POOL + 0x9000]), POOL + 0x6000: ("hog.exe", [POOL + 0xA000])}
    for process, (name, threads) in processes.items():
        memory.put(process + 0x2E0, name.encode("ascii").ljust(15, b"\0"))
        memory.ring(process + 0x30, *[thread + 0x2F8 for thread in threads])
        for thread in threads:
            base = BASE if thread == CURRENT else BASE + (thread & 0xFFFF) * 0x10
            memory.words(thread + 0x28, base - 0x30, base - 0x6000, base - 0x200)
            memory.words(thread + 0x278, base)
            memory.words(thread + 0x70, process)
            memory.words(thread + 0x3B0, 4, THREADS[thread])
    memory.ring(PROCESSES, *[process + 0x188 for process in processes])
    if loop:
        memory.words(POOL + 0xA000 + 0x2F8, POOL + 0xA000 + 0x2F8)


def _processor(memory: _Writer, encoded: bool) -> None:
    memory.words(PRCB + 8, CURRENT)
    memory.put(PRCB + 0x120, context())
    block = bytearray(0x340)
    struct.pack_into("<QQ4sI", block, 0, KDBG, KDBG, b"KDBG", len(block))
    for offset, value in ((0x18, NT), (0x48, MODULES), (0x50, PROCESSES), (0x138, PAGE), (0x218, PROCESSOR_BLOCK)):
        struct.pack_into("<Q", block, offset, value)
    struct.pack_into(
        "<21H", block, 0x298, 0, 0xB8, 0x38, 0x28, 0x70, 0x164, 0, 0, 0x4D0, 0x338, 0x290, 0x28,
        0x4D00, 0x2918, 8, 0x64, 0x5F0, 0x5F2, 0x120, 0x24, 0x498,
    )  # fmt: skip
    memory.put(KDBG, bytes(byte ^ 0x5A for byte in block) if encoded else bytes(block))


def context() -> bytes:
    """A CONTEXT (0x4d0 bytes) of the crashing thread."""
    raw = bytearray(0x4D0)
    struct.pack_into("<II", raw, 0x30, 0x10001F, 0x1F80)
    struct.pack_into("<HHHHHH", raw, 0x38, 0x10, 0x2B, 0x2B, 0x53, 0x2B, 0x18)
    struct.pack_into("<QQ", raw, 0x98, SP, BP)
    struct.pack_into("<Q", raw, 0xF8, IP)
    return bytes(raw)


def memory64(encoded: bool = False, loop: bool = False, first: int = 0x100) -> Physical:
    """The machine's physical memory from frame `first` on, behind x64 page tables; nt lies in a 2 MB page."""
    writer = _Writer()
    _modules(writer)
    _threads(writer, loop)
    _processor(writer, encoded)
    writer.put(DRIVER, DRIVER_IMAGE)
    writer.put(LIMIT, stack())
    memory = Physical(FOUR, first)
    kernel = bytearray(NT_IMAGE)
    struct.pack_into("<Q", kernel, PROCESSOR_BLOCK - NT, PRCB)
    memory.map_large(NT, [bytes(kernel[at : at + PAGE]) for at in range(0, len(kernel), PAGE)])
    for address in sorted(writer.pages):
        memory.map(address, memory.take(bytes(writer.pages[address])))
    return memory


def stack() -> bytes:
    """24 KB: return addresses every 256 bytes, and from 4000h on every 32nd address of both images."""
    words = list(range(0x6000 // 8))
    words[7::32] = [(NT + 0x1408, DRIVER + 0x1120)[index % 2] for index in range(len(words[7::32]))]
    swept = [NT + offset for offset in range(0, 0x4000, 0x20)] + [DRIVER + offset for offset in range(0, 0x4000, 0x20)]
    words[0x800 : 0x800 + len(swept)] = swept
    return struct.pack(f"<{len(words)}Q", *words)


def header64(memory: Physical, kind: int) -> bytes:
    """The 8192-byte header."""
    header = bytearray(b"PAGE" * 0x800)
    struct.pack_into("<8sII", header, 0, b"PAGEDU64", 0xF, 7601)
    struct.pack_into("<4Q", header, 0x10, memory.root, 0, MODULES, PROCESSES)
    struct.pack_into("<III", header, 0x30, 0x8664, 1, 0x7F)
    struct.pack_into("<4Q", header, 0x40, 8, 0x80050033, 0x6F8, IP)
    header[0x60:0x80] = bytes(0x20)
    struct.pack_into("<Q", header, 0x80, KDBG)
    runs: List[Tuple[int, int]] = memory.runs()
    struct.pack_into("<IIQ", header, 0x88, len(runs), 0, len(memory.frames))
    for index, run in enumerate(runs):
        struct.pack_into("<QQ", header, 0x98 + 16 * index, *run)
    header[0x348:0xF00] = context().ljust(0xBB8, b"\0")
    header[0xF00:0xF98] = struct.pack("<I", 0x80000003).ljust(0x98, b"\0")
    struct.pack_into("<II", header, 0xF98, kind, 0)
    header[0xFA0:0x1050] = bytes(0xB0)
    struct.pack_into("<Q", header, 0xFA0, 0x2000 + PAGE * len(memory.frames))
    struct.pack_into("<III", header, 0x1038, 0, 0, 1)
    return bytes(header)


def kernel64(kind: int, encoded: bool = False, loop: bool = False) -> bytes:
    """The machine as a dump of pages of that kind."""
    memory = memory64(encoded, loop)
    header = header64(memory, kind)
    if kind == FULL:
        return header + memory.data()
    if kind == SUMMARY:
        return header + summary_body(memory, len(header), wide=True)
    return header + bitmap_body(memory, len(header), b"FDMP" if kind == BITMAP_FULL else b"SDMP")
