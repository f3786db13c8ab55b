"""Run the modules in unicorn until the guard page faults, with a shadow stack of every live call."""

from __future__ import annotations

import contextlib
import importlib
import struct
from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

import capstone

from tests.lab import abi
from tests.lab.memory import fill, map_world
from tests.lab.ntinterrupt import CODE
from tests.lab.world import Segment, World

unicorn: Any = importlib.import_module("unicorn")  # its annotations are too partial for mypy --strict
x86: Any = importlib.import_module("unicorn.x86_const")

_MOST_BLOCKS = 3_000_000
_INTERRUPT_ROOM = 0x80  # bytes that its trap frame needs
_EFLAGS = 0x00010202
_REGISTERS = ("eip", "esp", "ebp", "eax", "ebx", "ecx", "edx", "esi", "edi")


class RunError(RuntimeError):
    """The run ended otherwise than by the guard page."""


class _RanOutError(Exception):
    """The words that an interruption pushes reach into the guard page."""


@dataclass(frozen=True)
class Live:
    """One live call: where its return address lies, what it is, and the entry that was called; kind call or trap."""

    slot: int
    return_address: int
    entry: int
    kind: str


@dataclass(frozen=True)
class Run:
    """State at the fault: registers, live calls oldest first, and all memory that the dump needs."""

    registers: Dict[str, int]
    live: Tuple[Live, ...]
    images: Tuple[bytes, ...]
    stacks: Tuple[bytes, ...]
    pool: bytes
    blocks: int
    events: Tuple[str, ...]


class Emulator:
    """One x86 processor at ring 0 with flat segments, fs = KPCR and the world's memory."""

    def __init__(self, world: World) -> None:
        """Maps modules, stack segments, pool, KPCR, KTHREAD and one user page."""
        self.world = world
        self.live: List[Live] = []
        self.blocks = 0
        self.events: List[str] = []
        self._ends: Dict[int, str] = {}
        self._last = ""
        self._block = (0, 0, 0)
        self._interrupt = -1
        self._fault_address = 0
        self._floor = 0  # ESP below it ends a run, at the next block or at that of _stop_at
        self._stop_at = 0
        self._more = 0  # blocks until then
        self.interrupts: List[int] = []  # bytes above Limit: each comes once ESP lies below that, the highest first
        self._arrives = False
        self._decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
        self.machine: Any = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_32)
        map_world(self.machine, world)
        self.machine.hook_add(unicorn.UC_HOOK_BLOCK, self._on_block)
        self.machine.hook_add(unicorn.UC_HOOK_INTR, self._on_interrupt)
        self.machine.hook_add(unicorn.UC_HOOK_MEM_UNMAPPED, self._on_unmapped)

    def run(self, registers: Dict[str, int], floor: int = 0, more: int = 0, stop_at: int = 0) -> Run:
        """Start at the registers and go on until the guard page of the current segment is hit; raises RunError.

        With floor only until ESP has come below it and so many more blocks have run there, or the block at stop_at.
        """
        self._floor, self._more, self._stop_at = floor, more, stop_at
        for name, value in registers.items():
            self._set(name, value)
        with contextlib.suppress(_RanOutError):
            while self._goes_on():
                pass
        self._prune(self._get("esp"))
        return self._result()

    def _goes_on(self) -> bool:
        """Runs up to the next interruption and delivers it; False where the run ends."""
        try:
            self.machine.emu_start(self._get("eip"), 0)
        except unicorn.UcError as error:
            return not self._fault(error)
        if self._get("esp") < self._floor and self._get("eip") == self._block[0]:
            return False
        if self._arrives:
            self._hardware_interrupt()
        else:
            self._system_call()
        return True

    def rehearse(self, registers: Dict[str, int], floor: int) -> None:
        """An earlier run on the same stack, until ESP comes below floor: all that it leaves is what lies on the stack.

        Raises RunError as run does.
        """
        self.run(registers, floor)
        if "trap" in self.events:
            self.machine.mem_unmap(abi.PAGED_OUT, 0x1000)
        fill(self.machine, self.world)
        self.live, self.events, self.blocks = [], [], 0
        self._last, self._block, self._interrupt, self._arrives = "", (0, 0, 0), -1, False

    def _on_block(self, machine: Any, address: int, size: int, _: object) -> None:
        """Keep the shadow stack: the block before this one ended in a call, a return, or neither."""
        self.blocks += 1
        if self.blocks > _MOST_BLOCKS:
            machine.emu_stop()
        esp = machine.reg_read(x86.UC_X86_REG_ESP) if self._last in ("call", "ret") else 0
        if not self._went_on(address, esp):
            if self._last == "call":
                self._prune(esp + 4)
                self.live.append(Live(esp, self.read(esp), address, "call"))
            elif self._last == "ret":
                self._return(address)
        key = address << 12 | size
        if key not in self._ends:
            self._ends[key] = self._block_end(address, size)
        self._last = self._ends[key]
        start_esp = machine.reg_read(x86.UC_X86_REG_ESP) if self._last in ("call", "ret") else 0
        self._block = (address, address + size, start_esp)
        if self._floor and machine.reg_read(x86.UC_X86_REG_ESP) < self._floor:
            self._more -= 1
            if address == self._stop_at if self._stop_at else self._more < 0:
                machine.emu_stop()
        if self.interrupts:
            room = machine.reg_read(x86.UC_X86_REG_ESP) - self.world.segments[0].limit
            if _INTERRUPT_ROOM < room < self.interrupts[0]:
                self._arrives = True
                machine.emu_stop()

    def _went_on(self, address: int, esp: int) -> bool:
        """True when the emulator only stopped and went on inside the block: nothing was called or returned."""
        start, end, start_esp = self._block
        return start < address < end or (address == start and esp == start_esp)

    def _block_end(self, address: int, size: int) -> str:
        name = ""
        for instruction in self._decoder.disasm(bytes(self.machine.mem_read(address, size)), address):
            name = instruction.mnemonic.split()[-1]  # without prefixes, as of bnd ret
        return "ret" if name in ("ret", "retf", "iretd") else name

    def _return(self, address: int) -> None:
        """Drop the newest call that returns to the address and everything newer."""
        for i in range(len(self.live) - 1, -1, -1):
            if self.live[i].return_address == address:
                del self.live[i:]
                return
        raise RunError(f"a return to {address:08x} that no live call explains")

    def _prune(self, esp: int) -> None:
        """Drop calls whose slot now lies below ESP in the same segment (left by jumps or by popping)."""
        segment = self._segment(esp)
        while self.live and segment.holds(self.live[-1].slot) and self.live[-1].slot < esp:
            self.live.pop()

    def _segment(self, address: int) -> Segment:
        for segment in self.world.segments:
            if segment.limit - 0x1000 <= address <= segment.base:
                return segment
        raise RunError(f"ESP {address:08x} lies in no stack segment")

    def _on_interrupt(self, machine: Any, number: int, _: object) -> None:
        self._interrupt = number
        machine.emu_stop()

    def _on_unmapped(self, machine: Any, access: int, address: int, size: int, value: int, _: object) -> bool:
        self._fault_address = address
        return False

    def _fault(self, error: Exception) -> bool:
        """True at the guard page; otherwise delivers a page fault to nt!KiTrap0E, or raises RunError."""
        eip, address = self._get("eip"), self._fault_address
        esp = self._get("esp")
        if self._segment(esp).limit - 0x1000 <= address < self._segment(esp).limit:
            return True
        if address & ~0xFFF != abi.PAGED_OUT:
            raise RunError(f"{error} at eip {eip:08x}, address {address:08x}")
        self.machine.mem_map(abi.PAGED_OUT, 0x1000)
        self.write(abi.field_address("cr2"), address)
        self.events.append("trap")
        self._enter("_KiTrap0E", (0, eip, 8, _EFLAGS))
        return False

    def _system_call(self) -> None:
        """int 2eh: push EFLAGS, CS, EIP and go to nt!KiSystemService."""
        if self._interrupt != 0x2E:
            raise RunError(
                "stopped at eip {:08x} by interrupt {} after {} blocks".format(
                    self._get("eip"), self._interrupt, self.blocks
                )
            )
        self._interrupt = -1
        self.events.append("int 2e")
        behind = self._get("eip")
        try:
            self._enter("_KiSystemService", (behind, 8, _EFLAGS))
        except _RanOutError:
            self._set("eip", behind - 2)  # a fault while it is delivered leaves EIP at the int itself
            raise

    def _hardware_interrupt(self) -> None:
        """An interrupt between two blocks: a device's the first time, then the clock's."""
        self._arrives = False
        if self._get("eip") != self._block[0]:
            return  # stopped later than asked for: the next block will do
        del self.interrupts[0]
        self.write(abi.field_address("budget"), 0x40000000)  # what it calls goes on to the overflow
        clock = "interrupt" in self.events
        entry = self.world.symbol("nt", "_HalpClockInterrupt") if clock else abi.INTERRUPT + CODE
        self.events.append("interrupt")
        self._push_and_go((self._get("eip"), 8, _EFLAGS), 0, entry, "trap")

    def _enter(self, symbol: str, pushed: Tuple[int, ...]) -> None:
        """Push the words (the first ends lowest), record the interruption and jump to the nt symbol."""
        skip = 4 if symbol == "_KiTrap0E" else 0
        self._push_and_go(pushed, skip, self.world.symbol("nt", symbol), "trap" if skip else "int")

    def _push_and_go(self, pushed: Tuple[int, ...], skip: int, entry: int, kind: str) -> None:
        esp = self._get("esp") - 4 * len(pushed)
        try:
            self.write(esp, *pushed)
        except unicorn.UcError as error:
            raise _RanOutError from error
        self._prune(esp)
        self._set("esp", esp)
        self.live.append(Live(esp + skip, self.read(esp + skip), entry, kind))
        self._last = ""
        self._set("eip", entry)

    def read(self, address: int) -> int:
        """The dword at the address."""
        return int(struct.unpack("<I", self.machine.mem_read(address, 4))[0])

    def write(self, address: int, *words: int) -> None:
        """Store dwords at the address."""
        self.machine.mem_write(address, struct.pack(f"<{len(words)}I", *words))

    def _get(self, name: str) -> int:
        return int(self.machine.reg_read(getattr(x86, "UC_X86_REG_" + name.upper())))

    def _set(self, name: str, value: int) -> None:
        self.machine.reg_write(getattr(x86, "UC_X86_REG_" + name.upper()), value)

    def _result(self) -> Run:
        read = self.machine.mem_read
        return Run(
            {name: self._get(name) for name in _REGISTERS},
            tuple(self.live),
            tuple(bytes(read(image.base, len(image.data))) for image in self.world.images),
            tuple(bytes(read(s.limit, s.base - s.limit)) for s in self.world.segments),
            bytes(read(abi.IO, abi.POOL_BYTES)),
            self.blocks,
            tuple(self.events),
        )
