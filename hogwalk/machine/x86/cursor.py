"""The place in a block that is being read, with what its instructions did so far."""

from __future__ import annotations

from typing import Callable, Mapping, Optional, Tuple

from hogwalk.machine.x86.blocks import Block, Exit, Origin
from hogwalk.machine.x86.lengths import PLAIN_ROWS, instruction_length, plain_length
from hogwalk.machine.x86.values import EBP, ESP, LOADED, Known

NO_TABLES: Mapping[int, int] = {}
START_ESP = (ESP, 0)  # what ESP is where a block begins


class Cursor:
    """A block being read: its bytes, the address of the first of them, and the jump tables that registers come from."""

    __slots__ = ("address", "block", "code", "done", "registers", "tables")

    def __init__(self, block: Block, code: bytes, address: int) -> None:
        self.block = block
        self.registers = block.registers  # the same dictionary, one step nearer
        self.code = code
        self.address = address
        self.done = False
        self.tables = NO_TABLES

    @property
    def bare(self) -> bool:
        """Whether nothing but registers has changed so far."""
        return not self.done and not self.tables and not self.block.marked

    def get(self, register: int) -> Known:
        """What the register holds now."""
        return self.registers.get(register, (register, 0))

    def put(self, register: int, value: Known) -> None:
        """Notes what the register holds from now on."""
        self.registers[register] = value

    def move_esp(self, count: int) -> None:
        """Moves ESP up by `count` bytes."""
        registers = self.registers
        value = registers.get(ESP, START_ESP)
        registers[ESP] = None if value is None else (value[0], value[1] + count)

    def signed(self, at: int, size: int) -> int:
        """The signed little-endian number of `size` bytes at offset `at`."""
        return int.from_bytes(self.code[at : at + size], "little", signed=True)

    def word(self, at: int) -> int:
        """The unsigned 32-bit number at offset `at`."""
        return int.from_bytes(self.code[at : at + 4], "little")

    def length(self, at: int) -> int:
        """Bytes of the instruction at offset `at`."""
        code = self.code
        row = PLAIN_ROWS[code[at]]
        if row is not None:
            return row[code[at + 1]] or plain_length(code, at)
        return instruction_length(code, at) or 1

    def leave(self, how: Exit, at: int, *targets: int) -> int:
        """Ends the block behind offset `at`; `targets` are addresses."""
        self.block.exit = how
        self.block.targets = targets
        self.done = True
        return at

    def target(self, behind: int, size: int) -> int:
        """Where a jump goes whose distance is the `size` bytes that end at offset `behind`."""
        distance = int.from_bytes(self.code[behind - size : behind], "little", signed=True)
        return (self.address + behind + distance) & 0xFFFFFFFF

    def load_ebp(self, slot: Known) -> None:
        """EBP was loaded from the stack."""
        self.block.loads = slot
        same = slot is not None and slot == self.block.saves
        self.put(EBP, (EBP, 0) if same else (LOADED, 0))
        if same:
            self.block.saves = self.block.loads = None

    def save_ebp(self, slot: Known) -> None:
        """EBP was stored to the stack."""
        if self.block.saves is None and self.get(EBP) == (EBP, 0):
            self.block.saves = slot

    def new_origin(self, at: int, alignment: int, lowered_by: Known = None) -> None:
        """ESP became something new: aligned, or with alignment 0 lowered by an amount not known here."""
        origin = self.address + at
        self.block.origins = (*self.block.origins, Origin(origin, alignment, self.get(ESP), lowered_by))
        self.put(ESP, (origin, 0))

    def memory(self, at: int) -> Optional[Tuple[int, int]]:
        """(base register, displacement) of the ModRM operand at offset `at` when it is no more than that."""
        modrm = self.code[at]
        mod, register = modrm >> 6, modrm & 7
        if mod == 3 or (mod == 0 and register == EBP):
            return None
        size = (0, 1, 4)[mod]
        if register == ESP:
            at += 1
            register = self.code[at] & 7
            if self.code[at] & 0x38 != 0x20 or (mod == 0 and register == EBP):
                return None
        return register, self.signed(at + 1, size) if size else 0


Handler = Callable[[Cursor, int], int]  # applies the instruction at an offset, gives the offset behind it
