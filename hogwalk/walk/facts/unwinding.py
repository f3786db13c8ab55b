"""Unwinding of x64 frames in any module: by its .pdata in memory, else by the code up to the function's `ret`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Dict, Optional

from hogwalk.errors import Unreadable
from hogwalk.machine.x64.unwind import RBP, Caller, Registers, Unwinder
from hogwalk.machine.x64.unwindinfo import ENTRY, MOST_ENTRIES, Entry, FunctionTable
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.model import Module
from hogwalk.targets.images.pe import Pe
from hogwalk.targets.images.source import Memory, Window
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.facts.modules import ModuleMap

if TYPE_CHECKING:
    from hogwalk.machine.x64.depth import Depths

EXCEPTION = 3  # IMAGE_DIRECTORY_ENTRY_EXCEPTION


class Unwinding:
    """Asks each module's unwind data once."""

    def __init__(self, reader: CodeReader, modules: ModuleMap, image: StackImage) -> None:
        self._reader = reader
        self._modules = modules
        self._image = image
        self._limit, self._base = image.region.limit, image.region.base
        self._unwinders: Dict[int, Optional[Unwinder]] = {}
        self._whole: Dict[int, Optional[Caller]] = {}
        self._functions: Dict[int, Optional[int]] = {}
        self._depths: Optional[Depths] = None
        self._alone: Dict[int, bool] = {}
        self._frames: Dict[int, Registers] = {}
        self._above: Dict[int, Optional[int]] = {}

    def of(self, address: int) -> Optional[Unwinder]:
        """The unwinder of the module that holds an address; None where it has no .pdata that can be read."""
        module = self._modules.at(address)
        if module is None:
            return None
        if module.start not in self._unwinders:
            self._unwinders[module.start] = self._open(module)
        return self._unwinders[module.start]

    def function(self, address: int) -> Optional[int]:
        """The start of the function that holds a return address, None where unwind data do not say."""
        if address not in self._functions:
            unwinder = self.of(address)
            entry = unwinder.function(address - 1) if unwinder is not None else None
            self._functions[address] = None if entry is None else entry.begin
        return self._functions[address]

    def slot(self, return_address: int, rsp: int) -> Optional[int]:
        """Where the caller's return address lies (see caller) by RSP alone; None where that does not tell."""
        whole = self.whole(return_address)
        if whole is not None and whole.slot is not None:
            return rsp + whole.slot
        caller = self.caller(return_address, rsp, {}, False)
        return None if caller is None else caller.slot

    def caller(self, rip: int, rsp: int, registers: Registers, interrupted: bool) -> Optional[Caller]:
        """The caller of a frame (see Unwinder.caller); None where neither unwind data nor code say."""
        whole = None if interrupted else self.whole(rip)
        if whole is not None and whole.slot is not None:
            known, slot = dict(registers), rsp + whole.slot
            for register, at in whole.registers.items():
                known[register] = None if at is None else self._word(rsp + at)
            return Caller(slot, slot + self._image.machine.word, known, False, slot, whole.saved)
        unwinder = self.of(rip)
        found = unwinder.caller(rip, rsp, registers, interrupted) if unwinder is not None else None
        if found is not None and found.slot is None and not interrupted:
            return self.settled(rip, rsp, registers) or found
        return found if found is not None else self._by_code(rip, rsp, registers, interrupted)

    def settled(self, return_address: int, rsp: int, registers: Registers) -> Optional[Caller]:
        """The caller of a frame by RSP alone though a register frames it: its function has no alloca; else None."""
        unwinder, frame = self.of(return_address), self.frame_register(return_address, rsp)
        if unwinder is None or not frame or None in frame.values():
            return None
        return unwinder.caller(return_address, rsp, {**registers, **frame}, False)

    def frame_register(self, return_address: int, rsp: int) -> Registers:
        """The register that frames a function behind a call, as Unwinder.frame has it; {} for none."""
        if return_address not in self._frames:
            unwinder = self.of(return_address)
            self._frames[return_address] = {} if unwinder is None else unwinder.frame(return_address, 0, self._still)
        frame = self._frames[return_address]
        return {register: None if above is None else rsp + above for register, above in frame.items()}

    def above_frame(self, return_address: int) -> Optional[int]:
        """Bytes from where a frame register points up to the return slot; None where none frames it."""
        if return_address not in self._above:
            unwinder, frame = self.of(return_address), self.frame_register(return_address, 0)
            self._above[return_address] = None
            if unwinder is not None and len(frame) == 1:
                self._above[return_address] = unwinder.above_frame(return_address, *frame)
        return self._above[return_address]

    def _still(self, entry: Entry, offset: int) -> bool:
        """Whether the code of a function leaves RSP alone from an offset on, but for what undoes its prologue."""
        if entry.begin not in self._alone:
            self._alone[entry.begin] = self._depth().still(entry.begin + offset, entry.end)
        return self._alone[entry.begin]

    def whole(self, return_address: int) -> Optional[Caller]:
        """Unwinder.whole, once for each address: most come up many times."""
        if return_address not in self._whole:
            unwinder = self.of(return_address)
            self._whole[return_address] = unwinder.whole(return_address) if unwinder is not None else None
        return self._whole[return_address]

    def _by_code(self, rip: int, rsp: int, registers: Registers, interrupted: bool) -> Optional[Caller]:
        # The byte before a return address is what its call site has asked for already.
        before = rip - (not interrupted and rip % self._reader.page_bytes > 0)
        if self._reader.bytes_at(before, 1) is None or self._reader.bytes_at(rip, 1) is None:
            return None  # nothing to disassemble
        way = self._depth().to_return(rip)
        if way is None:
            return None
        start = registers.get(RBP) if way.from_rbp else rsp
        if start is None:
            return Caller(None, rsp, {}, False, rsp, {})
        slot = start + way.depth
        kept = {} if way.from_rbp else dict(registers)
        if way.from_rbp:
            kept[RBP] = self._image.word(start)
        return Caller(slot, slot + self._image.machine.word, kept, False, slot, {})

    def _depth(self) -> Depths:
        if self._depths is None:
            # Here, for most stacks do without the disassembler, which takes as long to load as all else.
            from hogwalk.machine.x64.depth import Depths

            self._depths = Depths(self._reader.bytes_at)
        return self._depths

    def _open(self, module: Module) -> Optional[Unwinder]:
        def read(address: int, count: int) -> bytes:
            found = self._reader.bytes_at(address, count)
            if found is None:
                raise Unreadable(address, count)
            return found

        window = Window(read, module.start, module.end - module.start)
        line = self._reader.line(module.start)
        for headers in (Memory(line), None) if line is not None else (None,):  # nearly all lie in the first page
            with contextlib.suppress(Unreadable):
                at, size = Pe(window, headers).directory(EXCEPTION)
                break
        else:
            return None
        raw = self._reader.readable_from(module.start + at, min(size, ENTRY.size * MOST_ENTRIES)) if at else b""
        if not raw:
            return None
        table = FunctionTable(module.start, raw, self._reader.bytes_at)
        return Unwinder(table, self._reader.bytes_at, self._word)

    def _word(self, address: int) -> Optional[int]:
        return self._image.word(address) if self._limit <= address < self._base else self._reader.word_at(address)
