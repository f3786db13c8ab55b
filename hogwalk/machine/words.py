"""What differs from machine to machine in a word: its bytes, its mask, how it is printed, where a row's frame lies.

The records are handed on (`About.words`, `StackImage.machine`); no other room writes a word's size out.  Sources: the
debugger's own output (10.0.15063 and 10.0.29507) and Microsoft's description of the x64 calling convention.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Optional, Tuple

NARROW_BITS = 32
_ENGINE_MASK = (1 << 64) - 1  # the engine's addresses have 64 bits, whatever the target's


@dataclass(frozen=True)
class Words:
    """One machine.

    `word` counts the bytes of a stack word, `registers` are the debugger's names of the instruction, stack and frame
    pointer, `frame_name` is the head of the column that `k` prints them in, `slot_step` the distance in bytes between
    two places where a call can have put its return address (16 on x64, whose calls keep RSP aligned) and `slot_at`
    such a place modulo that.  `walked` says whether hogwalk can walk its stacks.
    """

    name: str
    word: int
    registers: Tuple[str, str, str]
    frame_name: str
    slot_step: int
    slot_at: int
    walked: bool

    @property
    def mask(self) -> int:
        """All bits of a word."""
        return (1 << 8 * self.word) - 1

    @property
    def letter(self) -> str:
        """The word's letter for the struct module."""
        return "I" if self.word == struct.calcsize("<I") else "Q"

    def typed(self, address: int) -> str:
        """An address as it enters a debugger command: on 32-bit pointers with its sign in all 64 bits.

        `ffffffff8081df65` is what every engine takes; 8081df65 by itself lies in no module to dbgeng 10.0.29507, whose
        evaluator, unlike that of 10.0.15063, does not extend the sign.
        """
        bits = 8 * self.word
        address &= (1 << bits) - 1
        return hexa(address | _ENGINE_MASK >> bits << bits if address >> bits - 1 else address)

    def unpack(self, raw: bytes) -> Tuple[int, ...]:
        """The words of some bytes; bytes past the last whole one are left out."""
        count = len(raw) // self.word
        return struct.unpack_from(f"<{count}{self.letter}", raw)

    def shown(self, address: int) -> str:
        """An address with all the digits of a word, as the debugger shows it."""
        digits = f"{address:0{2 * self.word}x}"
        return digits if self.word == struct.calcsize("<I") else f"{digits[:8]}`{digits[8:]}"

    def aligned(self, address: int) -> bool:
        """Whether a word can lie at an address."""
        return address % self.word == 0

    def frame_ptr(self, return_slot: int, newer_slot: Optional[int]) -> Optional[int]:
        """The frame pointer that `k` prints for the frame whose return address lies at `return_slot`.

        x86: ChildEBP, the word below it.  Elsewhere Child-SP: right above the newer frame's return slot, None without.
        """
        if self.slot_step == self.word:
            return return_slot - self.word
        return None if newer_slot is None else newer_slot + self.word

    def return_slot(self, frame_ptr: int, older_frame_ptr: Optional[int]) -> Optional[int]:
        """Where the return address of a row lies: above its ChildEBP (x86), else below the older row's Child-SP."""
        if self.slot_step == self.word:
            return frame_ptr + self.word
        return None if older_frame_ptr is None else older_frame_ptr - self.word


X86 = Words("x86", 4, ("eip", "esp", "ebp"), "ChildEBP", 4, 0, True)
X64 = Words("x64", 8, ("rip", "rsp", "rbp"), "Child-SP", 16, 8, True)
ARM64 = Words("arm64", 8, ("pc", "sp", "fp"), "Child-SP", 16, 8, False)
_MACHINES = {words.name: words for words in (X86, X64, ARM64)}


def words_of(machine: str, pointer_bytes: int) -> Words:
    """The record of a machine by its name; an unknown one gets that of its pointers' size, named as it is."""
    known = _MACHINES.get(machine)
    if known is not None:
        return known
    like = X86 if pointer_bytes == X86.word else X64
    return Words(machine, like.word, like.registers, like.frame_name, like.slot_step, like.slot_at, False)


def hexa(address: int) -> str:
    """An address in plain hex digits, no backtick: eight, or sixteen where these do not hold it."""
    return f"{address:016x}" if address >> NARROW_BITS else f"{address:08x}"


def shown(address: int) -> str:
    """An address as the debugger shows it: sixteen digits have a backtick in the middle."""
    plain = hexa(address)
    return plain if len(plain) == 8 else f"{plain[:8]}`{plain[8:]}"
