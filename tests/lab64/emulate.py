"""Runs the lab's x64 modules in an emulator until the guard page is hit, and keeps the live return slots."""

from __future__ import annotations

import importlib
import struct
from dataclasses import dataclass
from random import Random
from typing import Any, Dict, List, Sequence, Tuple

import capstone

from tests.lab64.build import Image
from tests.lab64.source import NOISES
from tests.lab64.styles import Style

unicorn: Any = importlib.import_module("unicorn")  # its annotations are too partial for mypy --strict
x86: Any = importlib.import_module("unicorn.x86_const")
POOL, POOL_BYTES = 0xFFFFFA8002000000, 0x10000
PAGED_OUT = 0xFFFFFA8003000000
IST_TOP, IST_BYTES = 0xFFFFF80002806000, 0x6000
STACK = 0xFFFFF88003000000
STACK_BYTES, SEGMENT_BYTES = 0x6000, 0xC000
USER_RIP, USER_RSP = 0x7FFA1000, 0x14F000
MOST_BLOCKS = 4_000_000
REGISTERS = ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
             "r15", "rip")  # fmt: skip
JIT_ROOM = 0x60
CONTROL_BYTES = 0x60  # room for a _KERNEL_STACK_CONTROL at the top of a segment
PHYSICAL = (1 << 52) - 1  # without paging the emulator's processor drops the upper bits


class RunError(RuntimeError):
    """A run that does not end at the guard page as planned."""


@dataclass(frozen=True)
class Live:
    """One return slot: its address, the address in it, and what pushed it (call, machine or user)."""

    slot: int
    address: int
    kind: str


@dataclass(frozen=True)
class Run:
    """A finished run: live slots newest first, the registers at the fault and at the bug check, memory."""

    live: Tuple[Live, ...]
    fault: Dict[str, int]
    crash: Dict[str, int]
    memory: Tuple[Tuple[int, bytes], ...]
    limit: int
    base: int
    trap_frame: int


class Emulator:
    """One machine with the modules of a case."""

    def __init__(self, images: Sequence[Image], style: Style, rng: Random) -> None:
        self.images, self.style, self.rng = images, style, rng
        self.live: List[Live] = []
        self.blocks = 0
        self._last: Tuple[int, int] = (0, 0)
        self._fault = 0
        self._calls: Dict[Tuple[int, int], bool] = {}
        self._decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        self.uc: Any = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
        self.ranges: List[Tuple[int, int]] = []
        self.stacks = [(STACK, STACK + STACK_BYTES)]
        if style.has("segment"):
            low = STACK - 0x40000 if rng.random() < 0.5 else STACK + 0x40000
            self.stacks.append((low, low + SEGMENT_BYTES))
        for image in images:
            self._map(image.base, len(image.data))
            self.uc.mem_write(image.base & PHYSICAL, image.data)
        for low, high in (*self.stacks, (IST_TOP - IST_BYTES, IST_TOP), (POOL, POOL + POOL_BYTES)):
            self._map(low, high - low)
        self._context()
        self.uc.hook_add(unicorn.UC_HOOK_BLOCK, self._on_block)
        self.uc.hook_add(unicorn.UC_HOOK_MEM_UNMAPPED, self._on_unmapped)

    def _map(self, at: int, size: int) -> None:
        self.uc.mem_map(at & PHYSICAL, size)
        self.ranges.append((at, size))

    def symbol(self, name: str) -> int:
        """The address of a function of any module."""
        return next(image.symbols[name] for image in self.images if name in image.symbols)

    def _context(self) -> None:
        table = [address for image in self.images for address, name in image.functions
                 if "Fn" in name or "Hand" in name or "Chain" in name]  # fmt: skip
        self.rng.shuffle(table)
        if self.style.has("jit"):
            table = table[:40] + self._jit(table)
        table = table[:120]
        noise = [self.symbol(f"{image.name}Noise{at}") for image in self.images for at in range(NOISES)]
        segment = self.stacks[1][1] - CONTROL_BYTES if len(self.stacks) > 1 else 0
        countdown = self.rng.randrange(3, 12) if self.style.has("trap") or segment else 1 << 40
        words = [self.rng.getrandbits(63), countdown, 0, len(table), len(noise), PAGED_OUT, segment, 0]
        words += [*table, *[0] * (128 - len(table)), *noise]
        self.write(POOL, *words)
        self.write(self.symbol("KiCtx"), POOL)

    def _jit(self, table: Sequence[int]) -> List[int]:
        """Code in no module: it pushes, moves RSP and calls on through a register."""
        found = []
        for at in range(12):
            room = 16 * self.rng.randrange(2, 15)
            code = b"\x53\x56\x57" + b"\x48\x81\xec" + struct.pack("<I", room) + b"\x48\x8b\xd9"
            code += b"\x48\xb8" + struct.pack("<Q", self.rng.choice(table)) + b"\xff\xd0\x90"
            code += b"\x48\x81\xc4" + struct.pack("<I", room) + b"\x5f\x5e\x5b\xc3"
            place = POOL + 0x4000 + JIT_ROOM * at
            self.uc.mem_write(place & PHYSICAL, code)
            found.append(place)
        return found

    def run(self) -> Run:
        """From the thread's start to the double fault's bug check; raises RunError."""
        top = self.stacks[0][1]
        if self.rng.random() < 0.5:
            rsp = top - 0x398
            self.write(rsp, 0)
            self._set(rip=self.symbol("KiStartSystemThread"), rsp=rsp, rbp=0)
        else:
            rsp = top - 0x28 - (CONTROL_BYTES if len(self.stacks) > 1 else 0x10)
            self.write(rsp - 8, 0, USER_RIP, 0x33, 0x246, USER_RSP, 0x2B)
            self.live.append(Live(rsp, USER_RIP, "user"))
            self._set(rip=self.symbol("KiSystemCall64"), rsp=rsp - 8, rbp=USER_RSP + 0x40)
        self._interrupted()
        self._go()
        live, fault = tuple(reversed(self.live)), self._registers()
        limit, base = self._stack(fault["rsp"])
        self._enter("KiDoubleFaultAbort", IST_TOP, True)
        self._fault = 0
        self.uc.emu_start(self._get("rip"), 0)
        crash = self._registers()
        trap_frame = IST_TOP - 0x30 - 8 - 0x158
        memory = tuple((at, bytes(self.uc.mem_read(at & PHYSICAL, size))) for at, size in self.ranges)
        return Run(live, fault, crash, memory, limit, base, trap_frame)

    def _interrupted(self) -> None:
        """Delivers an interrupt after some instructions, wherever that is."""
        if self.style.has("trap"):
            try:
                self.uc.emu_start(self._get("rip"), 0, count=self.rng.randrange(100, 4000))
            except unicorn.UcError as error:
                if not self._page_fault():
                    raise RunError("the guard page before the interrupt") from error
                return
            self._enter("KiInterruptDispatch", self._get("rsp"), False)

    def _go(self) -> None:
        while True:
            try:
                self.uc.emu_start(self._get("rip"), 0)
            except unicorn.UcError as error:
                if not self._page_fault():
                    rsp = self._get("rsp")
                    limit, _ = self._stack(rsp)
                    if limit - 0x1000 <= self._fault < limit:
                        self._prune(rsp)
                        return
                    raise RunError(f"{error} at {self._get('rip'):x}, {self._fault:x}") from error
            else:
                raise RunError(f"the run ended at {self._get('rip'):x}")

    def _page_fault(self) -> bool:
        if not PAGED_OUT <= self._fault < PAGED_OUT + 0x100000:
            return False
        self._map(self._fault & ~0xFFF, 0x1000)
        self._enter("KiPageFault", self._get("rsp"), True)
        return True

    def _enter(self, handler: str, top: int, code: bool) -> None:
        """Pushes a machine frame as the processor does and goes to its handler."""
        rsp = self._get("rsp")
        self._prune(rsp)
        start, end = self._last
        called = end and self._ends_in_call(start, end) and self.read(rsp) == end and self._get("rip") != start
        if called and not (self.live and self.live[-1].slot == rsp):  # stopped between the call and what it calls
            self.live.append(Live(rsp, end, "call"))
        at = (top & ~15) - 0x28
        self.write(at, self._get("rip"), 0x10, 0x10246, rsp, 0x18)
        if top == rsp:
            self.live.append(Live(at, self._get("rip"), "machine"))
        if code:
            at -= 8
            self.write(at, 2)
        self._set(rip=self.symbol(handler), rsp=at)
        self._last = (0, 0)

    def _stack(self, rsp: int) -> Tuple[int, int]:
        for low, high in self.stacks:
            if low - 0x1000 <= rsp <= high:
                return low, high
        raise RunError(f"RSP {rsp:x} lies on no stack")

    def _prune(self, rsp: int) -> None:
        """Drops slots below RSP on the same stack; on the first stack also all of a stack that was left."""
        while self.live:
            slot = self.live[-1].slot
            low, high = next((one for one in self.stacks if one[0] <= slot < one[1]), (0, 0))
            if not (low - 0x1000 <= rsp <= high and slot < rsp):
                return
            self.live.pop()

    def _on_block(self, uc: Any, address: int, size: int, _: object) -> None:
        self.blocks += 1
        if self.blocks > MOST_BLOCKS:
            uc.emu_stop()
        rsp = uc.reg_read(x86.UC_X86_REG_RSP)
        if IST_TOP - IST_BYTES <= rsp <= IST_TOP:
            return
        self._switched(rsp)
        start, end = self._last
        called = end and self._ends_in_call(start, end) and self.read(rsp) == end
        if called and not (self.live and self.live[-1].slot == rsp):
            self._prune(rsp + 8)
            self.live.append(Live(rsp, end, "call"))
        else:
            self._prune(rsp)
        self._last = (address, address + size)

    def _switched(self, rsp: int) -> None:
        """The stack switch of the kernel pushes a machine frame of its own."""
        if len(self.stacks) > 1:
            resumes = self.symbol("KiSwitchKernelStackContinue")
            low, high = self.stacks[1]
            top = high - CONTROL_BYTES
            if low <= rsp < top and not (self.live and low <= self.live[-1].slot < high):
                self.live.append(Live(top - 0x28, resumes, "machine"))
                old = self.stacks[0]
                self.write(top, high, low, 0, top, low)  # Current of _KERNEL_STACK_CONTROL, then Previous
                self.write(top + 0x28, old[1], old[0], self.read(top - 0x28 + 0x18), old[1] - CONTROL_BYTES, old[0])

    def _ends_in_call(self, start: int, end: int) -> bool:
        key = (start, end)
        if key not in self._calls:
            name = ""
            for one in self._decoder.disasm(bytes(self.uc.mem_read(start & PHYSICAL, end - start)), start):
                name = one.mnemonic
            self._calls[key] = name == "call"
        return self._calls[key]

    def _on_unmapped(self, uc: Any, access: int, address: int, size: int, value: int, _: object) -> bool:
        self._fault = address | ~PHYSICAL & (1 << 64) - 1 if address >> 51 & 1 else address
        return False

    def read(self, address: int) -> int:
        """The word at an address."""
        try:
            return int(struct.unpack("<Q", self.uc.mem_read(address & PHYSICAL, 8))[0])
        except unicorn.UcError:
            return 0

    def write(self, address: int, *words: int) -> None:
        """Stores words."""
        self.uc.mem_write(address & PHYSICAL, struct.pack(f"<{len(words)}Q", *words))

    def _get(self, name: str) -> int:
        return int(self.uc.reg_read(getattr(x86, "UC_X86_REG_" + name.upper())))

    def _set(self, **registers: int) -> None:
        for name, value in registers.items():
            self.uc.reg_write(getattr(x86, "UC_X86_REG_" + name.upper()), value)

    def _registers(self) -> Dict[str, int]:
        return {name: self._get(name) for name in REGISTERS}
