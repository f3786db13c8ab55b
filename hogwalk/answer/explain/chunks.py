"""A model of a function's stack: what each instruction on the way to a call put there and what for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, List, Optional

from hogwalk.answer.explain.records import Purpose
from hogwalk.machine.words import X86
from hogwalk.machine.x86.emulate import HelperEffect
from hogwalk.machine.x86.flow import Flow
from hogwalk.machine.x86.opcodes import (
    FS_PREFIX,
    GROUP_FF,
    LOAD_CHAIN,
    MOV_EAX_FROM,
    MOV_REGISTERS,
    PUSH_CHAIN,
    PUSH_CONSTANTS,
    PUSH_REGISTERS,
    ROOM_PUSHES,
    SET_UP,
)
from hogwalk.machine.x86.prologue import Step
from hogwalk.machine.x86.values import EBP, ESP, FIRST_ORIGIN, Known

WORD = X86.word

MOST_RECORD_WORDS = 4  # next, handler, scope table, try level


@dataclass
class Chunk:
    """Stack bytes put there by the instruction at `address`; `bytes` None stands for what only the frame's size tells.

    `below` is ESP when they had been put there, `pushed` tells pushes from other room.
    """

    purpose: Purpose
    bytes: Optional[int]
    address: int
    below: Known
    pushed: bool = False
    constant: bool = False


class StackModel:
    """The chunks on the stack, oldest first; the first one is the return address and is never taken away.

    Code that pops its return address owes these bytes: what it puts there next pays them back first.
    """

    def __init__(self, return_address: Chunk) -> None:
        self.chunks: List[Chunk] = [return_address]
        self._owed = 0
        self._leading = True
        self._chain_loaded = False

    def follow(self, flow: Flow, steps: Iterable[Step]) -> None:
        """Applies the instructions in order."""
        for step in steps:
            effect = None if step.behind is None else flow.effects.get(step.behind)
            if effect is not None:
                self._help(step, effect)
            elif step.moved is None:
                self._jump_to(step, flow)
            elif step.moved > 0:
                self._take(step.moved)
            elif step.moved < 0:
                self._put(step, -step.moved)
            else:
                self._notice(step)

    def _put(self, step: Step, count: int) -> None:
        paid = min(self._owed, count)
        self._owed, count = self._owed - paid, count - paid
        if not count:
            return
        opcode = step.code[0]
        constant = opcode in PUSH_CONSTANTS
        pushed = constant or opcode in PUSH_REGISTERS or opcode == GROUP_FF or step.code[:2] == PUSH_CHAIN[:2]
        if step.keeps == EBP:
            purpose = Purpose.SAVED_EBP
        elif step.keeps is not None:
            purpose = Purpose.SAVED_REGISTERS
        elif not pushed or (self._leading and opcode in ROOM_PUSHES):
            purpose = Purpose.LOCALS
        else:
            purpose = Purpose.OUTGOING
        self.chunks.append(Chunk(purpose, count, step.address, step.after, pushed, constant))
        if pushed and (self._chain_loaded or step.code == PUSH_CHAIN):
            self._record()

    def _record(self) -> None:
        """The newest push completes an SEH registration record: with the constants pushed right before it."""
        self._chain_loaded = False
        newest = True
        for chunk in reversed(self.chunks[-MOST_RECORD_WORDS:]):
            if not newest and not chunk.constant:
                break
            chunk.purpose = Purpose.SEH_RECORD
            newest = False

    def _notice(self, step: Step) -> None:
        """An instruction that leaves ESP alone: does the prologue go on?"""
        if step.code in LOAD_CHAIN:
            self._chain_loaded = True
        elif step.code in SET_UP or step.code[0] in (FS_PREFIX, MOV_EAX_FROM, *MOV_REGISTERS):
            return
        else:
            self._leading = False

    def _take(self, count: int) -> None:
        """Removes the newest bytes."""
        while count > 0:
            if len(self.chunks) == 1:
                self._owed += count
                return
            newest = self.chunks[-1]
            if newest.bytes is None:
                return
            if newest.bytes > count:
                newest.bytes -= count
                return
            count -= newest.bytes
            self.chunks.pop()

    def _jump_to(self, step: Step, flow: Flow) -> None:
        """ESP became something new: aligned, lowered by an unknown amount, or back to where it was before."""
        after = step.after
        for index, chunk in enumerate(self.chunks):
            if after is not None and chunk.below == after:
                del self.chunks[index + 1 :]
                self._owed = 0
                return
        if after is not None and after[0] >= FIRST_ORIGIN and after[0] in flow.origins:
            purpose = Purpose.ALIGNMENT if flow.origins[after[0]][0] else Purpose.ALLOCA
            self.chunks.append(Chunk(purpose, None, step.address, after))
        else:
            self._leading = False

    def _help(self, step: Step, effect: HelperEffect) -> None:
        """A prologue helper: what it kept, the record it made, and locals for the rest."""
        if effect.esp is None or effect.esp[0] != ESP:
            self.chunks.append(Chunk(Purpose.ALLOCA, None, step.address, step.after))
            return
        top = 0
        if effect.saved is not None and effect.ebp != (EBP, 0):
            top = effect.saved + WORD
            self._take(max(0, top))
            self._add(step, Purpose.SAVED_EBP, WORD)
            top -= 4
        if effect.record is not None and effect.record < top:
            self._add(step, Purpose.SEH_RECORD, top - effect.record)
            top = effect.record
        kept = WORD * len([slot for slot in effect.kept if effect.esp[1] <= slot < top])
        self._add(step, Purpose.LOCALS, top - effect.esp[1] - kept)
        self._add(step, Purpose.SAVED_REGISTERS, kept)

    def _add(self, step: Step, purpose: Purpose, count: int) -> None:
        paid = max(0, min(self._owed, count))
        self._owed -= paid
        if count > paid:
            self.chunks.append(Chunk(purpose, count - paid, step.address, step.after))
        elif count < 0:
            self._take(-count)

    def name_arguments(self, count: int) -> None:
        """The newest pushes, up to `count` bytes, are the arguments of the call that comes next."""
        for chunk in reversed(self.chunks):
            if not chunk.pushed or chunk.bytes is None or chunk.bytes > count:
                return
            if chunk.purpose is not Purpose.SEH_RECORD:
                chunk.purpose = Purpose.OUTGOING
            count -= chunk.bytes
