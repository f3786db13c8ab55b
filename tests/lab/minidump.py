"""A user-style x86 minidump (MDMP) of a case: one thread with the whole stack, the modules, the registers."""

from __future__ import annotations

import struct
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

_SYSTEM_INFO, _THREADS, _MODULES, _MEMORY = 7, 3, 4, 5
_CONTEXT_BYTES = 716
_CONTEXT_FULL = 0x10007
_REGISTERS = {
    "edi": 0x9C,
    "esi": 0xA0,
    "ebx": 0xA4,
    "edx": 0xA8,
    "ecx": 0xAC,
    "eax": 0xB0,
    "ebp": 0xB4,
    "eip": 0xB8,
    "esp": 0xC4,
}
_AGE = 1


def debug_guid(index: int) -> bytes:
    """The 16 bytes that tie module number index to its symbol file."""
    return struct.pack("<IHH8B", 0x10C0DE00 + index, 0, 0, *range(8))


def debug_identifier(index: int) -> str:
    """The same as Breakpad writes it: 32 hex digits and the age."""
    return f"{0x10C0DE00 + index:08X}00000000{bytes(range(8)).hex().upper()}{_AGE:X}"


def write_minidump(
    modules: Sequence[Mapping[str, Any]],
    stack: Tuple[int, bytes],
    registers: Optional[Dict[str, int]],
    teb: Optional[Tuple[int, bytes]] = None,
) -> bytes:
    """The file's bytes; stack and teb are (lowest address, bytes), modules have name, file, base and end."""
    blob = bytearray(32 + 4 * 12)

    def append(data: bytes) -> Tuple[int, int]:
        at = len(blob)
        blob.extend(data)
        blob.extend(bytes(-len(blob) % 8))
        return len(data), at

    context = bytearray(_CONTEXT_BYTES)
    struct.pack_into("<I", context, 0, _CONTEXT_FULL)
    for name, value in (registers or {}).items():
        struct.pack_into("<I", context, _REGISTERS[name], value)
    stack_size, stack_at = append(stack[1])
    saved = append(bytes(context)) if registers is not None else (0, 0)
    teb_at = teb[0] if teb is not None else 0
    thread = struct.pack("<IIIIQQIIII", 1, 0, 0, 0, teb_at, stack[0], stack_size, stack_at, *saved)
    places = [(stack[0], stack_size, stack_at), *([] if teb is None else [(teb[0], *append(teb[1]))])]
    blocks = [struct.pack("<QII", *place) for place in places]
    records = b""
    for index, module in enumerate(modules):
        name = module["file"].encode("utf-16-le")
        pdb = (module["name"] + ".pdb").encode("ascii")
        _, name_at = append(struct.pack("<I", len(name)) + name + b"\0\0")
        codeview = append(b"RSDS" + debug_guid(index) + struct.pack("<I", _AGE) + pdb + b"\0")
        records += struct.pack(
            "<QIIII52sIIIIQQ", module["base"], module["end"] - module["base"], 0, 0, name_at, b"", *codeview, 0, 0, 0, 0
        )
    system = struct.pack("<HHHBBIIIIIHH24s", 0, 6, 0, 1, 1, 5, 2, 3790, 2, append(bytes(6))[1], 0, 0, b"")
    streams = (
        (_SYSTEM_INFO, append(system)),
        (_THREADS, append(struct.pack("<I", 1) + thread)),
        (_MEMORY, append(struct.pack("<I", len(blocks)) + b"".join(blocks))),
        (_MODULES, append(struct.pack("<I", len(modules)) + records)),
    )
    struct.pack_into("<4sIIIIIQ", blob, 0, b"MDMP", 0xA793, len(streams), 32, 0, 0, 0)
    for index, (kind, place) in enumerate(streams):
        struct.pack_into("<III", blob, 32 + 12 * index, kind, *place)
    return bytes(blob)
