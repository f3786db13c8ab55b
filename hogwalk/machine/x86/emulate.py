"""Runs a prologue helper (`_chkstk`, `__SEH_prolog4`, `_EH_prolog`, ...) to see what it does to its caller's stack.

Only the instructions that such helpers are made of are known; anything else ends the run without a result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional, Tuple

from hogwalk.machine.x86.lengths import instruction_length
from hogwalk.machine.x86.machine import AND, CMP, MASK, Machine, Number, Place, UnsupportedError
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.machine.x86.values import EAX, EBP, EBX, EDI, ESI, ESP, Known

CALLER_ESP, CALLER_EBP = 0x40000000, 0x50000000  # made-up addresses, far apart
REACH = 0x1000000
RETURN_ADDRESS = 0x00F0F0F0
TAGS = {EBX: 0x60000001, ESI: 0x60000002, EDI: 0x60000003}  # to be found again where they are pushed
MOST_STEPS = 2000
PAGE, STEPS_A_PAGE = 0x1000, 8  # a probe's loop takes four or five for each page of the room it is asked for
FS = 0x64
SEGMENTS = (0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65)
SHORT = 0x67  # 16-bit addresses: only of fs:[0]
SHORT_ABSOLUTE = 6  # ModRM but for its register: [disp16]
COOKIE_COMPARED = b"\x3b\x0d"  # cmp ecx,[cookie] of __security_check_cookie: helpers that call it expect it intact
BOUND = (0xF2, 0xF3)  # bnd before a transfer and rep before a ret change nothing
TRANSFERS = frozenset((0xC2, 0xC3, 0xE8, 0xE9, 0xEB, 0x0F, *range(0x70, 0x80)))


@dataclass(frozen=True)
class HelperEffect:
    """ESP and EBP behind the call: base ESP or EBP (what they were before the call) and an offset in bytes.

    Offsets from the ESP before the call: `saved` of the slot where EBP was kept, `record` of the registration record
    that fs:[0] was set to, `kept` of the slots that EBX, ESI and EDI were pushed to.  `eax` is EAX afterwards.
    """

    esp: Known
    ebp: Known
    eax: Number
    saved: Optional[int] = None
    record: Optional[int] = None
    kept: Tuple[int, ...] = ()


def emulate_helper(reader: CodeReader, entry: int, eax: Number, words: Mapping[int, int]) -> Optional[HelperEffect]:
    """What the helper at `entry` does when called with `eax`; None when it cannot be told.

    `words` are the known words on the stack by their offset from the ESP before the call.
    """
    memory = {CALLER_ESP + offset: word & MASK for offset, word in words.items()}
    machine = Machine(CALLER_ESP, CALLER_EBP, memory)
    machine.registers[EAX] = None if eax is None else eax & MASK
    for register, tag in TAGS.items():
        machine.registers[register] = tag
    machine.push(RETURN_ADDRESS)
    try:
        room = eax if eax is not None and 0 <= eax < REACH else 0
        _run(machine, reader, entry, MOST_STEPS + STEPS_A_PAGE * (room // PAGE))
    except (UnsupportedError, IndexError):
        return None
    slots = {word: address - CALLER_ESP for address, word in machine.memory.items() if word is not None}
    registers = machine.registers
    return HelperEffect(
        _relative(registers[ESP]),
        _relative(registers[EBP]),
        registers[EAX],
        slots.get(CALLER_EBP),
        None if machine.chain is None else machine.chain - CALLER_ESP,
        tuple(slots[tag] for tag in TAGS.values() if tag in slots),
    )


def _relative(number: Number) -> Known:
    if number is not None:
        for register, base in ((ESP, CALLER_ESP), (EBP, CALLER_EBP)):
            if abs(number - base) < REACH:
                return register, number - base
    return None


def _run(machine: Machine, reader: CodeReader, entry: int, most: int) -> None:
    """Runs up to the return; raises UnsupportedError when it cannot get there."""
    ip = entry
    for _ in range(most):
        code = reader.readable_from(ip, 15)
        length = instruction_length(code, 0)
        at = 0
        while at < length and (code[at] in SEGMENTS or code[at] in BOUND or code[at] == SHORT):
            at += 1
        if at == length or (at and code[at - 1] in BOUND and code[at] not in TRANSFERS):
            raise UnsupportedError
        ip += length
        if code[at] in (0xC2, 0xC3):
            ip = _return(machine, code[at:])
            if ip == RETURN_ADDRESS:
                return
            continue
        if code[at] == 0xE8:
            machine.push(ip)
        if code[at] in TRANSFERS:
            ip += _jumped(machine, code, at)
        elif not _simple(machine, code, at):
            _with_operand(machine, code, at, FS in code[:at])
    raise UnsupportedError


def _jumped(machine: Machine, code: bytes, at: int) -> int:
    """How far the jump at offset `at` goes from behind it; raises UnsupportedError when that cannot be known."""
    if code[at] == 0x0F:
        if code[at + 1] & 0xF0 != 0x80:
            raise UnsupportedError
        return _signed(code, at + 2, 4) if machine.holds(code[at + 1] & 15) else 0
    if code[at] in (0xE8, 0xE9, 0xEB):
        return _signed(code, at + 1, 1 if code[at] == 0xEB else 4)
    return _signed(code, at + 1, 1) if machine.holds(code[at] & 15) else 0


def _signed(code: bytes, at: int, size: int) -> int:
    return int.from_bytes(code[at : at + size], "little", signed=True)


def _return(machine: Machine, code: bytes) -> int:
    """Where a ret goes; raises UnsupportedError when that is not known."""
    address = machine.pop()
    if address is None:
        raise UnsupportedError
    esp = machine.registers[ESP]
    if code[0] == 0xC2 and esp is not None:
        machine.registers[ESP] = esp + (_signed(code, 1, 2) & 0xFFFF)
    return address


def _simple(machine: Machine, code: bytes, at: int) -> bool:
    """The instructions without ModRM; False when this is none of them."""
    opcode, registers = code[at], machine.registers
    if 0x50 <= opcode < 0x58:
        machine.push(registers[opcode & 7])
    elif 0x58 <= opcode < 0x60:
        value = machine.pop()
        registers[opcode & 7] = value
    elif opcode in (0x68, 0x6A):
        machine.push(_signed(code, at + 1, 4 if opcode == 0x68 else 1) & MASK)
    elif 0xB8 <= opcode < 0xC0:
        registers[opcode & 7] = _signed(code, at + 1, 4) & MASK
    elif opcode == 0xA1:
        registers[EAX] = None
    elif opcode == 0xA3:
        if FS in code[:at] and _signed(code, at + 1, 2 if SHORT in code[:at] else 4) == 0:
            machine.chain = registers[EAX]
    elif opcode == 0x94:
        registers[EAX], registers[ESP] = registers[ESP], registers[EAX]
    elif opcode == 0xC9:
        registers[ESP] = registers[EBP]
        registers[EBP] = machine.pop()
    elif opcode < 0x40 and opcode & 7 == 5:
        _keep(machine, opcode >> 3, (True, EAX), _signed(code, at + 1, 4) & MASK)
    else:
        return opcode == 0x90
    return True


def _keep(machine: Machine, operation: int, place: Place, right: Number) -> None:
    result = machine.compute(operation, machine.read(place), right)
    if operation != CMP:
        machine.write(place, result)


def _with_operand(machine: Machine, code: bytes, at: int, foreign: bool) -> None:
    """The instructions with ModRM; `foreign` when a segment prefix leads away from the stack."""
    opcode, register = code[at], code[at + 1] >> 3 & 7
    place: Place = (False, None)
    size = 3
    if SHORT in code[:at]:
        if not foreign or code[at + 1] & 0xC7 != SHORT_ABSOLUTE:
            raise UnsupportedError
    else:
        place, size = machine.place(code, at + 1)
    address = place[1]
    own = (True, register)
    if foreign and not place[0]:
        place = (False, None)
        if opcode == 0x89:
            machine.chain = machine.registers[register]
    behind = at + 1 + size
    if opcode == 0x8B:
        machine.write(own, machine.read(place))
    elif opcode == 0x89:
        machine.write(place, machine.read(own))
    elif opcode == 0x8D:
        machine.write(own, address)
    elif opcode == 0xC7:
        machine.write(place, _signed(code, behind, 4) & MASK)
    elif opcode == 0x85:
        machine.compute(AND, machine.read(place), machine.read(own))
    elif opcode == 0xFF and register == 6:
        machine.push(machine.read(place))
    elif opcode < 0x40 and opcode & 7 == 1:
        _keep(machine, opcode >> 3, place, machine.read(own))
    elif code[at : at + 2] == COOKIE_COMPARED:
        machine.zero, machine.carry = True, None
    elif opcode < 0x40 and opcode & 7 == 3:
        _keep(machine, opcode >> 3, own, machine.read(place))
    elif opcode in (0x81, 0x83):
        _keep(machine, register, place, _signed(code, behind, 4 if opcode == 0x81 else 1) & MASK)
    else:
        _exchange_or_negate(machine, opcode, register, place)


def _exchange_or_negate(machine: Machine, opcode: int, register: int, place: Place) -> None:
    value = machine.read(place)
    if opcode == 0x87:
        machine.write(place, machine.registers[register])
        machine.registers[register] = value
    elif opcode == 0xF7 and register in (2, 3):
        machine.write(place, None if value is None else (~value + register - 2) & MASK)
        if register == 3:
            machine.carry, machine.zero = (None, None) if value is None else (value != 0, value == 0)
    else:
        raise UnsupportedError
