"""A kernel crash dump: page tables, debugger data block, processors, the crashing thread."""

from __future__ import annotations

from typing import Iterator, List, Optional, Sequence, Tuple

from hogwalk.errors import BadInput, Unreadable
from hogwalk.machine.windows import BOOT_PCR, EXCEPTION_CHECKS, PCR_PRCB, Kdbg
from hogwalk.machine.words import shown
from hogwalk.model import About, Registers, ThreadStack
from hogwalk.targets.dump.crash import Names
from hogwalk.targets.dump.header import Header
from hogwalk.targets.dump.layout import MACHINES, NARROW, PAGE, WIDE, exception
from hogwalk.targets.dump.loaded import MODULE_CAP, loaded_modules, named, unloaded_modules
from hogwalk.targets.dump.paging import FIVE, FOUR, PAE, TWO, PagedMemory
from hogwalk.targets.dump.physical import physical
from hogwalk.targets.images.image import Image
from hogwalk.targets.images.source import ByteSource, MappedFile
from hogwalk.targets.parsers.lm import with_unloaded
from hogwalk.targets.processes import process_threads
from hogwalk.targets.protocol import CUT_SHORT


class KernelCrash:
    """A kernel dump; `memory` and the block of debugger data are found once, everything else when asked."""

    def __init__(self, file: MappedFile, header: Header, memory: ByteSource, block: Optional[bytes]) -> None:
        self.file = file
        self.header = header
        self.memory = memory
        self.notes: List[str] = []
        self.where = header.layout
        self._mask = 0xFFFFFFFF if self.where.pointer == 4 else 0xFFFFFFFFFFFFFFFF
        self._block = block

    def find_block(self) -> None:
        """Reads the debugger data block where the header says it lies; notes why when it cannot be used."""
        at = self.header.debugger_block
        try:
            size = self.memory.u32(at + Kdbg.SIZE)
            raw = self.memory.read(at, min(max(size, 0x20), Kdbg.BYTES))
        except Unreadable:
            self.notes.append(f"the debugger data block at {shown(at)} is not in the dump")
            return
        if raw[Kdbg.TAG : Kdbg.TAG + 4] != b"KDBG":
            self.notes.append(
                f"the debugger data block at {shown(at)} is encoded (KdpDataBlockEncoded): "
                "offsets come from symbols only"
            )
            return
        self._block = raw

    def about(self) -> About:
        """What kind of target this is."""
        machine, check = MACHINES[self.header.machine], self.header.bugcheck
        raised = None
        if check.plain in EXCEPTION_CHECKS:
            raised = exception(self.file.read(self.header.record_at, self.where.record_bytes), self.where)
        return About("kernel dump", machine, self.where.pointer, PAGE, check, self.file.name, raised)

    def debugger_block(self) -> Optional[bytes]:
        """The debugger data block, or None where it is absent or encoded."""
        return self._block

    def _block_value(self, offset: int, size: int) -> Optional[int]:
        """A value of the debugger data block, or None where there is no block or it is too short or 0."""
        if self._block is None or offset + size > len(self._block):
            return None
        value = int.from_bytes(self._block[offset : offset + size], "little")
        return (value & self._mask if size == 8 else value) or None

    def images(self) -> Sequence[Image]:
        """The modules of PsLoadedModuleList, and on x64 those of MmUnloadedDrivers."""
        head = self.header.module_list or self._block_value(Kdbg.MODULE_LIST, 8) or 0
        found = loaded_modules(self.memory, head, self.where, self.notes)
        return named(with_unloaded(found, self._unloaded())[:MODULE_CAP], kernel=True)

    def _unloaded(self) -> List[Image]:
        """The drivers that were unloaded (x64)."""
        array, count = self._block_value(Kdbg.UNLOADED, 8), self._block_value(Kdbg.UNLOADED_COUNT, 8)
        if self.where.pointer != 8 or array is None or count is None:
            return []
        return unloaded_modules(self.memory, array, count, self.where)

    def processors(self, names: Names) -> List[int]:
        """Addresses of the _KPRCB of each processor that the dump holds."""
        table = self._block_value(Kdbg.PROCESSOR_BLOCK, 8) or names.address("KiProcessorBlock")
        found: List[int] = []
        try:
            if table is not None:
                for index in range(max(self.header.processors, 1)):
                    found.append(self.memory.pointer(table + index * self.where.pointer, self.where.pointer))
            elif self.where.pointer == 4:
                found.append(self.memory.u32(BOOT_PCR + PCR_PRCB))
        except Unreadable:
            self.notes.append("the processors' blocks are not all in the dump")
        return [prcb for prcb in found if prcb]

    def _thread_of(self, prcb: int) -> Optional[int]:
        """A processor's current thread, or None."""
        try:
            at = prcb + (self._block_value(Kdbg.PRCB_THREAD, 2) or self.where.prcb_thread)
            return self.memory.pointer(at, self.where.pointer) or None
        except Unreadable:
            return None

    def _crashed(self, names: Names) -> Optional[int]:
        """The _KPRCB of the processor that crashed: the one whose saved registers the dump's header has."""
        found = self.processors(names)
        saved = self._header_context()
        for prcb in found:
            own = self._saved(prcb)
            if saved is not None and own is not None and same_place(own, saved):
                return prcb
        return found[0] if found else None

    def thread(self, names: Names) -> Optional[int]:
        """The _KTHREAD that ran on the processor that crashed."""
        prcb = self._crashed(names)
        return self._thread_of(prcb) if prcb is not None else None

    def _saved(self, prcb: int) -> Optional[Registers]:
        """The registers saved in a processor's block."""
        at = self._block_value(Kdbg.PRCB_CONTEXT, 2)
        if at is None:
            return None
        return context_at(self.memory, prcb + at, self.where.pointer, "the processor's block")

    def _header_context(self) -> Optional[Registers]:
        return context_at(self.file, self.header.context_at, self.where.pointer, "the dump's header")

    def registers(self, names: Names) -> Iterator[Registers]:
        """The registers in the dump's header, and those of the crashed processor's block where they are others."""
        header = self._header_context()
        prcb = self._crashed(names)
        saved = self._saved(prcb) if prcb is not None else None
        if header is not None:
            yield header
        if saved is not None and not (header is not None and same_place(header, saved)):
            yield saved

    def stack(self) -> Optional[Tuple[int, int]]:
        """None: a dump of whole pages does not record a stack's range by itself."""
        return None

    def stack_of(self, thread: int) -> Optional[Tuple[int, int]]:
        """None: see stack."""
        return None

    def threads(self, names: Names) -> Iterator[ThreadStack]:
        """All threads where the kernel's types are known, else the one each processor ran."""
        seen = False
        for found in process_threads(self.memory, self.header.process_list, self.where.pointer, names.field):
            seen = True
            yield found
        if not seen:
            self.notes.append("no types for nt: only the processors' current threads are listed")
            for prcb in self.processors(names):
                thread = self._thread_of(prcb)
                if thread is not None:
                    yield ThreadStack(thread, None, "", *self._stack_of(thread))

    def _stack_of(self, thread: int) -> Tuple[Optional[int], Optional[int], Optional[int]]:
        """(limit, base, None) of a thread without types: _KTHREAD.InitialStack, and StackLimit, which follows it.

        The initial stack lies in the stack's highest page or at its end, so the base is the page's end.
        """
        offset = self._block_value(Kdbg.INITIAL_STACK, 2)
        if offset is None:
            return None, None, None
        try:
            initial = self.memory.pointer(thread + offset, self.where.pointer)
            limit = self.memory.pointer(thread + offset + self.where.pointer, self.where.pointer)
        except Unreadable:
            return None, None, None
        return limit, (initial + PAGE - 1) & ~(PAGE - 1), None


def context_at(source: ByteSource, at: int, pointer: int, said_by: str) -> Optional[Registers]:
    """The registers of a CONTEXT record at `at`, None where it cannot be read, is unset or mere fill."""
    where = WIDE if pointer == WIDE.pointer else NARROW
    offsets = (where.context_ip, where.context_sp, where.context_bp)
    fill = int.from_bytes(b"PAGE" * 2, "little") & (0xFFFFFFFF if pointer == 4 else 0xFFFFFFFFFFFFFFFF)
    try:
        ip, sp, bp = (source.pointer(at + offset, pointer) for offset in offsets)
    except Unreadable:
        return None
    return None if not ip or not sp or fill in (ip, sp) else Registers(ip, sp, bp, said_by)


def same_place(one: Registers, other: Registers) -> bool:
    """Whether two contexts hold the same registers, whoever says so."""
    return (one.ip, one.sp, one.bp) == (other.ip, other.sp, other.bp)


def open_pages(file: MappedFile, header: Header) -> KernelCrash:
    """A dump of physical pages; raises BadInput where neither way of paging leads to the kernel's module list."""
    pages = physical(file, header)
    narrow = (PAE, TWO) if header.pae else (TWO, PAE)
    for mode in (FOUR, FIVE) if header.layout.pointer == 8 else narrow:
        memory = PagedMemory(file, pages, header.directory, mode)
        if memory.upto(header.module_list, header.layout.pointer):
            crash = KernelCrash(file, header, memory, None)
            if pages.ends_at is not None and pages.ends_at > file.size:
                crash.notes.append(
                    f"{CUT_SHORT}: the file holds {file.size} of {pages.ends_at} bytes; copy the dump again"
                )
            crash.find_block()
            return crash
    raise BadInput(
        f"{file.name}: the page tables at {header.directory:x} do not lead to the kernel's module list",
        "the dump is cut or damaged: copy it again",
    )
