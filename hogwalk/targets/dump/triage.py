"""A small kernel dump (TRIAGE_DUMP32/64): the crashing thread's stack, some data blocks, the driver list."""

from __future__ import annotations

import struct
from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

from hogwalk.errors import BadInput, Unreadable
from hogwalk.machine.windows import Kdbg
from hogwalk.model import Registers, ThreadStack
from hogwalk.targets.dump.blocks import Block, BlockMemory
from hogwalk.targets.dump.crash import Names
from hogwalk.targets.dump.header import Header
from hogwalk.targets.dump.kernel import KernelCrash
from hogwalk.targets.dump.loaded import MODULE_CAP, file_name, loader_entry, named, saved_unloaded
from hogwalk.targets.images.image import Image
from hogwalk.targets.images.source import MappedFile, Window
from hogwalk.targets.parsers.lm import with_unloaded

_MAGIC = b"TRGD"  # at ValidOffset
_BLOCK_CAP = 65536
_STACK_CAP = 1 << 24
_STRIDES = {4: range(0x4C, 0x200, 4), 8: range(0x90, 0x200, 8)}  # bytes of a driver entry: they grew over the versions


# The fields below in file order; what hogwalk does not need is skipped.
_FORM_32 = struct.Struct("<8xI12x10I8x2I6I")
_FORM_64 = struct.Struct("<8xI12x10I8xQ16xQ6I")


class _Fields(NamedTuple):
    """The small dump's own header: file offsets, byte counts and addresses."""

    valid: int
    unloaded: int
    prcb: int
    process: int
    thread: int
    stack: int
    stack_bytes: int
    drivers: int
    driver_count: int
    strings: int
    string_bytes: int
    stack_address: int
    page_address: int
    page: int
    page_bytes: int
    debugger: int
    debugger_bytes: int
    blocks: int
    block_count: int


def _fields(file: MappedFile, header: Header) -> _Fields:
    """Reads the header; raises BadInput when it is not one."""
    try:
        form = _FORM_64 if header.layout.pointer == 8 else _FORM_32
        found = _Fields._make(form.unpack(file.read(header.size, form.size)))
        magic = file.read(found.valid, 4)
    except Unreadable:
        raise BadInput(f"{file.name} is cut short: a small dump's tables are missing", "copy the dump again") from None
    if magic != _MAGIC:
        raise BadInput(f"{file.name} is a small dump without its end mark", "the dump was not finished or is damaged")
    return found


class TriageCrash(KernelCrash):
    """A small kernel dump."""

    def __init__(self, file: MappedFile, header: Header) -> None:
        self._fields = fields = _fields(file, header)
        raw = file.upto(fields.debugger, min(fields.debugger_bytes, Kdbg.BYTES))
        super().__init__(file, header, BlockMemory(file, []), raw if raw[Kdbg.TAG : Kdbg.TAG + 4] == b"KDBG" else None)
        self.memory = BlockMemory(file, self._blocks())
        if self._block is None:
            self.find_block()

    def _blocks(self) -> Iterator[Block]:
        """Every stretch of memory that the dump holds."""
        fields, file = self._fields, self.file
        yield fields.stack_address, fields.stack, min(fields.stack_bytes, _STACK_CAP)
        yield self.header.debugger_block, fields.debugger, fields.debugger_bytes
        if fields.page_address:
            yield fields.page_address, fields.page, fields.page_bytes
        thread = self._current()
        if thread is not None:
            yield thread, fields.thread, self._block_value(Kdbg.THREAD_BYTES, 2) or 0
            at = self._block_value(Kdbg.THREAD_PROCESS, 2)
            process = Window(file.read, fields.thread, 0x10000)
            if at is not None and fields.thread:
                address = int.from_bytes(process.upto(at, self.where.pointer), "little")
                yield address, fields.process, self._block_value(Kdbg.PROCESS_BYTES, 2) or 0
        for index in range(min(fields.block_count, _BLOCK_CAP)):
            raw = file.upto(fields.blocks + 16 * index, 16)
            if len(raw) < 16:
                self.notes.append(f"the dump's list of data blocks ends after {index} of {fields.block_count}")
                return
            address = int.from_bytes(raw[:8], "little") & self._mask
            yield address, int.from_bytes(raw[8:12], "little"), int.from_bytes(raw[12:], "little")

    def _current(self) -> Optional[int]:
        """The thread that the saved processor block names."""
        if not self._fields.prcb:
            return None
        try:
            at = self._fields.prcb + (self._block_value(Kdbg.PRCB_THREAD, 2) or self.where.prcb_thread)
            return self.file.pointer(at, self.where.pointer) or None
        except Unreadable:
            return None

    def thread(self, names: Names) -> Optional[int]:
        """The _KTHREAD that ran on the processor that crashed."""
        return self._current() or super().thread(names)

    def registers(self, names: Names) -> Iterator[Registers]:
        """The registers of the dump's header, none where they are void."""
        del names
        header = self._header_context()
        if header is not None:
            yield header

    def stack(self) -> Optional[Tuple[int, int]]:
        """[limit, base) of the stack bytes that the dump holds."""
        fields = self._fields
        return (fields.stack_address, fields.stack_address + fields.stack_bytes) if fields.stack_bytes else None

    def threads(self, names: Names) -> Iterator[ThreadStack]:
        """The one thread of a small dump."""
        thread, stack = self.thread(names), self.stack()
        if thread is not None:
            limit, base = stack or (None, None)
            yield ThreadStack(thread, None, "", limit, base, None)

    def images(self) -> Sequence[Image]:
        """The modules of the driver list."""
        fields = self._fields
        count = min(fields.driver_count, MODULE_CAP)
        stride = self._stride(count)
        found: List[Image] = []
        for index in range(count):
            at = fields.drivers + index * stride
            try:
                image = loader_entry(self.file, at + self.where.pointer, self.where)
                name = self._string(self.file.u32(at))
            except Unreadable:
                self.notes.append(f"the dump's driver list ends after {index} of {fields.driver_count}")
                break
            if image is not None:
                found.append(image._replace(file=name))
        return named(with_unloaded(found, self._unloaded())[:MODULE_CAP], kernel=True)

    def _unloaded(self) -> List[Image]:
        at = self._fields.unloaded
        return saved_unloaded(self.file, at) if at and self.where.pointer == 8 else []

    def _string(self, at: int) -> str:
        """The DUMP_STRING (a count, in letters or in bytes, then UTF-16) at a file offset."""
        end = min(self._fields.strings + self._fields.string_bytes, self.file.size)
        raw = self.file.upto(at + 4, max(0, min(2 * min(self.file.u32(at), 512), end - at - 4)) & ~1)
        return file_name(raw.decode("utf-16-le", "replace").split("\0", 1)[0])

    def _stride(self, count: int) -> int:
        """Bytes of a driver entry: the smallest with which every entry's name lies in the string pool."""
        fields = self._fields
        low, high = fields.strings, fields.strings + fields.string_bytes
        sample = range(1, min(count, 64))
        for stride in _STRIDES[self.where.pointer]:
            starts = [self.file.upto(fields.drivers + index * stride, 4) for index in sample]
            if all(low <= int.from_bytes(start, "little") < high for start in starts):
                return stride
        return _STRIDES[self.where.pointer][0]
