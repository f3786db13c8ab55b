"""A dump of a driver without EBP frames and symbols whose functions call each other round and round."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import List, Tuple

from fixtures.build.kdump32 import write_dump
from fixtures.build.machine import Image, Machine, Region, Registers, Thread
from tests.symbols.images import image

KERNEL, DRIVER = 0x80800000, 0xB9580000
LIMIT, BASE = 0xB8AE6000, 0xB8AE9000
FUNCTIONS, ROUNDS = 8, 4
BY_TABLE = 5  # this function calls the next by `call dword ptr [ecx*4+TABLE]`
TABLE = 0x82000054  # in no module
_TEXT, _SPACING = 0x1000, 0x40
_NEWEST = LIMIT + 0x80  # the first return slot


@dataclass(frozen=True)
class Call:
    """One live call: where its return address lies, what it is, and which function (by number) made it."""

    slot: int
    return_address: int
    caller: int


def write_chain(path: Path) -> Tuple[Call, ...]:
    """Write the dump; the calls in it, newest first."""
    code, behind = _code()
    calls = _calls(behind)
    driver = bytearray(image(False, {_TEXT: "DriverEntry"}))
    driver[_TEXT : _TEXT + len(code)] = code
    kernel = Image("ntoskrnl.exe", KERNEL, image(False, {_TEXT: "KeBugCheckEx"}))
    write_dump(
        path,
        Machine(
            (kernel, Image("chain.sys", DRIVER, bytes(driver))),
            Thread(LIMIT, BASE),
            (Region(LIMIT, _stack(calls, behind)),),
            context=Registers(eip=KERNEL + _TEXT, esp=LIMIT),
        ),
    )
    return calls


def room(function: int) -> int:
    """Bytes of locals of a function."""
    return 0x20 + 0x1C * function


def pushed(function: int) -> int:
    """Bytes of arguments that a function pushes for its call, and takes off itself (cdecl)."""
    return 4 * (function % 3)


def _code() -> Tuple[bytes, List[int]]:
    """The functions, and behind each one's call its return address."""
    code = b""
    behind: List[int] = []
    for function in range(FUNCTIONS):
        code = code.ljust(_SPACING * function, b"\xcc")
        code += b"\x81\xec" + struct.pack("<I", room(function)) + b"\x6a\x01" * (pushed(function) // 4)
        if function == BY_TABLE:
            code += b"\xff\x14\x8d" + struct.pack("<I", TABLE)
        else:
            target = _SPACING * ((function + 1) % FUNCTIONS)
            code += b"\xe8" + struct.pack("<i", target - len(code) - 5)
        behind.append(DRIVER + _TEXT + len(code))
        code += b"\x81\xc4" + struct.pack("<I", room(function) + pushed(function)) + b"\xc3"
    return code, behind


def _calls(behind: List[int]) -> Tuple[Call, ...]:
    found: List[Call] = []
    slot = _NEWEST
    for number in range(FUNCTIONS * ROUNDS):
        caller = -number % FUNCTIONS
        found.append(Call(slot, behind[caller], caller))
        slot += 4 + room(caller) + pushed(caller)
    return tuple(found)


def _stack(calls: Tuple[Call, ...], behind: List[int]) -> bytes:
    """The live return addresses, and amid the locals of every frame a dead one."""
    stack = bytearray(BASE - LIMIT)
    for call in calls:
        struct.pack_into("<I", stack, call.slot - LIMIT, call.return_address)
        struct.pack_into("<I", stack, call.slot + 4 + pushed(call.caller) + 8 - LIMIT, behind[call.caller - 3])
    return bytes(stack)
