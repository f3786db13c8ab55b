"""Virtual unwinding (x64): from the registers of one frame to those of its caller, purely over a reader of memory.

The rules are those of Microsoft's "x64 exception handling": a frame that has called another one has run its whole
prologue; one that was interrupted may stand in its prologue, in an epilogue, or be a leaf.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from hogwalk.machine.words import X64
from hogwalk.machine.x64 import unwindinfo as codes
from hogwalk.machine.x64.epilogue import Epilogue, epilogue_at
from hogwalk.machine.x64.unwindinfo import Entry, FunctionTable, UnwindInfo

WORD = X64.word
RBP = 5
Registers = Mapping[int, Optional[int]]  # the nonvolatile ones by their number; None or absent: not known
WordAt = Callable[[int], Optional[int]]


class Caller(NamedTuple):
    """Where a frame ends and what runs on behind it.

    `slot` holds the address that runs on (None: not known, because the frame register is not), `rsp` and `registers`
    are what that code has then, `machine` tells that the processor pushed the frame, so that code was interrupted;
    `minimum` is the lowest address at which the slot can lie and `saved` the distance from the slot down to each
    register's saved value, where that is known.
    """

    slot: Optional[int]
    rsp: int
    registers: Dict[int, Optional[int]]
    machine: bool
    minimum: int
    saved: Dict[int, int]


class Unwinder:
    """Unwinds frames of functions in one image's table."""

    def __init__(self, table: FunctionTable, code_at: codes.BytesAt, word_at: WordAt) -> None:
        self.table = table
        self._code_at = code_at
        self._word_at = word_at

    def function(self, address: int) -> Optional[Entry]:
        """The primary entry of the function that holds an address, None for a leaf."""
        entry = self.table.entry(address)
        return None if entry is None else self.table.primary(entry)

    def caller(self, rip: int, rsp: int, registers: Registers, interrupted: bool) -> Optional[Caller]:
        """The frame's caller; None where the function has no unwind information that can be read.

        `rip` is the frame's return address, or the very instruction where it was `interrupted`.
        """
        entry = self.table.entry(rip if interrupted else rip - 1)
        if entry is None:
            return leaf(rsp, registers, self._word_at) if interrupted else None
        info = self.table.info(entry)
        if info is None:
            return None
        if interrupted:
            found = epilogue_at(self._code_at, rip, entry, info.register)
            if found is not None:
                return self._finish(found, rsp, registers)
        return self._undo(rip - entry.begin if interrupted else None, entry, info, rsp, registers)

    def whole(self, return_address: int) -> Optional[Caller]:
        """What undoing a whole prologue does from RSP 0, each register's value standing for the place it lies at.

        None where that depends on more than RSP, or cannot be told.
        """
        entry = self.table.entry(return_address - 1)
        rsp, places = 0, {}
        for _ in range(codes.MOST_LINKS):
            info = None if entry is None else self.table.info(entry)
            if info is None:
                return None
            base = rsp
            for _, operation, number, value in info.codes:
                if operation == codes.PUSH_NONVOL:
                    places[number] = rsp
                    rsp += WORD
                elif operation in (codes.ALLOC_SMALL, codes.ALLOC_LARGE):
                    rsp += value
                elif operation in (codes.SAVE_NONVOL, codes.SAVE_NONVOL_FAR):
                    places[number] = base + value
                else:
                    return None
            entry = info.parent
            if entry is None:
                saved = {register: rsp - place for register, place in places.items()}
                return Caller(rsp, rsp + WORD, {**places}, False, rsp, saved)
        return None

    def above_frame(self, return_address: int, register: int) -> Optional[int]:
        """Bytes from where the frame register points up to the return slot, in a function that `register` frames."""
        entry = self.table.entry(return_address - 1)
        info = None if entry is None else self.table.info(entry)
        if entry is None or info is None:
            return None
        bare = Unwinder(self.table, self._code_at, lambda address: None)
        found = bare._undo(None, entry, info, 0, {register: 0})
        return None if found is None else found.slot

    def frame(self, return_address: int, rsp: int, still: Callable[[Entry, int], bool]) -> Registers:
        """The frame register behind a call by its number, its value by RSP alone; {} where none frames the function.

        The value is None where RSP does not tell it: `still(entry, offset)` tells whether the function's code from an
        offset on leaves RSP where its prologue has put it, else there is an alloca.
        """
        entry = self.table.entry(return_address - 1)
        info = None if entry is None else self.table.info(entry)
        while info is not None and not info.register and info.parent is not None:
            info = self.table.info(info.parent)
        if entry is None or info is None or not info.register:
            return {}
        operations = [code.operation for code in info.codes]
        whole = self.table.info(entry) is info and info.parent is None and codes.SET_FPREG in operations
        if not whole or not still(entry, info.prologue):
            return {info.register: None}
        later = info.codes[: operations.index(codes.SET_FPREG)]
        room = sum(code.value for code in later if code.operation in (codes.ALLOC_LARGE, codes.ALLOC_SMALL))
        room += WORD * sum(code.operation == codes.PUSH_NONVOL for code in later)
        return {info.register: rsp + room + info.frame_offset}

    def _finish(self, epilogue: Epilogue, rsp: int, registers: Registers) -> Optional[Caller]:
        """Runs the rest of an epilogue."""
        known: Dict[int, Optional[int]] = dict(registers)
        if epilogue.register is not None:
            frame = known.get(epilogue.register)
            if frame is None:
                return None
            rsp = frame
        rsp += epilogue.added
        for register in epilogue.pops:
            known[register] = self._word_at(rsp)
            rsp += WORD
        return Caller(rsp, rsp + WORD, known, False, rsp, {})

    def _undo(
        self, offset: Optional[int], entry: Entry, info: UnwindInfo, rsp: int, registers: Registers
    ) -> Optional[Caller]:
        """Undoes a prologue as far as it has run (`offset` None: wholly), and those it is chained to."""
        undone = _Undone(rsp, dict(registers), self._word_at)
        for _ in range(codes.MOST_LINKS):
            if not undone.apply(info, offset):
                return None
            if undone.machine or info.parent is None:
                return undone.caller()
            parent = self.table.info(info.parent)
            if parent is None:
                return None
            info, offset = parent, None
        return None


def leaf(rsp: int, registers: Registers, word_at: WordAt) -> Caller:
    """The caller of a function that has moved nothing: the return address is where RSP points."""
    return Caller(rsp, rsp + WORD, dict(registers), False, rsp, {})


class _Undone:
    """A prologue that is undone code by code."""

    def __init__(self, rsp: int, registers: Dict[int, Optional[int]], word_at: WordAt) -> None:
        self.rsp = rsp
        self.registers = registers
        self.machine = False
        self._word_at = word_at
        self._known = True  # whether rsp is
        self._popped: Dict[int, int] = {}  # where each register lay, while rsp is a lower bound

    def apply(self, info: UnwindInfo, offset: Optional[int]) -> bool:
        """Undoes all codes of one UNWIND_INFO whose instructions end at or before `offset`."""
        done = [code for code in info.codes if offset is None or code.offset <= offset]
        base = self._base(info, done)
        for code in done:
            if code.operation == codes.PUSH_NONVOL:
                self._pop(code.info)
            elif code.operation in (codes.ALLOC_LARGE, codes.ALLOC_SMALL):
                self.rsp += code.value
            elif code.operation == codes.SET_FPREG:
                self._set(base)
            elif code.operation in (codes.SAVE_NONVOL, codes.SAVE_NONVOL_FAR):
                self._store(code.info, None if base is None else base + code.value)
            elif code.operation == codes.PUSH_MACHFRAME:
                self.machine = True
                self.rsp += WORD * code.info
            else:
                return False
        return True

    def _base(self, info: UnwindInfo, done: List[codes.Code]) -> Optional[int]:
        """The address that saved registers are counted from."""
        if info.register and any(code.operation == codes.SET_FPREG for code in done):
            frame = self.registers.get(info.register)
            return None if frame is None else frame - info.frame_offset
        return self.rsp if self._known else None

    def _set(self, base: Optional[int]) -> None:
        if base is None:
            self._known = False  # from here on rsp is a lower bound
            self._popped.clear()
        else:
            self.rsp, self._known = base, True

    def _pop(self, register: int) -> None:
        self.registers[register] = self._word_at(self.rsp) if self._known else None
        self._popped[register] = self.rsp
        self.rsp += WORD

    def _store(self, register: int, place: Optional[int]) -> None:
        self.registers[register] = None if place is None else self._word_at(place)
        if place is not None:
            self._popped[register] = place

    def caller(self) -> Caller:
        """What is left when all is undone."""
        saved = {register: self.rsp - at for register, at in self._popped.items()}
        if not self._known:
            return Caller(None, self.rsp, self.registers, self.machine, self.rsp, saved)
        after = self.rsp + WORD
        if self.machine:  # the processor pushes RIP, CS, RFLAGS, RSP, SS
            after = self._word_at(self.rsp + 3 * WORD) or 0
        return Caller(self.rsp, after, self.registers, self.machine, self.rsp, saved)


def pushes(table: FunctionTable, entry: Entry) -> Tuple[int, ...]:
    """The registers that a function's prologue pushes, the last pushed first."""
    info = table.info(table.primary(entry))
    return () if info is None else tuple(code.info for code in info.codes if code.operation == codes.PUSH_NONVOL)
