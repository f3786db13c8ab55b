"""What prologue helpers, stack probes and loops that push do to ESP: where a flow cannot count single instructions."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Optional, Tuple

from hogwalk.machine.x86.blocks import Block
from hogwalk.machine.x86.callees import Callee
from hogwalk.machine.x86.emulate import HelperEffect, emulate_helper
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.machine.x86.state import State
from hogwalk.machine.x86.values import CONSTANT, EAX, Known

MOST_TURNS = 0x1000  # of a loop that counts down
COUNTED_DOWN = b"\x75"  # jnz


class Bends:
    """The helpers and loops of one flow.

    `origins` holds what an `and esp` (alignment) or an alloca (0) made of which ESP, by instruction address; `effects`
    what the prologue helpers called on the way did, by return address.
    """

    def __init__(self, reader: CodeReader) -> None:
        self._reader = reader
        self.effects: Dict[int, HelperEffect] = {}
        self.origins: Dict[int, Tuple[int, Known]] = {}

    def behind_helper(self, callee: Callee, block: Block, state: State) -> State:
        """The state behind the call of what may be a prologue helper or a stack probe."""
        held = state.registers[EAX]
        eax = held[1] if held is not None and held[0] == CONSTANT else None
        words: Dict[int, int] = {}
        if block.esp is not None:
            base, top = block.esp
            words = {slot[1] - top: word for slot, word in block.constants.items() if slot[0] == base}
        effect = emulate_helper(self._reader, callee.address, eax, words)
        if effect is None and eax is None:
            effect = self._dynamic(callee, block)
        return state.lost(callee.popped or 0) if effect is None else self._applied(effect, block, state)

    def _dynamic(self, callee: Callee, block: Block) -> Optional[HelperEffect]:
        """An alloca: what the probe does to EBP, with an ESP that only its address in the code stands for."""
        effect = emulate_helper(self._reader, callee.address, 0x40, {})
        if effect is None or effect.esp is None:
            return effect
        return replace(effect, esp=(block.start, 0), eax=None)

    def _applied(self, effect: HelperEffect, block: Block, state: State) -> State:
        self.effects[block.targets[0]] = effect
        if effect.esp is not None and effect.esp[0] == block.start:
            self.origins.setdefault(block.start, (0, state.esp))
        return state.helped(effect)

    def behind_loop(self, block: Block, before: State, state: State) -> State:
        """The state behind a block that jumps to itself and moves ESP each time, as probes and filled locals do.

        Where no register counts a known number down to 0 only the block's address stands for ESP.
        """
        counts = [
            held[1]
            for register, held in enumerate(before.registers)
            if held is not None and held[0] == CONSTANT and block.registers.get(register) == (register, -1)
        ]
        counted = len(counts) == 1 and 0 < counts[0] <= MOST_TURNS
        if counted and self._reader.bytes_at(block.end - 2, 1) == COUNTED_DOWN and block.esp is not None:
            return state.moved((counts[0] - 1) * block.esp[1])
        self.origins.setdefault(block.start, (0, state.esp))
        return state.with_esp((block.start, 0))
