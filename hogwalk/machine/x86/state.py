"""What is known about ESP and EBP at one address of a function."""

from __future__ import annotations

from typing import Dict, List

from hogwalk.machine.x86.blocks import Block
from hogwalk.machine.x86.emulate import HelperEffect
from hogwalk.machine.x86.values import (
    CALLER,
    CELL,
    CONSTANT,
    EAX,
    EBP,
    ECX,
    EDX,
    ESP,
    FIRST_ORIGIN,
    LOADED,
    Known,
    plus,
)


def entered(esp: Known, ebp: Known) -> State:
    """The state where only ESP and EBP are known."""
    registers: List[Known] = [None] * 8
    registers[ESP], registers[EBP] = esp, ebp
    return State(registers)


class State:
    """The eight registers, the slot that holds the caller's EBP, and how many calls were guessed so far.

    A register is None where its value is not known.  States are never changed, only copied with changes.
    """

    __slots__ = ("guesses", "registers", "saved")

    def __init__(self, registers: List[Known], saved: Known = None, guesses: int = 0) -> None:
        self.registers = registers
        self.saved = saved
        self.guesses = guesses

    @property
    def esp(self) -> Known:
        """ESP."""
        return self.registers[ESP]

    @property
    def ebp(self) -> Known:
        """EBP."""
        return self.registers[EBP]

    @property
    def lowered(self) -> bool:
        """Whether an alloca or `and esp` made ESP what it is."""
        esp = self.registers[ESP]
        return esp is not None and esp[0] >= FIRST_ORIGIN

    def beats(self, other: State) -> bool:
        """Whether this state of one address counts rather than another: it rests on fewer guesses, or allows more."""
        if self.guesses != other.guesses:
            return self.guesses < other.guesses
        esp = self.registers[ESP]
        return esp is not None and esp[0] >= FIRST_ORIGIN and not other.lowered

    def differs(self, other: State) -> bool:
        """Whether ESP is known to be another in the other state of one address: both cannot be."""
        mine, its = self.registers[ESP], other.registers[ESP]
        return mine is not None and its is not None and mine != its and mine[0] == its[0]

    def guessed(self) -> State:
        """The same, resting on one more guess."""
        return State(self.registers, self.saved, self.guesses + 1)

    def with_esp(self, esp: Known) -> State:
        """The same with another ESP."""
        registers = self.registers[:]
        registers[ESP] = esp
        return State(registers, self.saved, self.guesses)

    def moved(self, count: int) -> State:
        """The same with ESP `count` bytes higher."""
        return self.with_esp(plus(self.registers[ESP], count))

    def resolve(self, value: Known) -> Known:
        """A block's value in terms of the function, this being the state where the block begins."""
        if value is None or not 0 <= value[0] < 8:
            return value
        return plus(self.registers[value[0]], value[1])

    def after(self, block: Block) -> State:
        """The state at the end of `block` when this is the state at its start."""
        before = self.registers
        registers = before[:]
        lowered = self._lowered(block) if block.origins else None
        for register, value in block.registers.items():
            if value is not None:
                base, count = value
                if 0 <= base < 8:
                    value = before[base]
                    if count and value is not None:  # as plus(), written out: a walk comes here most often
                        value = None if value[0] == CELL else (value[0], value[1] + count)
                elif base == LOADED:
                    value = None
                if lowered is not None and value is not None and value[0] in lowered:
                    value = plus(lowered[value[0]], value[1])
            registers[register] = value
        saved = self.saved
        if saved is None and block.saves is not None and before[EBP] == (CALLER, 0):
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
        registers = self.registers[:]
        registers[ECX] = registers[EDX] = None
        if not keep_eax:
            registers[EAX] = None
        esp = registers[ESP]
        if popped and esp is not None:
            registers[ESP] = (esp[0], esp[1] + popped)
        return State(registers, self.saved, self.guesses + guessed)

    def lost(self, popped: int) -> State:
        """The state behind a call that changes ESP and EBP in a way that could not be followed: guessed to be plain."""
        state = self.called(popped, 1)
        state.registers[EBP] = None
        return state

    def helped(self, effect: HelperEffect) -> State:
        """The state behind a call of a prologue helper."""
        registers = self.registers[:]
        registers[ECX] = registers[EDX] = None
        registers[ESP], registers[EBP] = self.resolve(effect.esp), self.resolve(effect.ebp)
        registers[EAX] = None if effect.eax is None else (CONSTANT, effect.eax)
        saved = self.saved
        if saved is None and effect.saved is not None and effect.ebp != (EBP, 0):
            saved = plus(self.esp, effect.saved)
        return State(registers, saved, self.guesses)
