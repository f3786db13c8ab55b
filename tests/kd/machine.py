"""What KD tells of a stopped machine besides its memory, for each kind of processor, taken from a dump's header.

The offsets are those of DUMP_HEADER (x86) and DUMP_HEADER64, of KPCR, KPRCB and KSPECIAL_REGISTERS as the debugger data
block's own fields give them for these kernels, and of the control reports in windbgkd.h.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Tuple

from tests.kd.memory import PAGE, Paged

PROCESSOR_BLOCKS, BUGCHECK_DATA, CURRENT_THREAD_32, CURRENT_THREAD_64 = 0x218, 0x88, 4, 8  # KDBG, KDBG, KPRCB, KPRCB


@dataclass(frozen=True)
class Shape:
    """Where a kind of dump and processor keeps what; sizes and offsets in bytes."""

    pointer: int
    head: str  # of the dump: version, directory, PFN data base, module list, process list
    machine: int  # of the dump: machine type, number of processors, bug check code
    arguments: int
    block: int
    runs: int
    context: int
    first_frame: int
    dll_base: int  # LDR_DATA_TABLE_ENTRY.DllBase
    context_bytes: int
    ip: int  # in CONTEXT
    sp: int
    prcb_context: int  # KPRCB.ProcessorState
    pcr_to_prcb: int
    pcr_self: int
    prcb_thread: int
    version_flag: int  # DBGKD_VERS_FLAG_PTR64


X86 = Shape(4, "<2I4I", 0x20, 0x2C, 0x60, 0x64, 0x320, PAGE, 0x18, 0x2CC, 0xB8, 0xC4, 0x1C, 0x120, 0x1C, 4, 0)
X64 = Shape(8, "<2I4Q", 0x30, 0x40, 0x80, 0x88, 0x348, 2 * PAGE, 0x30, 0x4D0, 0xF8, 0x98, 0x40, 0x180, 0x18, 8, 4)
X64_CONTEXT = 0x120  # KPRCB.ProcessorState.ContextFrame: on x64 behind the special registers
SPECIAL_X64, STATE_X86 = 0xE0, 0x320
CLASSIC = ((22, 10, True), (12, 10, False))
PAE = ((30, 2, False), (21, 9, True), (12, 9, False))
LONG = ((39, 9, False), (30, 9, True), (21, 9, True), (12, 9, False))
RESIDENT = {
    4: ((0x80000000, 0xC0000000), (0xC0800000, 0xFFC00000)),
    8: ((0xFFFF800000000000, 0xFFFFF68000000000), (0xFFFFF70000000000, 0xFFFFFFFFFFC00000)),
}


class Machine:
    """A stopped machine; `contexts` and `prcbs` are of its processors in order."""

    def __init__(self, data: bytes) -> None:
        self.shape = shape = {b"PAGEDUMP": X86, b"PAGEDU64": X64}[data[:8]]
        head = struct.unpack_from(shape.head, data, 8)
        self.minor, directory, self.module_list = head[1], head[2], head[4]
        self.kind, self.processors, code = struct.unpack_from("<3I", data, shape.machine)
        word = "I" if shape.pointer == 4 else "Q"
        self.bugcheck = struct.pack(f"<5{word}", code, *struct.unpack_from(f"<4{word}", data, shape.arguments))
        self.data_block = self._word(data, shape.block)
        pae = shape.pointer == 4 and data[0x5C] == 1
        levels = LONG if shape.pointer == 8 else PAE if pae else CLASSIC
        entry = 4 if levels is CLASSIC else 8
        self.memory = Paged(data, self._frames(data), directory & ~0x1F, levels, entry, shape.pointer)
        self.prcbs: List[int] = [
            self.word(self.word(self.data_block + PROCESSOR_BLOCKS) + shape.pointer * number)
            for number in range(self.processors)
        ]
        self.contexts = [data[shape.context : shape.context + shape.context_bytes]]
        self.contexts += [self._saved_context(prcb) for prcb in self.prcbs[1:]]

    def _word(self, data: bytes, at: int) -> int:
        return int.from_bytes(data[at : at + self.shape.pointer], "little")

    def _frames(self, data: bytes) -> Dict[int, int]:
        """Where each page frame lies in the file."""
        word = "I" if self.shape.pointer == 4 else "Q"
        count = int.from_bytes(data[self.shape.runs : self.shape.runs + 4], "little")
        frames: Dict[int, int] = {}
        place, at = self.shape.first_frame, self.shape.runs + 2 * self.shape.pointer
        for index in range(count):
            first, length = struct.unpack_from(f"<2{word}", data, at + 2 * self.shape.pointer * index)
            for frame in range(first, first + length):
                frames[frame] = place
                place += PAGE
        return frames

    def word(self, address: int) -> int:
        """A pointer in memory."""
        return self.memory.number(address, self.shape.pointer)

    def wide(self, address: int) -> int:
        """A pointer as KD sends it: sign-extended to 64 bits."""
        return address | 0xFFFFFFFF00000000 if self.shape.pointer == 4 and address & 0x80000000 else address

    @property
    def kernel_base(self) -> int:
        return self.word(self.word(self.module_list) + self.shape.dll_base)

    def thread(self, processor: int) -> int:
        """The _KTHREAD that runs there."""
        return self.word(self.prcbs[processor] + self.shape.prcb_thread)

    def ip(self, processor: int) -> int:
        """Where the processor stopped."""
        return self._word(self.contexts[processor], self.shape.ip)

    def _saved_context(self, prcb: int) -> bytes:
        return self.memory.read(prcb + self._context_in_prcb(), self.shape.context_bytes)

    def _context_in_prcb(self) -> int:
        return X64_CONTEXT if self.shape.pointer == 8 else self.shape.prcb_context

    def control_report(self, processor: int) -> bytes:
        """X86_ or AMD64_DBGKD_CONTROL_REPORT."""
        context, code = self.contexts[processor], self.memory.some(self.ip(processor), 16)
        stream = code.ljust(16, b"\0")
        if self.shape.pointer == 8:
            cs, ds, es, fs = struct.unpack_from("<4H", context, 0x38)
            (flags,) = struct.unpack_from("<I", context, 0x44)
            return struct.pack("<QQIHH16s4H", 0, 0x400, flags, len(code), 3, stream, cs, ds, es, fs)
        fs, es, ds = struct.unpack_from("<III", context, 0x90)
        cs, flags = struct.unpack_from("<II", context, 0xBC)
        segments = tuple(segment & 0xFFFF for segment in (cs, ds, es, fs))
        return struct.pack("<IIHH16s4HI", 0, 0, len(code), 3, stream, *segments, flags)

    def control_space(self, processor: int, offset: int, count: int) -> bytes:
        """x86: bytes of KPRCB.ProcessorState.  x64: by number, KPCR, KPRCB, special registers (the data), KTHREAD."""
        prcb = self.prcbs[processor]
        if self.shape.pointer == 4:
            left = max(0, STATE_X86 - offset)
            return self.memory.some(prcb + self.shape.prcb_context + offset, min(count, left)) if left else b""
        if offset == 2:
            return self.memory.some(prcb + self.shape.prcb_context, min(count, SPECIAL_X64))
        numbered = {0: prcb - self.shape.pcr_to_prcb, 1: prcb, 3: self.thread(processor)}
        return struct.pack("<Q", numbered[offset])[:count] if offset in numbered else b""

    def fill(self) -> None:
        """Kernel pages that the dump lacks read as zeros from here on."""
        self.memory.resident = RESIDENT[self.shape.pointer]

    def tell_bugcheck(self) -> None:
        """KdDebuggerDataBlock.KiBugcheckData leads to the dump's bug check, as on a machine that has just crashed."""
        at = self.module_list + 0x50  # zeros in these kernels
        self.memory.overlay[at] = self.bugcheck
        self.memory.overlay[self.data_block + BUGCHECK_DATA] = struct.pack("<Q", self.wide(at))

    def list_head(self) -> int:
        """DbgKdGetVersion.DebuggerDataList: a LIST_ENTRY whose Flink is the data block, beside the dump's own lists."""
        head: int = self.module_list + 0x30  # zeros in these kernels
        links = [struct.pack("<QQ", self.wide(one), self.wide(one)) for one in (self.data_block, head)]
        self.memory.overlay[head], self.memory.overlay[self.data_block] = links
        return head

    def tell_version_block(self) -> None:
        """_KPCR.KdVersionBlock leads to a DBGKD_GET_VERSION64, as on machines up to Windows 7."""
        at = self.list_head() - 0x28  # zeros in these kernels
        self.memory.overlay[at] = struct.pack("<Q", self.wide(self.list_head()))
        pcr = self.prcbs[0] - self.shape.pcr_to_prcb
        pointer = self.wide(at - 0x20).to_bytes(8, "little")[: self.shape.pointer]
        self.memory.overlay[pcr + (0x34 if self.shape.pointer == 4 else 0x108)] = pointer

    def add_processor(self, at: int, ip: int, sp: int) -> None:
        """A second processor, made up: copies of the first one's KPCR, KPRCB and CONTEXT at a free place."""
        shape, memory = self.shape, self.memory
        start = self.prcbs[0] - shape.pcr_to_prcb & -PAGE
        for offset in range(0, 8 * PAGE, PAGE):
            memory.added[at + offset] = memory.page(start + offset) or bytes(PAGE)
        prcb = at + self.prcbs[0] - start
        context = bytearray(self.contexts[0])
        for place, value in ((shape.ip, ip), (shape.sp, sp)):
            context[place : place + shape.pointer] = value.to_bytes(shape.pointer, "little")
        pair = struct.pack("<2I" if shape.pointer == 4 else "<2Q", prcb - shape.pcr_to_prcb, prcb)
        memory.overlay[prcb - shape.pcr_to_prcb + shape.pcr_self] = pair
        memory.overlay[prcb + memory.number(self.data_block + 0x2BE, 2)] = b"\1\0"  # KDBG.OffsetPrcbNumber
        memory.overlay[prcb + self._context_in_prcb()] = bytes(context)
        blocks = self.word(self.data_block + PROCESSOR_BLOCKS)
        memory.overlay[blocks + shape.pointer] = prcb.to_bytes(shape.pointer, "little")
        self.prcbs.append(prcb)
        self.contexts.append(bytes(context))
        self.processors = 2


def opened(path: Path) -> Machine:
    """The machine of a full kernel dump; raises KeyError on any other file."""
    return Machine(path.read_bytes())


def second_processor_of(machine: Machine) -> Tuple[int, int, int]:
    """A free place for it and a harmless stop: in the first one's code, with the first one's stack pointer."""
    shape, context = machine.shape, machine.contexts[0]
    sp = int.from_bytes(context[shape.sp : shape.sp + shape.pointer], "little")
    return (0xFFAF0000 if shape.pointer == 4 else 0xFFFFFA8000F00000), machine.ip(0), sp
