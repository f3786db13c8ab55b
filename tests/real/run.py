"""Runs the functions of a mapped file in an emulator and notes the true stack depth of every call.

Each function is called with made-up arguments.  Memory that is not there appears when it is touched; imported
functions return made-up numbers and take off what their names say; a call that leads nowhere ends the run.  Some runs
also turn conditional jumps round.  What such a run saw of a function counts only when the function then returned to
its caller with its stack even and the registers kept, so that no way through it is seen that code cannot take.
"""

from __future__ import annotations

import importlib
import random
from dataclasses import dataclass, field
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

import capstone

from tests.real.pe import PAGE, Image, taken

unicorn: Any = importlib.import_module("unicorn")  # its annotations are too partial for mypy --strict
x86: Any = importlib.import_module("unicorn.x86_const")

STACK, STACK_BYTES = 0x70000000, 0x100000
STUBS, STUB_BYTES = 0x7A000000, 16
HEAP, HEAP_BYTES = 0x60000000, 0x10000
SENTINEL = 0x7F000000
TOP = STACK + STACK_BYTES - 0x2000
MOST_BLOCKS = 3000
RECIPE = 5  # raised with every change of what is run and noted, so that no older truth is taken for it
SEEDS = 9  # runs of each function, two thirds of them with turned jumps
TURNED = 0.25  # share of the conditional jumps that are
NEVER_RETURN = frozenset(  # as their own code shows where they are not imported
    name
    for names in (
        "abort exit _exit _amsg_exit _endthread _endthreadex quick_exit longjmp _CxxThrowException terminate",
        "ExitProcess ExitThread FatalExit FreeLibraryAndExitThread Py_FatalError KeBugCheck KeBugCheckEx",
        "ExRaiseStatus ExRaiseAccessViolation ExRaiseDatatypeMisalignment PsTerminateSystemThread",
    )
    for name in names.split()
)
KEPT = (x86.UC_X86_REG_EBX, x86.UC_X86_REG_ESI, x86.UC_X86_REG_EDI, x86.UC_X86_REG_EBP)
NAMES = (*KEPT, x86.UC_X86_REG_EAX, x86.UC_X86_REG_ECX, x86.UC_X86_REG_EDX)
ESP, EBP, EIP = x86.UC_X86_REG_ESP, x86.UC_X86_REG_EBP, x86.UC_X86_REG_EIP


class Call(NamedTuple):
    """One call as it ran: `callee` is where it led in the end, `depth` in bytes from ESP up to the return slot.

    `above` counts bytes from the address in EBP up to the return slot, -1 when EBP points to no part of the frame;
    `kept` tells that EBP is the caller's.
    """

    return_address: int
    callee: int
    depth: int
    above: int
    kept: bool


@dataclass
class Frame:
    """A function that runs."""

    slot: int
    returns: int
    entry: int
    registers: Tuple[int, ...]
    turned: bool = False  # a jump in it was turned round
    seen: List[Call] = field(default_factory=list)
    sure: int = 1 << 32  # how many of them: a made-up pointer may lead to what takes more arguments, or fewer


class Block(NamedTuple):
    """How a run of code ends: kind is call, ret, jcc, thunk (nothing but a jump) or other.

    `taken` is where a jump or a call leads whose code says it.
    """

    start: int
    kind: str
    end: int
    taken: int


class Runner:
    """One file in an emulator."""

    def __init__(self, image: Image, popped: Dict[str, int]) -> None:
        """`popped` holds what imported functions take off the stack, by name."""
        self.image = image
        self.calls: Set[Call] = set()
        self._blocks: Dict[Tuple[int, int], Block] = {}
        self._frames: List[Frame] = []
        self._last: Optional[Block] = None
        self._left = 0
        self._forced = self._doubted = False
        self._random = random.Random(1)
        self._mapped: Set[int] = set()
        self._functions = frozenset((*image.functions(), *image.exports))
        self._machine: Any = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_32)
        self._decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
        self._stubs(popped)
        self._map()

    def _stubs(self, popped: Dict[str, int]) -> None:
        """mov eax,[number]; ret N, for each imported function whose N is known; the others lie where no code is.

        Functions that never return loop for ever.
        """
        cells: Dict[int, int] = {}
        code = bytearray()
        for number, one in enumerate(self.image.imports):
            count = taken(one, popped)
            if count is None:
                cells[one.cell] = STUBS + 0x800000 + STUB_BYTES * number
                continue
            cells[one.cell] = STUBS + PAGE + len(code)
            if one.name in NEVER_RETURN:
                code += b"\xeb\xfe".ljust(STUB_BYTES, b"\xcc")
                continue
            stub = b"\xa1" + STUBS.to_bytes(4, "little") + b"\xc2" + count.to_bytes(2, "little")
            code += stub.ljust(STUB_BYTES, b"\xcc")
        self.stubs = (STUBS + PAGE, bytes(code))
        self._stubs_end = STUBS + PAGE + len(code)
        self.image.fill(cells)

    def _map(self) -> None:
        machine, image = self._machine, self.image
        machine.mem_map(image.base, len(image.memory))
        machine.mem_write(image.base, bytes(image.memory))
        machine.mem_protect(image.base, len(image.memory), unicorn.UC_PROT_READ)
        rights = [(start, end, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC) for start, end in image.code]
        rights += [(start, start + len(data), unicorn.UC_PROT_ALL) for start, data in image.writable]
        for start, end, allowed in rights:
            first = start & -PAGE
            machine.mem_protect(first, -(-(end - first) // PAGE) * PAGE, allowed)
        machine.mem_map(STACK, STACK_BYTES)
        machine.mem_map(STUBS, 0x400000)
        machine.mem_write(*self.stubs)
        machine.mem_map(HEAP, HEAP_BYTES)
        machine.mem_map(SENTINEL, PAGE)
        machine.hook_add(unicorn.UC_HOOK_BLOCK, self._on_block)
        machine.hook_add(unicorn.UC_HOOK_MEM_UNMAPPED, self._on_unmapped)

    def run(self, function: int, seed: int, forced: bool) -> None:
        """Calls a function; `seed` chooses arguments and numbers, `forced` turns some jumps round."""
        doubted = forced or self.image.only_named(function)
        machine = self._machine
        self._random = random.Random(seed * 1000003 ^ function)
        for start, data in self.image.writable:
            machine.mem_write(start, data)
        words = b"".join(self._number().to_bytes(4, "little") for _ in range(64))
        machine.mem_write(HEAP, words * (HEAP_BYTES // len(words)))
        machine.mem_write(STUBS, words[:4])
        machine.mem_write(TOP, SENTINEL.to_bytes(4, "little") + words)
        for name in NAMES:
            machine.reg_write(name, self._number())
        for number, name in enumerate(KEPT):
            machine.reg_write(name, HEAP + 0x4000 + 0x40 * number + 4 * self._random.randrange(8))
        machine.reg_write(ESP, TOP)
        self._frames = [Frame(TOP, SENTINEL, function, self._registers())]
        self._last, self._left, self._forced, self._doubted = None, MOST_BLOCKS, forced, doubted
        try:
            machine.emu_start(function, SENTINEL)
        except unicorn.UcError:
            address, last = machine.reg_read(EIP), self._last
            if last is not None and last.kind == "call" and not self.image.is_code(address):
                self._called(last, address)
            elif last is not None and last.kind == "thunk" and not self.image.is_code(address):
                self._resolve(last.start, address)
                self._last = None
        if self._last is not None and self._last.kind == "thunk" and len(self._frames) > 1:
            self._frames[-2].seen.pop()  # the run ended before it was known where the call leads
        if machine.reg_read(EIP) == SENTINEL:
            self._left_by_return(SENTINEL, machine.reg_read(ESP))
        if not doubted:
            for frame in self._frames:
                self.calls.update(frame.seen)

    def _number(self) -> int:
        """What a register, an argument or a result may be: small, or an address of memory."""
        kind = self._random.randrange(4)
        return (0, self._random.randrange(1, 9), HEAP, HEAP + 4 * self._random.randrange(0x800))[kind]

    def _registers(self) -> Tuple[int, ...]:
        return tuple(self._machine.reg_read(name) for name in KEPT)

    def _on_unmapped(self, machine: Any, access: int, address: int, size: int, value: int, _: object) -> bool:
        if access == unicorn.UC_MEM_FETCH_UNMAPPED or len(self._mapped) > 2000:
            return False
        for page in {address & -PAGE, (address + size - 1) & 0xFFFFFFFF & -PAGE}:
            if page not in self._mapped:
                self._mapped.add(page)
                machine.mem_map(page, PAGE)
        return True

    def _on_block(self, machine: Any, address: int, size: int, _: object) -> None:
        self._left -= 1
        code = self.image.is_code(address) or STUBS + PAGE <= address < self._stubs_end
        last, self._last = self._last, self._block(address, size) if code else None
        if last is not None:
            if last.kind == "call":
                self._called(last, address)
            elif last.kind == "ret":
                self._left_by_return(address, machine.reg_read(ESP))
            elif last.kind == "thunk":
                self._resolve(last.start, address)
            elif self._frames and address == self._frames[-1].returns and last.kind == "other" and not last.taken:
                self._left_by_return(address, machine.reg_read(ESP))  # a stack probe that ends with a jump
            elif last.kind == "jcc" and self._forced and self._random.random() < TURNED:
                other = last.end if address == last.taken else last.taken
                self._last = None
                self._frames[-1].turned = True
                machine.reg_write(EIP, other)
                return
        if not code or self._left <= 0 or not self._frames:
            machine.emu_stop()

    def _block(self, address: int, size: int) -> Block:
        key = (address, size)
        found = self._blocks.get(key)
        if found is None:
            code = bytes(self._machine.mem_read(address, size))
            kind, end, taken, count = "other", address + size, 0, 0
            for at, length, name, operands in self._decoder.disasm_lite(code, address):
                count, name = count + 1, name.split()[-1]
                if at + length < end:
                    continue
                if operands.startswith("0x") and (name == "call" or name[0] == "j"):
                    taken = int(operands, 0)
                if name in ("call", "ret"):
                    kind = name
                elif name == "jmp":
                    kind = "thunk" if count == 1 else "other"
                elif name[0] == "j":
                    kind = "jcc"
            found = self._blocks[key] = Block(address, kind, end, taken)
        return found

    def _resolve(self, thunk: int, address: int) -> None:
        """A call led to no more than a jump: where that goes is what was called."""
        frame = self._frames[-1]
        if len(self._frames) > 1 and frame.entry == thunk and not frame.seen:
            seen = self._frames[-2].seen
            seen[-1] = seen[-1]._replace(callee=address)
            frame.entry = address

    def _called(self, last: Block, address: int) -> None:
        esp = self._machine.reg_read(ESP)
        if int.from_bytes(self._machine.mem_read(esp, 4), "little") != last.end:
            return
        frame, registers = self._frames[-1], self._registers()
        depth, above = frame.slot - esp - 4, frame.slot - registers[3]
        if not 0 <= depth < STACK_BYTES:
            self._left = 0  # ESP leads nowhere: a made-up one was loaded
            return
        above = above if 0 <= above <= depth else -1
        frame.seen.append(Call(last.end, address, depth, above, registers[3] == frame.registers[3]))
        if not last.taken and not STUBS <= address < self._stubs_end:
            frame.sure = min(frame.sure, len(frame.seen))
        if address != last.end:
            self._frames.append(Frame(esp, last.end, address, registers))
        if self.image.is_code(address) and address not in self._functions:
            self._left = 0  # a made-up pointer that leads into the middle of some code

    def _left_by_return(self, address: int, esp: int) -> None:
        while self._frames:
            frame = self._frames[-1]
            if frame.returns == address:
                self._frames.pop()
                kept = esp > frame.slot and self._registers() == frame.registers
                if kept or not self._doubted:
                    self.calls.update(frame.seen)
                elif frame.turned:  # a way that cannot be: nothing after it is worth seeing
                    self._left = 0
                return
            if frame.slot >= esp:
                if not self.image.is_code(address):
                    del frame.seen[frame.sure :]
                return
            self._frames.pop()
            self._left = 0  # to elsewhere than it was called from


def runs(image: Image, runner: Runner, most: int) -> Set[Call]:
    """The calls seen in runs of up to `most` functions of a file, each called several times."""
    starts = list(image.functions())
    random.Random(1).shuffle(starts)
    for function in starts[:most]:
        for seed in range(SEEDS):
            runner.run(function, seed, seed >= SEEDS // 3)
    return runner.calls
