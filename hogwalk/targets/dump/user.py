"""A user minidump as a crash: x86, x64, and 32-bit programs seen from their 64-bit side (WOW64)."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterator, List, Optional, Sequence, Tuple, Union

from hogwalk.errors import Unreadable
from hogwalk.model import About, Registers, ThreadStack
from hogwalk.targets.dump.blocks import BlockMemory
from hogwalk.targets.dump.crash import Names
from hogwalk.targets.dump.full import FULL_MAGIC, FullRecords
from hogwalk.targets.dump.kernel import context_at
from hogwalk.targets.dump.layout import AMD64, MACHINES, PAGE, layout
from hogwalk.targets.dump.loaded import named
from hogwalk.targets.dump.streams import Streams, UserThread
from hogwalk.targets.images.image import Image
from hogwalk.targets.images.source import ByteSource, MappedFile
from hogwalk.targets.teb import teb32

_WOW = "wow64cpu"  # the module that switches a 32-bit program's processor mode
_TLS_CPU = 0x1488  # TEB64.TlsSlots[WOW64_TLS_CPURESERVED]
_SEGMENT, _CODE_32 = 0x38, 0x23  # CONTEXT.SegCs of x64; its value while 32-bit code runs
_LOW = 0xFFFFFFFF
_CPU_CONTEXT = 4  # the 32-bit CONTEXT behind its flags and machine words


class UserCrash:
    """A user minidump; of a WOW64 process the 32-bit side is shown."""

    def __init__(self, file: MappedFile) -> None:
        self.file = file
        full = file.upto(0, len(FULL_MAGIC)) == FULL_MAGIC
        self._streams: Union[Streams, FullRecords] = FullRecords(file) if full else Streams(file)
        self.notes: List[str] = self._streams.notes
        self._threads = self._streams.threads()
        self._images = named(self._streams.modules(), kernel=False)
        self._blocks = BlockMemory(file, self._streams.blocks(self._threads))
        self.memory: ByteSource = self._blocks
        self._exception = self._streams.exception()
        self._by_name: Dict[Optional[int], UserThread] = {}  # by TEB and by id
        self._wow = self._streams.machine == AMD64 and any(image.name.lower() == _WOW for image in self._images)
        self._pointer = 4 if self._wow else layout(self._streams.machine).pointer
        if self._wow:
            self.notes.append("a 32-bit program in a 64-bit dump: its 32-bit stacks are shown")
        if self._exception is not None:
            raised = self._exception.raised
            self.notes.append(f"exception {raised.code:08x} in thread {raised.identifier or 0:x}")

    def about(self) -> About:
        """What kind of target this is."""
        machine = "x86" if self._pointer == 4 else MACHINES[self._streams.machine]
        raised = self._exception.raised if self._exception is not None else None
        return About("user dump", machine, self._pointer, PAGE, None, self.file.name, raised)

    def images(self) -> Sequence[Image]:
        """The modules of the module list."""
        return self._images

    def _current(self) -> Optional[UserThread]:
        """The thread of the exception, else the first one."""
        for thread in self._threads:
            if self._raised(thread):
                return thread
        return self._threads[0] if self._threads else None

    def thread(self, names: Names) -> Optional[int]:
        """The TEB of the current thread (of a WOW64 process its TEB32)."""
        del names
        thread = self._current()
        return self._teb(thread) if thread is not None else None

    def _raised(self, thread: UserThread) -> bool:
        return self._exception is not None and thread.identifier == self._exception.raised.identifier

    def _teb(self, thread: UserThread) -> Optional[int]:
        if not self._wow:
            return thread.teb or None
        return teb32(thread.teb, self._word)

    def _word(self, at: int, size: int) -> Optional[int]:
        try:
            return self.memory.pointer(at, size)
        except Unreadable:
            return None

    def debugger_block(self) -> Optional[bytes]:
        """None: only kernels have one."""
        return None

    def registers(self, names: Names) -> Iterator[Registers]:
        """The registers at the exception, those the thread list has for the current thread, and all others' there."""
        del names
        current = self._current()
        for thread in sorted(self._threads, key=lambda one: one is not current):
            yield from self._registers(thread)

    def _registers(self, thread: UserThread) -> Iterator[Registers]:
        """A thread's registers: at the exception if it is its own, in the thread list, in the 32-bit side's area."""
        found: List[Optional[Registers]] = []
        if self._exception is not None and self._exception.context_bytes and self._raised(thread):
            found.append(self._context(self._exception.context_at, "the exception's context"))
        found.append(self._saved(thread))
        area = self._word(thread.teb + _TLS_CPU, 8) if self._wow else None
        if area is not None:
            found.append(context_at(self.memory, area + _CPU_CONTEXT, 4, "the thread's 32-bit context"))
        yield from (one for one in found if one is not None)

    def _saved(self, thread: UserThread) -> Optional[Registers]:
        if thread.context_bytes < layout(self._streams.machine).context_bytes:
            return None
        return self._context(thread.context_at, "the thread's context")

    def _context(self, at: int, source: str) -> Optional[Registers]:
        """The registers of a CONTEXT in the file; of a WOW64 thread's where it ran 32-bit code."""
        try:
            if self._wow and self.file.u16(at + _SEGMENT) != _CODE_32:
                return None
        except Unreadable:
            return None
        found = context_at(self.file, at, layout(self._streams.machine).pointer, source)
        if found is None or not self._wow:
            return found
        return replace(found, ip=found.ip & _LOW, sp=found.sp & _LOW, bp=found.bp & _LOW)

    def stack(self) -> Optional[Tuple[int, int]]:
        """[limit, base) of the current thread's stack bytes in the dump, None where it holds none."""
        thread = self._current()
        return None if thread is None else self._piece(thread, next(self._registers(thread), None))

    def _piece(self, thread: UserThread, registers: Optional[Registers]) -> Optional[Tuple[int, int]]:
        """The part of a thread's stack that its record names, else the memory around its stack pointer."""
        if not self._wow and thread.start < thread.end:
            return thread.start, thread.end
        return None if registers is None else self._blocks.around(registers.sp)

    def stack_of(self, thread: int) -> Optional[Tuple[int, int]]:
        """The same of the thread with that TEB, or that id."""
        if not self._by_name:
            for one in reversed(self._threads):
                self._by_name.update(dict.fromkeys((one.identifier, one.teb, self._teb(one)), one))
        found = self._by_name.get(thread)
        return None if found is None else self._piece(found, next(self._registers(found), None))

    def threads(self, names: Names) -> Iterator[ThreadStack]:
        """Every thread of the thread list; limits by its TEB, else by the bytes saved."""
        del names
        for thread in self._threads:
            limit: Optional[int] = None
            base: Optional[int] = None
            teb = self._teb(thread)
            if teb is not None:
                limit = self._word(teb + 2 * self._pointer, self._pointer)
                base = self._word(teb + self._pointer, self._pointer)
            held = next(self._registers(thread), None)
            bounded = limit is not None and base is not None
            if not bounded:
                limit, base = self._piece(thread, held) or (None, None)
            where, pointer = teb or thread.teb, held.sp if held is not None else None
            yield ThreadStack(where, thread.identifier, self._program(), limit, base, pointer, bounded)

    def _program(self) -> str:
        """The program's file name: the first module that is an .exe."""
        return next((image.file for image in self._images if image.file.lower().endswith(".exe")), "")
