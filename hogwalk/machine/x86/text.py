"""One instruction as WinDbg prints it: `add esp,0FFFFFD70h`, `call dword ptr [BabyHog+0x9090 (b9596090)]`."""

from __future__ import annotations

import re
from typing import Callable, Match

import capstone

from hogwalk.machine.words import X86, Words
from hogwalk.machine.words import shown as shown_address

Namer = Callable[[int], str]
SMALLEST_ADDRESS = 0x10000  # below it a number is a number, above it may be an address worth a name
FAR_BELOW = 0x1000000  # [eax*4-7F7FF000h] is a table at 80801000
NUMBER = re.compile(r"(?<![\w.])(-?)(0x[0-9a-f]+|\d+)(?![\w.])")
DISPLACEMENT = re.compile(r"([+-])(0x[0-9a-f]+|\d+)$")
BRACKETS = re.compile(r"\[([^]]*)\]")
ABSOLUTE = re.compile(r"0x[0-9a-f]+|\d+")


def no_name(_: int) -> str:
    """The namer where there are no symbols."""
    return ""


def number(value: int) -> str:
    """A number in MASM's hex: 8, 0Ch, 2C4h, 0FFFFFD70h."""
    if value < 10:
        return str(value)
    digits = f"{value:X}h"
    return digits if digits[0].isdigit() else "0" + digits


class Disassembler:
    """Decodes single instructions and names the addresses in them; `name` gives "" where it has no name."""

    def __init__(self, name: Namer = no_name, words: Words = X86) -> None:
        self._name = name
        self._words = words
        mode = capstone.CS_MODE_32 if words is X86 else capstone.CS_MODE_64
        self._capstone = capstone.Cs(capstone.CS_ARCH_X86, mode)

    def code(self, raw: bytes, address: int) -> bytes:
        """The bytes of the instruction that begins `raw`; none when it is none."""
        for _, size, _, _ in self._capstone.disasm_lite(raw, address, 1):
            return raw[:size]
        return b""

    def text(self, code: bytes, address: int) -> str:
        """The instruction that begins `code`; "???" when it is none."""
        for _, _, mnemonic, operands in self._capstone.disasm_lite(code, address, 1):
            shown = self._operands(mnemonic, operands)
            return f"{mnemonic} {shown}" if shown else str(mnemonic)
        return "???"

    def _operands(self, mnemonic: str, operands: str) -> str:
        transfers = mnemonic == "call" or mnemonic[0] == "j" or mnemonic.startswith("loop")
        if transfers and ABSOLUTE.fullmatch(operands):
            return self.address(int(operands, 0))
        memory = BRACKETS.search(operands)
        if memory is None:
            return self._immediates(operands, mnemonic)
        before, behind = operands[: memory.start()], operands[memory.end() :]
        return self._immediates(before, "") + f"[{self._memory(memory.group(1))}]" + self._immediates(behind, mnemonic)

    def address(self, address: int) -> str:
        """An address with its name, if any: `nt!IofCallDriver (8081df20)`."""
        name = self._name(address)
        return f"{name} ({shown_address(address)})" if name else shown_address(address)

    def _memory(self, inner: str) -> str:
        if ABSOLUTE.fullmatch(inner):
            value = int(inner, 0)
            return self.address(value) if value >= SMALLEST_ADDRESS else number(value)
        return DISPLACEMENT.sub(_signed, inner.replace(" ", ""))

    def _immediates(self, operands: str, mnemonic: str) -> str:
        def shown(found: Match[str]) -> str:
            value = int(found.group(1) + found.group(2), 0) & self._words.mask
            name = self._name(value) if mnemonic == "push" and value >= SMALLEST_ADDRESS else ""
            return f"offset {name} ({value:08x})" if name else number(value)

        return NUMBER.sub(shown, operands).replace(", ", ",")


def _signed(found: Match[str]) -> str:
    value = int(found.group(2), 0)
    if found.group(1) == "-" and value > FAR_BELOW:
        return "+" + number((1 << 32) - value)
    return found.group(1) + number(value)
