"""What single x86 instructions do to the registers, by opcode."""

from __future__ import annotations

from hogwalk.machine.x86.cursor import START_ESP, Cursor
from hogwalk.machine.x86.values import CELL, CONSTANT, EAX, EBP, ECX, EDI, EDX, ESI, ESP, KEPT, plus


def push_register(cursor: Cursor, at: int) -> int:
    """50-57: push r32."""
    registers, block, register = cursor.registers, cursor.block, cursor.code[at] & 7
    esp = registers.get(ESP, START_ESP)
    if esp is not None:
        esp = (esp[0], esp[1] - 4)
    registers[ESP] = esp
    block.pushes += 4
    if register not in registers:
        if register in KEPT:
            block.head = block.pushes
        elif register in (ECX, EDX):
            block.stale += 4
            if block.head + 4 == block.pushes:
                block.head = block.pushes
    if register == EBP:
        cursor.save_ebp(esp)
    return at + 1


def pop_register(cursor: Cursor, at: int) -> int:
    """58-5F: pop r32."""
    register = cursor.code[at] & 7
    slot = cursor.get(ESP)
    if register == ESP:
        cursor.put(ESP, None)
        return at + 1
    cursor.move_esp(4)
    if register == EBP:
        cursor.load_ebp(slot)
    else:
        cursor.put(register, None)
    return at + 1


def push_constant(cursor: Cursor, at: int) -> int:
    """68 and 6A: push imm."""
    cursor.move_esp(-4)
    block = cursor.block
    block.pushes += 4
    size = 4 if cursor.code[at] == 0x68 else 1
    slot = cursor.get(ESP)
    if slot is not None:
        block.constants = {**block.constants, slot: cursor.signed(at + 1, size)}
    return at + 1 + size


STACK_BYTES = {0x06: -4, 0x0E: -4, 0x16: -4, 0x1E: -4, 0x9C: -4, 0x60: -32, 0x07: 4, 0x17: 4, 0x1F: 4, 0x9D: 4}


def push_or_pop(cursor: Cursor, at: int) -> int:
    """Pushes and pops of segment registers and flags, and pushad."""
    cursor.move_esp(STACK_BYTES[cursor.code[at]])
    return at + 1


def pop_all(cursor: Cursor, at: int) -> int:
    """61: popad."""
    cursor.move_esp(32)
    cursor.put(EBP, None)
    return at + 1


def add_constant(cursor: Cursor, at: int) -> int:
    """81 and 83: add and sub keep a register known; `and esp` starts a new origin."""
    modrm = cursor.code[at + 1]
    if modrm < 0xC0:
        return at + cursor.length(at)
    size = 1 if cursor.code[at] == 0x83 else 4
    if modrm == 0xE4:
        cursor.new_origin(at, -cursor.signed(at + 2, size))
    elif modrm & 0xF8 in (0xC0, 0xE8):
        register, count = modrm & 7, cursor.signed(at + 2, size)
        held = cursor.registers.get(register, (register, 0))
        cursor.registers[register] = plus(held, count if modrm < 0xE8 else -count)
        if register == ESP:
            cursor.block.pushes = cursor.block.head = cursor.block.stale = 0
    elif modrm & 0x38 != 0x38:
        cursor.put(modrm & 7, None)
    return at + 2 + size


def arithmetic(cursor: Cursor, at: int) -> int:
    """add, or, adc, sbb, and, sub, xor between a register and ModRM."""
    opcode, modrm = cursor.code[at], cursor.code[at + 1]
    to_register = opcode & 2
    if not to_register and modrm < 0xC0:
        return at + cursor.length(at)
    target = modrm >> 3 & 7 if to_register else modrm & 7
    source = modrm & 7 if to_register else modrm >> 3 & 7
    if target != ESP:
        cursor.registers[target] = None
        return at + cursor.length(at)
    amount = cursor.get(source) if modrm >= 0xC0 else None
    if amount is not None and amount[0] == CONSTANT and opcode & 0x38 in (0x00, 0x28):
        cursor.move_esp(-amount[1] if opcode & 0x38 else amount[1])
    elif opcode & 0x38 in (0x00, 0x28):
        cursor.block.odd = True
        cursor.new_origin(at, 0, amount if opcode & 0x38 else None)
    else:
        cursor.put(ESP, None)
    return at + cursor.length(at)


def store(cursor: Cursor, at: int) -> int:
    """89: mov r/m32,r32."""
    modrm = cursor.code[at + 1]
    register = modrm >> 3 & 7
    if modrm >= 0xC0:
        copy(cursor, at, modrm & 7, register)
        return at + 2
    if register == EBP:
        operand = cursor.memory(at + 1)
        if operand is not None and operand[0] == ESP:
            cursor.save_ebp(plus(cursor.get(ESP), operand[1]))
    return at + cursor.length(at)


def load(cursor: Cursor, at: int) -> int:
    """8B: mov r32,r/m32."""
    modrm = cursor.code[at + 1]
    register = modrm >> 3 & 7
    if modrm >= 0xC0:
        copy(cursor, at, register, modrm & 7)
        return at + 2
    operand = cursor.memory(at + 1) if register == EBP else None
    if operand is not None and operand[0] == ESP:
        cursor.load_ebp(plus(cursor.get(ESP), operand[1]))
    else:
        cursor.put(register, (CELL, cursor.word(at + 2)) if modrm & 0xC7 == 5 else None)
        if modrm & 0xC7 == 4 and cursor.code[at + 2] & 0xC7 == 0x85:
            cursor.tables = {**cursor.tables, register: cursor.word(at + 3)}  # mov reg,[table+reg*4]
    return at + cursor.length(at)


def copy(cursor: Cursor, at: int, target: int, source: int) -> None:
    """mov between registers; ESP set from an unknown register is an alloca."""
    if target == source:
        return  # mov edi,edi, as functions that can be patched begin, is no change that a push of EDI would come after
    value = cursor.get(source)
    if target == ESP and source != EBP:
        cursor.block.odd = True
        if value is None:
            cursor.new_origin(at, 0)
            return
    if target == EBP and source == ESP:
        cursor.block.head = cursor.block.pushes
    cursor.put(target, value)


def load_address(cursor: Cursor, at: int) -> int:
    """8D: lea."""
    register = cursor.code[at + 1] >> 3 & 7
    operand = cursor.memory(at + 1)
    value = None if operand is None else plus(cursor.get(operand[0]), operand[1])
    if register == EBP and operand is not None and operand[0] == ESP and operand[1] >= 4:
        cursor.block.odd = True
    cursor.put(register, value)
    return at + cursor.length(at)


def load_constant(cursor: Cursor, at: int) -> int:
    """B8-BF: mov r32,imm32."""
    register = cursor.code[at] & 7
    word = int.from_bytes(cursor.code[at + 1 : at + 5], "little")
    cursor.registers[register] = None if register == ESP else (CONSTANT, word)
    return at + 5


def exchange_eax_esp(cursor: Cursor, at: int) -> int:
    """94: xchg eax,esp, as stack probes do."""
    cursor.block.odd = True
    eax = cursor.get(EAX)
    cursor.put(EAX, cursor.get(ESP))
    cursor.put(ESP, eax)
    return at + 1


def enter(cursor: Cursor, at: int) -> int:
    """C8: enter."""
    cursor.move_esp(-4)
    cursor.save_ebp(cursor.get(ESP))
    cursor.put(EBP, cursor.get(ESP))
    cursor.move_esp(-int.from_bytes(cursor.code[at + 1 : at + 3], "little") - 4 * (cursor.code[at + 3] & 31))
    return at + 4


def leave_frame(cursor: Cursor, at: int) -> int:
    """C9: leave."""
    slot = cursor.get(EBP)
    cursor.put(ESP, plus(slot, 4))
    cursor.load_ebp(slot)
    return at + 1


def increment(cursor: Cursor, at: int) -> int:
    """40-4F: inc and dec r32."""
    opcode = cursor.code[at]
    cursor.put(opcode & 7, plus(cursor.get(opcode & 7), 1 if opcode < 0x48 else -1))
    return at + 1


def load_eax(cursor: Cursor, at: int) -> int:
    """A1: mov eax,[address]."""
    cursor.put(EAX, (CELL, cursor.word(at + 1)))
    return at + 5


def change_eax(cursor: Cursor, at: int) -> int:
    """Arithmetic of EAX with a constant, cwde, and what else changes no other register."""
    opcode = cursor.code[at]
    known = cursor.get(EAX) if opcode in (0x05, 0x2D) else None
    count = cursor.signed(at + 1, 4) if known is not None else 0
    cursor.put(EAX, plus(known, count if opcode == 0x05 else -count))
    return at + cursor.length(at)


def load_byte(cursor: Cursor, at: int) -> int:
    """B0-B7: mov r8,imm8, the low and high bytes of the first four registers."""
    cursor.put(cursor.code[at] & 3, None)
    return at + 2


def string(cursor: Cursor, at: int) -> int:
    """movs, stos, lods, scas, cmps: they move ESI or EDI, with rep they count ECX down."""
    for register in (EAX, ECX, ESI, EDI) if cursor.code[at] & 0xFE == 0xAC else (ECX, ESI, EDI):
        cursor.put(register, None)
    return at + 1


def change_operand(cursor: Cursor, at: int) -> int:
    """Shifts, not and neg, mul and div: what they leave in a register is not followed."""
    opcode, modrm = cursor.code[at], cursor.code[at + 1]
    if opcode & 0xFE == 0xF6:
        if modrm & 0x20:
            cursor.put(EAX, None)
            cursor.put(EDX, None)
        if modrm & 0x30 != 0x10:
            return at + cursor.length(at)
    if modrm >= 0xC0:
        cursor.put(modrm & (7 if opcode & 1 else 3), None)
    return at + cursor.length(at)


def change_register(cursor: Cursor, at: int) -> int:
    """imul r32 and loads of bytes: the register that the ModRM names beside its operand changes."""
    register = cursor.code[at + 1] >> 3 & 7
    cursor.put(register if cursor.code[at] & 1 else register & 3, None)
    return at + cursor.length(at)


def exchange_eax(cursor: Cursor, at: int) -> int:
    """91-97 but for ESP: xchg eax,r32."""
    register = cursor.code[at] & 7
    value = cursor.get(EAX)
    cursor.put(EAX, cursor.get(register))
    cursor.put(register, value)
    return at + 1


# The second opcode bytes (behind 0F) of instructions that change the register beside the ModRM's operand: cmov, imul,
# movzx, movsx, bsf, bsr, popcnt, movmsk, conversions to integers; and of those that change the operand itself:
# setcc, shld, shrd, bit tests, cmpxchg, xadd, movd.
REGISTER_CHANGED = frozenset(
    (*range(0x40, 0x50), 0x2C, 0x2D, 0x50, 0xAF, 0xB6, 0xB7, 0xB8, 0xBC, 0xBD, 0xBE, 0xBF, 0xC5, 0xD7, 0x02, 0x03)
)
OPERAND_CHANGED = frozenset(
    (*range(0x90, 0xA0), 0xA4, 0xA5, 0xAB, 0xAC, 0xAD, 0xB0, 0xB1, 0xB3, 0xBA, 0xBB, 0xC0, 0xC1, 0x7E)
)


def two_byte_change(cursor: Cursor, at: int) -> None:
    """Notes which register an instruction behind 0F changes."""
    second, modrm = cursor.code[at + 1], cursor.code[at + 2]
    if second in REGISTER_CHANGED:
        cursor.put(modrm >> 3 & 7, None)
    elif second in OPERAND_CHANGED:
        if modrm >= 0xC0:
            cursor.put(modrm & (3 if second < 0xA0 else 7), None)
        if second in (0xB0, 0xB1, 0xC0, 0xC1):
            cursor.put(EAX, None)
            cursor.put(modrm >> 3 & 7, None)
    elif 0xC8 <= second < 0xD0:
        cursor.put(second & 7, None)
    elif second in (0x31, 0xA2):  # rdtsc, cpuid
        for register in range(4):
            cursor.put(register, None)
