"""Registers, flags and stack words of a small emulation; None stands for an unknown number."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Tuple

from hogwalk.machine.x86.lengths import MODRM_LENGTHS
from hogwalk.machine.x86.values import EBP, ESP

MASK = 0xFFFFFFFF
Number = Optional[int]
Place = Tuple[bool, Number]  # (True, register number) or (False, address of a word, None when not known)
ADD, OR, ADC, SBB, AND, SUB, XOR, CMP = range(8)


class UnsupportedError(Exception):
    """An instruction or a condition that the emulation does not know."""


class Machine:
    """Eight registers, the carry and zero flags, the known stack words, and the address stored to fs:[0]."""

    def __init__(self, esp: int, ebp: int, memory: Mapping[int, int]) -> None:
        self.registers: List[Number] = [None] * 8
        self.registers[ESP], self.registers[EBP] = esp, ebp
        self.memory: Dict[int, Number] = dict(memory)
        self.carry: Optional[bool] = None
        self.zero: Optional[bool] = None
        self.chain: Number = None

    def push(self, value: Number) -> None:
        """Pushes a word; raises UnsupportedError when ESP is not known."""
        esp = self._esp() - 4
        self.registers[ESP] = esp
        self.memory[esp] = value

    def pop(self) -> Number:
        """Pops a word; raises UnsupportedError when ESP is not known."""
        esp = self._esp()
        self.registers[ESP] = esp + 4
        return self.memory.get(esp)

    def _esp(self) -> int:
        esp = self.registers[ESP]
        if esp is None:
            raise UnsupportedError
        return esp

    def read(self, place: Place) -> Number:
        """The number at a place."""
        register, where = place
        if where is None:
            return None
        return self.registers[where] if register else self.memory.get(where)

    def write(self, place: Place, value: Number) -> None:
        """Stores a number; into an unknown address it is lost."""
        register, where = place
        if where is None:
            return
        if register:
            self.registers[where] = value
        else:
            self.memory[where] = value

    def compute(self, operation: int, left: Number, right: Number) -> Number:
        """The result of an arithmetic operation (numbered as in opcode group 1), flags set."""
        if operation == SBB and left == right and left is not None and self.carry is not None:
            right = 0 if not self.carry else 1
            left = 0
        elif operation in (ADC, SBB) or left is None or right is None:
            self.carry = self.zero = None
            return None
        result = _exact(operation, left, right)
        self.carry = not 0 <= result <= MASK
        self.zero = result & MASK == 0
        return result & MASK

    def holds(self, condition: int) -> bool:
        """Whether a condition (low four bits of Jcc) is met; raises UnsupportedError when that cannot be told."""
        if condition >> 1 == 1:
            met = self.carry
        elif condition >> 1 == 2:
            met = self.zero
        elif condition >> 1 == 3 and self.carry is not None and self.zero is not None:
            met = self.carry or self.zero
        else:
            met = None
        if met is None:
            raise UnsupportedError
        return met != bool(condition & 1)

    def place(self, code: bytes, at: int) -> Tuple[Place, int]:
        """The place that the ModRM operand at offset `at` names, and the bytes it takes."""
        modrm = code[at]
        mod, register, size = modrm >> 6, modrm & 7, MODRM_LENGTHS[modrm]
        if mod == 3:
            return (True, register), size
        scaled: Number = 0
        if register == ESP:
            register = code[at + 1] & 7
            if code[at + 1] & 0x38 != 0x20:
                scaled = None
        if mod == 0 and register == EBP:
            return (False, None), size if modrm & 7 == EBP else size + 4
        width = (0, 1, 4)[mod]
        base = self.registers[register]
        if base is None or scaled is None:
            return (False, None), size
        offset = int.from_bytes(code[at + size - width : at + size], "little", signed=True) if width else 0
        return (False, (base + offset) & MASK), size


def _exact(operation: int, left: int, right: int) -> int:
    if operation == ADD:
        return left + right
    if operation in (SUB, CMP, SBB):
        return left - right
    if operation == AND:
        return left & right
    return left | right if operation == OR else left ^ right
