"""Several real files in one emulator, on one kernel stack: what calls what until the guard page is hit.

Calls that lead nowhere (virtual ones, through tables and callbacks) go to any function of one of the files, and so do
some calls of imports, which stay bound to it.  Such a function may return: what it left on the stack stays there, and
another is tried where ESP or the registers to be kept do not come out even.  No jump is turned round, and functions are
entered at their starts only.
"""

from __future__ import annotations

import importlib
import struct
from dataclasses import dataclass
from random import Random
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

import capstone

from tests.lab import image as lab_image
from tests.real.drivers import HEAP, MOST_TAKEN, STUB_BYTES, STUBS, Driver, stubs
from tests.real.pe import PAGE

unicorn: Any = importlib.import_module("unicorn")  # its annotations are too partial for mypy --strict
x86: Any = importlib.import_module("unicorn.x86_const")

HEAP_BYTES = 0x10000
NO_HANDLER = b"\xff\xff\xff\xff"  # EXCEPTION_CHAIN_END, at fs:[0] where a thread starts
GUARD = 0x100000  # bytes below Limit in which an access is the overflow
MOST_APPEAR = 150  # pages of made-up memory: the emulator takes long to map one
MOST_BLOCKS, MOST_IN_ALL, MOST_TRIES = 2000, 400_000, 12
IMPORTED = 0.3  # share of the calls of an unbound import that lead into another file
RETURNED = 0.5  # of what returns properly is gone on after, else another function is called
NAMES = ("EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI")
ALL = tuple(getattr(x86, "UC_X86_REG_" + name) for name in NAMES)
ESP, EIP, KEPT = ALL[4], x86.UC_X86_REG_EIP, (*ALL[3:4], *ALL[5:])


class RunError(RuntimeError):
    """No run came down to the guard page."""


@dataclass
class Live:
    """A call that is live; with `held` (the registers then) it led nowhere and other functions may be tried."""

    slot: int
    returns: int
    entry: int
    held: Tuple[int, ...] = ()
    tries: int = 0
    takes: Optional[int] = None
    cell: int = 0


class Block(NamedTuple):
    """How a run of code ends: call, ret, jmp, other; `cell` is what it goes through where the code says it.

    `direct`: the code itself says where a call or jump leads.
    """

    start: int
    end: int
    kind: str
    cell: int
    direct: bool


class Runner:
    """All files in one emulator, on one stack."""

    def __init__(self, drivers: Sequence[Driver], nt: lab_image.Image, stack: Tuple[int, int], rng: Random) -> None:
        self.live: List[Live] = []
        self._drivers, self._nt, self._rng = drivers, nt, rng
        self.limit, self.base = stack
        self._event, self._hit, self._floor = "", False, 0
        self._mapped: Set[int] = set()
        self._page = self._words(PAGE)
        self._left = self._all = self._via = 0
        self._imports = {one.cell for each in drivers for one in each.image.imports}
        self._starts = {at for one in drivers for at in (*one.taken, *one.image.functions(), *one.image.exports)}
        self._last: Optional[Block] = None
        self._blocks: Dict[Tuple[int, int], Block] = {}
        self._decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
        self._files = [span for one in drivers for span in one.image.code]
        self._code = [*self._files, nt.code, (STUBS + PAGE, STUBS + PAGE + STUB_BYTES * (MOST_TAKEN // 4 + 1))]
        self.machine: Any = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_32)
        for address, data in self._memory():
            self.machine.mem_map(address, -(-len(data) // PAGE) * PAGE)
            self.machine.mem_write(address, data)
        for start, end in (span for span in self._code if span != nt.code):  # nt's code is written to by design
            first = start & -PAGE
            self.machine.mem_protect(
                first, -(-(end - first) // PAGE) * PAGE, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC
            )
        self._mapped.add(0)
        self.machine.mem_map(0, PAGE)  # where fs is based
        self.machine.mem_write(0, self._page)
        self.machine.mem_map(self.limit, self.base - self.limit)
        self.machine.hook_add(unicorn.UC_HOOK_BLOCK, self._on_block)
        self.machine.hook_add(unicorn.UC_HOOK_MEM_UNMAPPED, self._on_unmapped)

    def _memory(self) -> List[Tuple[int, bytes]]:
        loaded = [(one.image.base, bytes(one.image.memory)) for one in self._drivers]
        return [*loaded, (self._nt.base, bytes(self._nt.data)), (STUBS, stubs()), (HEAP, self._words(HEAP_BYTES))]

    def _words(self, count: int) -> bytes:
        """What made-up memory holds: small numbers, addresses of more of it, nothing."""
        words = []
        for _ in range(256):
            kind = self._rng.randrange(4)
            words.append((0, self._rng.randrange(1, 9), HEAP, HEAP + 4 * self._rng.randrange(0x800))[kind])
        return struct.pack("<256I", *words) * (count // 1024)

    def run(self, entry: int, registers: Dict[int, int], words: Sequence[int], floor: int = 0) -> None:
        """Starts a thread; returns at the guard page, with `floor` once ESP lies below it.  Raises RunError."""
        self._floor, self._all, self._hit = floor, MOST_IN_ALL, False
        self.live, self._last, self._left = [], None, MOST_BLOCKS
        self.machine.mem_write(HEAP, self._words(HEAP_BYTES))
        self.machine.mem_write(0, NO_HANDLER)
        self.machine.mem_write(registers[ESP], struct.pack(f"<{len(words)}I", *words))
        for name in ALL:
            self.machine.reg_write(name, registers.get(name, self._number()))
        address = entry
        while True:
            self._event = ""
            try:
                self.machine.emu_start(address, 1)
            except unicorn.UcError:
                if self._hit:
                    break
                self._event = self._event or self._error()
            if self._event == "floor":
                break
            address = self._next()

    def _error(self) -> str:
        """What a run that stopped by itself came to: a call that led nowhere, or nothing to go on with."""
        address, last = self.machine.reg_read(EIP), self._last
        if last is not None and not self._is_code(address):
            self._follow(last, address)
            self._via = last.cell
            return "nowhere"
        return "stuck"

    def _next(self) -> int:
        """Where the run goes on after what stopped it."""
        top = self.live[-1] if self.live else None
        esp = self.machine.reg_read(ESP)
        if self._all <= 0:
            raise RunError("too long")
        if self._event == "nowhere" and top is not None and esp == top.slot and not top.held:
            if self._via in self._imports:
                return self._fail()  # nobody knows how many arguments the caller counts on
            top.held = self._registers()
            return self._enter(top)
        if self._event == "import" and top is not None and esp == top.slot:
            top.held, last = self._registers(), self._last
            top.takes, top.cell = self._stub_takes(top.entry), 0 if last is None else last.cell
            return self._enter(top)
        return self._fail()

    def _fail(self) -> int:
        oldest = next((frame for frame in self.live if frame.held), None)
        while self.live:
            top = self.live[-1]
            if top.held and (top.tries < MOST_TRIES or top is oldest):
                top.tries += 1
                for name, value in zip(ALL, top.held):
                    self.machine.reg_write(name, value)
                self.machine.mem_write(top.slot, top.returns.to_bytes(4, "little"))
                return self._enter(top)
            self.live.pop()
        raise RunError("everything returned")

    def _enter(self, frame: Live) -> int:
        """Another function runs in a frame."""
        frame.entry = self._rng.choice(self._rng.choice(self._fitting(frame.takes)))
        if frame.cell:
            self.machine.mem_write(frame.cell, frame.entry.to_bytes(4, "little"))
        self._last, self._left = None, MOST_BLOCKS
        return frame.entry

    def _fitting(self, takes: Optional[int]) -> List[List[int]]:
        """Of each file that has some the functions that take so many bytes of arguments (None: any)."""
        found = [[at for at, taken in one.taken.items() if takes in (None, taken)] for one in self._drivers]
        return [functions for functions in found if functions]

    def _stub_takes(self, address: int) -> int:
        return 4 * ((address - STUBS - PAGE) // STUB_BYTES)

    def _on_block(self, machine: Any, address: int, size: int, _: object) -> None:
        self._left -= 1
        self._all -= 1
        last, self._last = self._last, None
        if last is not None and not last.start < address < last.end:
            self._follow(last, address)
        esp = machine.reg_read(ESP)
        if last is not None and self._astray(last, address):
            self._event = "stuck"
        elif not self._is_code(address):
            self._event, self._via = self._event or "nowhere", 0 if last is None else last.cell
        elif self._left <= 0 or not self.limit - GUARD <= esp <= self.base:
            self._event = self._event or "stuck"
        elif self._floor and esp < self._floor:
            self._event = "floor"
        if self._is_stub(address) and last is not None and last.kind == "call" and last.cell and not self._event:
            machine.mem_write(HEAP, self._number().to_bytes(4, "little"))
            if self._rng.random() < IMPORTED and self._fitting(self._stub_takes(address)):
                self._event, self._last = "import", last
        if self._event:
            machine.emu_stop()
            return
        self._last = self._block(address, size)

    def _astray(self, last: Block, address: int) -> bool:
        """Whether a made-up pointer led into the middle of a function, as that of no program does."""
        made_up = last.kind == "call" and not last.direct and _within(self._files, address)
        return made_up and address not in self._starts

    def _follow(self, last: Block, address: int) -> None:
        """Keeps the list of live calls: the block before ended in a call, a return, or neither."""
        esp = self.machine.reg_read(ESP)
        if last.kind == "call":
            self._prune(esp + 4)
            if address != last.end:
                self.live.append(Live(esp, last.end, address))
        elif last.kind == "ret" or (last.kind == "jmp" and self.live and address == self.live[-1].returns):
            self._return(address, esp)  # a stack probe of gcc's jumps back

    def _return(self, address: int, esp: int) -> None:
        for at in range(len(self.live) - 1, -1, -1):
            frame = self.live[at]
            if frame.returns != address:
                continue
            del self.live[at + (1 if frame.held else 0) :]
            if frame.held:
                kept = all(self.machine.reg_read(name) == frame.held[ALL.index(name)] for name in KEPT)
                even = frame.takes is not None and esp == frame.slot + 4 + frame.takes
                if kept and even and self._rng.random() < RETURNED:
                    self.live.pop()
                else:
                    self._event = "returned"
            return
        self._event = "lost"

    def _prune(self, esp: int) -> None:
        while self.live and self.live[-1].slot < esp:
            self.live.pop()

    def _block(self, address: int, size: int) -> Block:
        found = self._blocks.get((address, size))
        if found is None:
            code, kind, cell, direct = bytes(self.machine.mem_read(address, size)), "other", 0, False
            for at, length, name, operands in self._decoder.disasm_lite(code, address):
                if at + length == address + size and name.split()[-1] in ("call", "ret", "jmp"):
                    kind, direct = name.split()[-1], operands.startswith("0x")
                    if operands.startswith("dword ptr [0x"):
                        cell = int(operands[11:-1], 16)
            found = self._blocks[address, size] = Block(address, address + size, kind, cell, direct)
        return found

    def _on_unmapped(self, machine: Any, access: int, address: int, size: int, value: int, _: object) -> bool:
        if self.limit - GUARD <= address < self.limit:
            self._hit = access != unicorn.UC_MEM_FETCH_UNMAPPED
            return False
        if access == unicorn.UC_MEM_FETCH_UNMAPPED:
            return False
        for page in {address & -PAGE, (address + size - 1) & 0xFFFFFFFF & -PAGE}:
            if page in self._mapped or len(self._mapped) >= MOST_APPEAR:
                return False
            self._mapped.add(page)
            machine.mem_map(page, PAGE)
            machine.mem_write(page, self._page)
        return True

    def _is_code(self, address: int) -> bool:
        return _within(self._code, address)

    def _is_stub(self, address: int) -> bool:
        return STUBS <= address < STUBS + 2 * PAGE

    def _number(self) -> int:
        return int.from_bytes(self._words(1024)[:4], "little")

    def _registers(self) -> Tuple[int, ...]:
        return tuple(self.machine.reg_read(name) for name in ALL)

    def sound(self) -> bool:
        """Whether all live frames still have the return addresses that their calls pushed."""
        words = (bytes(self.machine.mem_read(frame.slot, 4)) for frame in self.live)
        return all(int.from_bytes(word, "little") == frame.returns for word, frame in zip(words, self.live))


def _within(spans: Sequence[Tuple[int, int]], address: int) -> bool:
    return any(start <= address < end for start, end in spans)
