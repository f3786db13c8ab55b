"""A machine with as many modules as a real one has, and what a driver's file on disk is made of again."""

from __future__ import annotations

import struct
from typing import List

from tests.kd.machine import Machine
from tests.kd.memory import PAGE

POOL, IMAGES, STRIDE = 0x8A200000, 0xF2000000, 0x10000  # free places of the StackHog machine
ENTRY_BYTES, NAME_AT = 0x80, 0x50  # LDR_DATA_TABLE_ENTRY (x86) with its name behind it
LINKS, BASE, SIZE, NAMES = 0, 0x18, 0x20, 0x24


def crowd(machine: Machine, count: int) -> List[int]:
    """Puts modules behind the last one of PsLoadedModuleList (x86); returns where each begins.

    Each has the headers of the last one, which name no sections of its own, for its other pages read as zeros.
    """
    memory, head = machine.memory, machine.module_list
    last = machine.word(head + 4)
    headers, size = memory.read(machine.word(last + BASE), PAGE), machine.word(last + SIZE)
    places = [POOL + ENTRY_BYTES * number for number in range(count)]
    bases = [IMAGES + STRIDE * number for number in range(count)]
    raw = bytearray(-(-count * ENTRY_BYTES // PAGE) * PAGE)
    for number, (place, base) in enumerate(zip(places, bases)):
        newer = places[number + 1] if number + 1 < count else head
        older = places[number - 1] if number else last
        name = f"crowd{number:03}.sys".encode("utf-16-le")
        entry = bytearray(NAME_AT) + name.ljust(ENTRY_BYTES - NAME_AT, b"\0")
        struct.pack_into("<2I", entry, LINKS, newer, older)
        struct.pack_into("<3I", entry, BASE, base, base + PAGE, size)
        for at in (NAMES, NAMES + 8):  # FullDllName, BaseDllName
            struct.pack_into("<2HI", entry, at, len(name), len(name), place + NAME_AT)
        raw[place - POOL : place - POOL + ENTRY_BYTES] = entry
        memory.added[base] = headers
    memory.added.update((POOL + at, bytes(raw[at : at + PAGE])) for at in range(0, len(raw), PAGE))
    memory.overlay[last] = struct.pack("<I", places[0])
    memory.overlay[head + 4] = struct.pack("<I", places[-1])
    return bases


def file_of(machine: Machine, base: int, size: int) -> bytes:
    """The file of a driver in memory: its sections lie in it as they lie in memory."""
    image = bytearray(b"".join(machine.memory.page(base + at) or bytes(PAGE) for at in range(0, size, PAGE)))
    (pe,) = struct.unpack_from("<I", image, 0x3C)
    count, optional = struct.unpack_from("<H12xH", image, pe + 6)
    struct.pack_into("<I", image, pe + 24 + 36, PAGE)  # FileAlignment
    for section in range(pe + 24 + optional, pe + 24 + optional + 40 * count, 40):
        held, first = struct.unpack_from("<II", image, section + 8)
        struct.pack_into("<II", image, section + 16, -(-held // PAGE) * PAGE, first)  # SizeOfRawData, its place
    return bytes(image)
