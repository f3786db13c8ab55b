"""Runs a prologue helper (`_chkstk`, `__SEH_prolog4`, `_EH_prolog`, ...) to see what it does to its caller's stack.

Only the instructions that such helpers are made of are known; anything else ends the run without a result.
Registers and memory hold numbers or None for "unknown".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Tuple

from hogwalk.code.lengths import instruction_length
from hogwalk.code.reader import CodeReader
from hogwalk.code.values import EAX, EBP, ESP, Known

CALLER_ESP, CALLER_EBP = 0x40000000, 0x50000000  # made-up addresses, far apart
REACH = 0x1000000
RETURN_ADDRESS = 0x00F0F0F0
MOST_STEPS = 20000  # a probe loop takes a handful per page
MASK = 0xFFFFFFFF
Number = Optional[int]


@dataclass(frozen=True)
class HelperEffect:
    """ESP and EBP behind the call: base ESP or EBP (what they were before the call) and an offset.

    `saved` is the offset from the ESP before the call of the slot where EBP was kept, `eax` tells EAX afterwards.
    """

    esp: Known
    ebp: Known
    saved: Optional[int]
    eax: Number


class Unsupported(Exception):
    """An instruction or a condition that the emulation does not know."""


def emulate_helper(
    reader: CodeReader, entry: int, eax: Number = None, words: Optional[Mapping[int, int]] = None
) -> Optional[HelperEffect]:
    """What the helper at `entry` does when called with `eax`; `words` are known stack words by offset from ESP.

    None when it cannot be told.
    """
    machine = Machine(reader, entry, eax, words or {})
    try:
        machine.run()
    except Unsupported:
        return None
    kept = [address for address, word in machine.memory.items() if word == CALLER_EBP]
    saved = min(kept) - CALLER_ESP if kept else None
    registers = machine.registers
    return HelperEffect(_relative(registers[ESP]), _relative(registers[EBP]), saved, registers[EAX])


def _relative(number: Number) -> Known:
    if number is not None:
        for register, base in ((ESP, CALLER_ESP), (EBP, CALLER_EBP)):
            if abs(number - base) < REACH:
                return register, number - base
    return None


class Machine:
    """Eight registers, the carry and zero flags, and the stack words that are known."""

    def __init__(self, reader: CodeReader, entry: int, eax: Number, words: Mapping[int, int]) -> None:
        self.registers: List[Number] = [None] * 8
        self.registers[EAX] = None if eax is None else eax & MASK
        self.registers[ESP], self.registers[EBP] = CALLER_ESP, CALLER_EBP
        self.memory: Dict[int, Number] = {CALLER_ESP + offset: word & MASK for offset, word in words.items()}
        self.carry: Optional[bool] = None
        self.zero: Optional[bool] = None
        self._reader = reader
        self._ip = entry
        self._push(RETURN_ADDRESS)

    def run(self) -> None:
        """Runs up to the return; raises Unsupported when it cannot get there."""
        for _ in range(MOST_STEPS):
            code = self._reader.readable_from(self._ip, 15)
            at = 0
            while at < len(code) and code[at] in (0x2E, 0x36, 0x3E, 0x64):
                at += 1
            length = instruction_length(code, 0)
            if not length:
                raise Unsupported
            self._ip += length
            if self._step(code, at, at > 0 and code[0] == 0x64):
                return
        raise Unsupported

    def _step(self, code: bytes, at: int, foreign: bool) -> bool:
        """One instruction; True when it was the return to the caller."""
        opcode = code[at]
        if opcode in (0xC3, 0xC2):
            back = self._pop()
            if opcode == 0xC2:
                self.registers[ESP] = self._esp() + int.from_bytes(code[at + 1 : at + 3], "little")
            if back != RETURN_ADDRESS:
                raise Unsupported
            return True
        if 0x50 <= opcode < 0x58:
            self._push(self.registers[opcode & 7])
        elif 0x58 <= opcode < 0x60:
            self.registers[opcode & 7] = self._pop()
        elif opcode in (0x68, 0x6A):
            self._push(_signed(code, at + 1, 4 if opcode == 0x68 else 1) & MASK)
        elif 0xB8 <= opcode < 0xC0:
            self.registers[opcode & 7] = _signed(code, at + 1, 4) & MASK
        elif opcode in (0xA1, 0xA3):
            self.registers[EAX] = None if opcode == 0xA1 else self.registers[EAX]
        elif opcode == 0x94:
            self.registers[EAX], self.registers[ESP] = self.registers[ESP], self.registers[EAX]
        elif opcode == 0xC9:
            self.registers[ESP] = self.registers[EBP]
            self.registers[EBP] = self._pop()
        elif opcode == 0xEB or 0x70 <= opcode < 0x80:
            if opcode == 0xEB or self._holds(opcode & 15):
                self._ip += _signed(code, at + 1, 1)
        else:
            self._with_operand(code, at, foreign)
        return False

    def _with_operand(self, code: bytes, at: int, foreign: bool) -> None:
        opcode, modrm = code[at], code[at + 1]
        address, size = (None, 1) if modrm >= 0xC0 else self._address(code, at + 1)
        foreign = foreign or address is None
        register = modrm >> 3 & 7

        def read() -> Number:
            if modrm >= 0xC0:
                return self.registers[modrm & 7]
            return None if foreign else self.memory.get(address or 0)

        def write(value: Number) -> None:
            if modrm >= 0xC0:
                self.registers[modrm & 7] = value
            elif not foreign:
                self.memory[address or 0] = value

        if opcode == 0x8B:
            self.registers[register] = read()
        elif opcode == 0x89:
            write(self.registers[register])
        elif opcode == 0x8D:
            self.registers[register] = address
        elif opcode == 0xC7:
            write(_signed(code, at + 1 + size, 4) & MASK)
        elif opcode == 0x87:
            before = read()
            write(self.registers[register])
            self.registers[register] = before
        elif opcode == 0x85:
            self._compute(4, read(), self.registers[register])
        elif opcode == 0xFF and register == 6:
            self._push(read())
        elif opcode == 0xF7 and register in (2, 3):
            value = read()
            write(None if value is None else (~value + register - 2) & MASK)
        elif opcode < 0x40 and opcode & 7 == 1:
            self._keep(opcode >> 3, self._compute(opcode >> 3, read(), self.registers[register]), write)
        elif opcode < 0x40 and opcode & 7 == 3:
            result = self._compute(opcode >> 3, self.registers[register], read())
            if opcode >> 3 != 7:
                self.registers[register] = result
        elif opcode in (0x81, 0x83):
            constant = _signed(code, at + 1 + size, 1 if opcode == 0x83 else 4) & MASK
            self._keep(register, self._compute(register, read(), constant), write)
        elif opcode == 0x3D or opcode & 0xC7 == 5:
            raise Unsupported
        else:
            raise Unsupported
