"""Runs a linked image in an emulator and notes the true stack depth of every call."""

from __future__ import annotations

import importlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Set, Tuple

unicorn: Any = importlib.import_module("unicorn")  # its annotations are too partial for mypy --strict
x86: Any = importlib.import_module("unicorn.x86_const")

STACK, STACK_BYTES = 0x20000000, 0x100000
SENTINEL = 0x30000000
PAGE = 0x1000
CALL_NEXT = b"\xe8\0\0\0\0"  # not a call but a way to read EIP
ENTRY_EBP = 0x2000AAAA


@dataclass(frozen=True)
class Image:
    """A linked program: where it starts, and (address, bytes) of its sections."""

    entry: int
    sections: Tuple[Tuple[int, bytes], ...]


def load(path: Path) -> Image:
    """Reads a linked PE file."""
    data = path.read_bytes()
    (header,) = struct.unpack_from("<I", data, 0x3C)
    count, optional = struct.unpack_from("<H12xH", data, header + 6)
    entry, base = struct.unpack_from("<I8xI", data, header + 0x28)
    sections = []
    for at in range(header + 0x18 + optional, header + 0x18 + optional + 40 * count, 40):
        name, size, address, raw, offset = struct.unpack_from("<8sIIII", data, at)
        if name.rstrip(b"\0") in (b".text", b".data", b".rdata", b".bss"):
            sections.append((base + address, data[offset : offset + min(raw, size)].ljust(size, b"\0")))
    return Image(base + entry, tuple(sections))


@dataclass
class Frame:
    """A function being run: where it began, its return slot and address, and EBP when it was called."""

    function: int
    slot: int
    returns: int
    ebp: int


class Watcher:
    """Keeps the true call stack while the program runs; `calls` collects one row per distinct call and depth.

    A row is function, return address, depth, bytes from the address in EBP up to the return slot, whether EBP is the
    caller's, and the distances below the return slot at which the caller's EBP is on the stack.
    """

    def __init__(self, machine: Any) -> None:
        self._machine = machine
        self._frames: List[Frame] = []
        self._functions: Set[int] = set()
        self._called = self._returned = False
        self.calls: Set[Tuple[int, int, int, int, bool, Tuple[int, ...]]] = set()

    def enter(self, function: int, slot: int) -> None:
        """A function begins; its return address lies at `slot`."""
        returns = int.from_bytes(self._machine.mem_read(slot, 4), "little")
        self._frames.append(Frame(function, slot, returns, self._machine.reg_read(x86.UC_X86_REG_EBP)))

    def step(self, machine: Any, address: int, size: int, _: object) -> None:
        """Every instruction, before it runs."""
        esp = machine.reg_read(x86.UC_X86_REG_ESP)
        if self._called:
            self.enter(address, esp)
            self._functions.add(address)
        elif address in self._functions and esp == self._frames[-1].slot:
            self._frames[-1].function = address  # a tail call
        elif self._returned and any(frame.returns == address for frame in self._frames[-2:]):
            while self._frames.pop().returns != address:
                pass
        code = bytes(machine.mem_read(address, size))
        self._called = code[0] == 0xE8 or (code[0] == 0xFF and code[1] >> 3 & 7 == 2)
        self._called = self._called and code != CALL_NEXT
        self._returned = code[0] in (0xC2, 0xC3)
        if self._called:
            self._note(address + size, esp)

    def _note(self, behind: int, esp: int) -> None:
        frame = self._frames[-1]
        ebp = self._machine.reg_read(x86.UC_X86_REG_EBP)
        depth = frame.slot - esp
        words = bytes(self._machine.mem_read(esp, max(0, depth)))
        slots = [at for at in range(0, depth, 4) if int.from_bytes(words[at : at + 4], "little") == frame.ebp]
        saved = tuple(depth - at for at in reversed(slots[-4:]))
        above = frame.slot - ebp if 0 <= frame.slot - ebp <= depth else -1
        self.calls.add((frame.function, behind, depth, above, ebp == frame.ebp, saved))


def truths(image: Image) -> List[List[Any]]:
    """Runs the program to its end and gives the rows of `Watcher.calls`, sorted."""
    machine = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_32)
    pages: Dict[int, bytearray] = {0: bytearray(PAGE), SENTINEL: bytearray(PAGE)}
    for address, data in image.sections:
        for at in range(address - address % PAGE, address + len(data), PAGE):
            pages.setdefault(at, bytearray(PAGE))
    for address in pages:
        machine.mem_map(address, PAGE)
    for address, data in image.sections:
        machine.mem_write(address, data)
    machine.mem_map(STACK, STACK_BYTES)
    esp = STACK + STACK_BYTES - 0x1000
    machine.mem_write(esp, SENTINEL.to_bytes(4, "little"))
    machine.reg_write(x86.UC_X86_REG_ESP, esp)
    machine.reg_write(x86.UC_X86_REG_EBP, ENTRY_EBP)
    watcher = Watcher(machine)
    watcher.enter(image.entry, esp)
    machine.hook_add(unicorn.UC_HOOK_CODE, watcher.step)
    machine.emu_start(image.entry, SENTINEL)
    return [[*row[:4], row[4], list(row[5])] for row in sorted(watcher.calls)]
