"""How deep the stack is at an instruction of code without unwind data (x64): the way from there to its `ret`."""

from __future__ import annotations

from functools import lru_cache
from typing import Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

import capstone
from capstone import x86

from hogwalk.machine.words import X64
from hogwalk.machine.x64.unwindinfo import BytesAt

WORD = X64.word
MOST_STEPS = 400  # instructions looked at: hand-written code is short
LONGEST, AT_ONCE = 15, 64  # bytes: of an instruction, and decoded in one go
_STACK_POINTERS = (x86.X86_REG_RSP, x86.X86_REG_ESP, x86.X86_REG_SP)
_CONDITIONAL = frozenset(("loop", "loope", "loopne"))


class ToReturn(NamedTuple):
    """Bytes from a register up to the return slot; `from_rbp` says that it is RBP, else RSP."""

    depth: int
    from_rbp: bool


@lru_cache(maxsize=None)
def _decoder() -> capstone.Cs:
    """The disassembler, made once: capstone imports all its machines each time."""
    made = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    made.detail = True
    return made


class Depths:
    """Looks at code once for each address."""

    def __init__(self, code_at: BytesAt) -> None:
        self._code_at = code_at
        self._decoder = _decoder()
        self._known: Dict[int, Optional[ToReturn]] = {}
        self._ahead: Iterator[capstone.CsInsn] = iter(())
        self._next: Optional[int] = None  # where the next of these begins

    def to_return(self, address: int) -> Optional[ToReturn]:
        """The way from an instruction to the `ret` of its function; None where the code does not say."""
        if address not in self._known:
            self._known[address] = self._way(address)
        return self._known[address]

    def _way(self, address: int) -> Optional[ToReturn]:
        waiting: List[Tuple[int, int, bool]] = [(address, 0, False)]
        seen: Set[int] = set()
        steps = 0
        while waiting and steps < MOST_STEPS:
            at, depth, framed = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            steps += 1
            instruction = self._decode(at)
            if instruction is None:
                continue
            name = instruction.mnemonic
            if name in ("ret", "bnd ret", "repz ret"):
                return ToReturn(depth, framed)
            waiting.extend(self._onward(instruction, depth, framed))
        return None

    def still(self, start: int, end: int) -> bool:
        """Whether code leaves RSP where it is up to what undoes its function's prologue.

        False where something else moves it, or a byte of the code is no instruction.
        """
        code = self._code_at(start, end - start)
        if code is None:
            return False
        at = start
        for instruction in self._decoder.disasm(code, start):
            at = instruction.address + instruction.size
            if _pushed(instruction):
                return False
        return at == end

    def _decode(self, at: int) -> Optional[capstone.CsInsn]:
        """The instruction at an address; those behind it are at hand from then on."""
        found = next(self._ahead, None) if at == self._next else None
        if found is None:
            code = self._code_at(at, AT_ONCE)
            self._ahead = self._decoder.disasm(code, at) if code is not None else iter(())
            found = next(self._ahead, None) or self._alone(at)
        self._next = None if found is None else at + found.size
        return found

    def _alone(self, at: int) -> Optional[capstone.CsInsn]:
        for count in (LONGEST, 8, 4, 2, 1):
            code = self._code_at(at, count)
            if code is not None:
                return next(self._decoder.disasm(code, at, 1), None)
        return None

    def _onward(self, instruction: capstone.CsInsn, depth: int, framed: bool) -> List[Tuple[int, int, bool]]:
        name, after = instruction.mnemonic, instruction.address + instruction.size
        if name == "jmp":
            target = _target(instruction)
            return [] if target is None else [(target, depth, framed)]
        if name in ("int3", "ud2", "iretq", "hlt", "sysretq"):
            return []
        if name.startswith("j") or name in _CONDITIONAL:
            target = _target(instruction)
            return [(after, depth, framed)] if target is None else [(target, depth, framed), (after, depth, framed)]
        moved = _moved(instruction, depth, framed)
        return [] if moved is None else [(after, *moved)]


def _target(instruction: capstone.CsInsn) -> Optional[int]:
    operand = instruction.operands[0]
    return int(operand.imm) if operand.type == x86.X86_OP_IMM else None


def _pushed(instruction: capstone.CsInsn) -> bool:
    """Whether an instruction makes room on the stack, or puts RSP where that may be."""
    name, operands = instruction.mnemonic, instruction.operands
    if name.startswith("push") or name == "enter":
        return True
    first = operands[0] if operands else None
    if first is None or first.type != x86.X86_OP_REG or first.reg not in _STACK_POINTERS or name in ("cmp", "test"):
        return False
    second = operands[1] if len(operands) > 1 else None
    if name == "lea" and second is not None:  # epilogues set it from the frame register
        return bool(second.mem.index or second.mem.base in (*_STACK_POINTERS, 0))
    if name == "mov" and second is not None and second.type == x86.X86_OP_REG:
        return bool(second.reg != x86.X86_REG_RBP)
    return name != "add" or second is None or second.type != x86.X86_OP_IMM


def _moved(instruction: capstone.CsInsn, depth: int, framed: bool) -> Optional[Tuple[int, bool]]:
    """The depth after an instruction, None where RSP becomes unknown."""
    name, operands = instruction.mnemonic, instruction.operands
    if name in ("push", "pushfq"):
        return depth - WORD, framed
    if name == "pop" and operands[0].type == x86.X86_OP_REG and operands[0].reg == x86.X86_REG_RSP:
        return None
    if name in ("pop", "popfq"):
        return depth + WORD, framed
    if name == "leave":
        return WORD, True
    first = operands[0] if operands else None
    if first is None or first.type != x86.X86_OP_REG or first.reg != x86.X86_REG_RSP or name in ("cmp", "test"):
        return depth, framed
    second = operands[1] if len(operands) > 1 else None
    if second is not None and second.type == x86.X86_OP_IMM and name in ("add", "sub"):
        return (depth + second.imm if name == "add" else depth - second.imm), framed
    if name == "mov" and second is not None and second.type == x86.X86_OP_REG and second.reg == x86.X86_REG_RBP:
        return 0, True
    if name == "lea" and second is not None and not second.mem.index:
        if second.mem.base == x86.X86_REG_RSP:
            return depth + second.mem.disp, framed
        if second.mem.base == x86.X86_REG_RBP:
            return second.mem.disp, True
    return None
