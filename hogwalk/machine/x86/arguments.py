"""How many argument bytes an unknown function most likely takes, by what its caller does around the call."""

from __future__ import annotations

from hogwalk.machine.x86.blocks import Block
from hogwalk.machine.x86.lengths import instruction_length
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.machine.x86.values import ECX, EDX, ESP

LOOK_AHEAD = 40  # bytes behind a call in which the caller puts its ESP right
LOADS = (0x03, 0x0B, 0x23, 0x2B, 0x31, 0x33, 0x8B, 0x8D)
NEXT_CALL = frozenset((0xE8, 0xE9, 0xEB, 0xC2, 0xC3, 0xC9, 0xCC, 0xFF, 0x68, 0x6A, *range(0x70, 0x80)))


def likely_arguments(reader: CodeReader, block: Block, entry: bool) -> int:
    """The argument bytes that the function called at the end of `block` most likely takes off the stack itself.

    `entry` tells that the block begins the function, so that it also pushes what the function must keep.
    """
    pushes = block.pushes - (block.head if entry else block.stale)
    moved = first_move(reader, block.targets[0])
    if moved > 0:  # the caller takes back the arguments (cdecl), or only what it aligned the stack with (stdcall)
        room = -block.esp[1] if block.esp is not None and block.esp[0] == ESP else 0
        return pushes if moved == room - pushes else 0
    if moved < 0 and not pushes:
        return -moved  # makes room again for the arguments it stores instead of pushing
    return pushes


def first_move(reader: CodeReader, address: int) -> int:
    """Bytes that ESP moves up near `address`, right behind a call, to put it right; 0 when it stays.

    Besides `add esp` and `sub esp` these are runs of `pop ecx`, and pushes of ECX and EDX, which hold nothing there.
    """
    code = reader.readable_from(address, LOOK_AHEAD)
    at = moved = 0
    stale = {ECX, EDX}
    while at + 3 <= len(code):
        opcode = code[at]
        if opcode in (0x59, 0x5A) and moved >= 0:
            moved += 4
        elif opcode in (0x51, 0x52) and opcode & 7 in stale and moved <= 0:
            moved -= 4
        elif moved > 0 or 0x50 <= opcode < 0x60 or opcode in NEXT_CALL:
            break
        elif opcode == 0x83 and code[at + 1] in (0xC4, 0xEC) and not moved:
            amount = int.from_bytes(code[at + 2 : at + 3], "little", signed=True)
            return amount if code[at + 1] == 0xC4 else -amount
        elif opcode in LOADS:
            stale.discard(code[at + 1] >> 3 & 7)
        elif opcode in (0xB9, 0xBA):
            stale.discard(opcode & 7)
        at += instruction_length(code, at) or 1
    return moved
