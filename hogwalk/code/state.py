"""What is known about ESP and EBP at one address of a function."""

from __future__ import annotations

from typing import Dict

from hogwalk.code.blocks import Block
from hogwalk.code.emulate import HelperEffect
from hogwalk.code.values import CALLER, CONSTANT, EAX, EBP, ECX, EDX, ESP, LOADED, Known, Value, plus


class State:
    """Registers whose value is known, the slot that holds the caller's EBP, and how many calls were guessed so far."""

    __slots__ = ("guesses", "registers", "saved")

    def __init__(self, registers: Dict[int, Value], saved: Known = None, guesses: int = 0) -> None:
        self.registers = registers
        self.saved = saved
        self.guesses = guesses

    @property
    def esp(self) -> Known:
        """ESP."""
        return self.registers.get(ESP)

    def resolve(self, value: Known) -> Known:
        """A block's value in terms of the function, this being the state where the block begins."""
        if value is None or not 0 <= value[0] < 8:
            return value
        held = self.registers.get(value[0])
        return None if held is None else (held[0], held[1] + value[1])

    def after(self, block: Block) -> State:
        """The state at the end of `block` when this is the state at its start."""
        registers = {register: value for register, value in self.registers.items() if register not in block.registers}
        lowered = self._lowered(block) if block.origins else {}
        for register, value in block.registers.items():
            found = self.resolve(value)
            if found is not None and found[0] in lowered:
                found = plus(lowered[found[0]], found[1])
            if found is not None and found[0] != LOADED:
                registers[register] = found
        saved = self.saved
        if saved is None and block.saves is not None and self.registers.get(EBP) == (CALLER, 0):
            saved = self.resolve(block.saves)
        if saved is not None and block.loads is not None and self.resolve(block.loads) == saved:
            if block.get(EBP) == (LOADED, 0):
                registers[EBP] = (CALLER, 0)
            saved = None
        return State(registers, saved, self.guesses)

    def _lowered(self, block: Block) -> Dict[int, Known]:
        """What ESP is after each `sub esp,reg` of the block whose register holds a constant here."""
        lowered: Dict[int, Known] = {}
        for origin in block.origins:
            amount, before = self.resolve(origin.lowered_by), self.resolve(origin.before)
            if before is not None and before[0] in lowered:
                before = plus(lowered[before[0]], before[1])
            if amount is not None and amount[0] == CONSTANT:
                lowered[origin.address] = plus(before, -amount[1])
        return lowered

    def called(self, popped: int, guessed: int = 0, keep_eax: bool = False) -> State:
        """The state behind an ordinary call that takes `popped` argument bytes."""
        lost = (ECX, EDX) if keep_eax else (EAX, ECX, EDX)
        registers = {register: value for register, value in self.registers.items() if register not in lost}
        if popped and ESP in registers:
            base, offset = registers[ESP]
            registers[ESP] = (base, offset + popped)
        return State(registers, self.saved, self.guesses + guessed)

    def helped(self, effect: HelperEffect) -> State:
        """The state behind a call of a prologue helper."""
        registers = {reg: value for reg, value in self.registers.items() if reg not in (EAX, ECX, EDX, ESP, EBP)}
        for register, value in ((ESP, effect.esp), (EBP, effect.ebp)):
            found = self.resolve(value)
            if found is not None:
                registers[register] = found
        if effect.eax is not None:
            registers[EAX] = (CONSTANT, effect.eax)
        saved = self.saved
        if saved is None and effect.saved is not None and effect.ebp != (EBP, 0):
            saved = plus(self.esp, effect.saved)
        return State(registers, saved, self.guesses)
