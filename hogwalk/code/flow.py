"""Follows ESP and EBP through a function, block by block."""

from __future__ import annotations

from collections import deque
from typing import Deque, Dict, List, Optional, Tuple

from hogwalk.code.blocks import Block, Exit
from hogwalk.code.callees import Blocks, Callees
from hogwalk.code.emulate import emulate_helper
from hogwalk.code.values import (
    CALLER,
    EAX,
    EBP,
    ECX,
    EDX,
    ESP,
    FIRST_ORIGIN,
    LOADED,
    Known,
    Value,
    plus,
)

MOST_BLOCKS = 3000
MOST_POPPED = 0x100
SUB_ESP_EAX = (b"\x29\xc4", b"\x2b\xe0")


class State:
    """Registers at one address; `saved` is the slot that holds the caller's EBP, `guesses` how many calls were guessed."""

    __slots__ = ("guesses", "registers", "saved")

    def __init__(self, registers: Dict[int, Value], saved: Known = None, guesses: int = 0) -> None:
        self.registers = registers
        self.saved = saved
        self.guesses = guesses

    def resolve(self, value: Known) -> Known:
        """A value relative to this state's registers, in absolute terms."""
        if value is None or not 0 <= value[0] < 8:
            return value
        held = self.registers.get(value[0])
        return None if held is None else (held[0], held[1] + value[1])

    def after(self, block: Block) -> State:
        """The state at the end of `block` when this is the state at its start."""
        registers = {register: value for register, value in self.registers.items() if register not in block.registers}
        for register, value in block.registers.items():
            found = self.resolve(value)
            if found is not None and found[0] != LOADED:
                registers[register] = found
        saved = self.saved
        if block.saves is not None and saved is None and self.registers.get(EBP) == (CALLER, 0):
            saved = self.resolve(block.saves)
        if block.loads is not None and saved is not None and self.resolve(block.loads) == saved:
            if block.registers.get(EBP, (0, 0)) == (LOADED, 0):
                registers[EBP] = (CALLER, 0)
            saved = None
        return State(registers, saved, self.guesses)

    def called(self, popped: int, guessed: bool, keep_eax: bool) -> State:
        """The state behind an ordinary call that takes `popped` argument bytes."""
        registers = dict(self.registers)
        for register in (ECX, EDX) if keep_eax else (EAX, ECX, EDX):
            registers.pop(register, None)
        if popped and ESP in registers:
            base, offset = registers[ESP]
            registers[ESP] = (base, offset + popped)
        return State(registers, self.saved, self.guesses + guessed)
