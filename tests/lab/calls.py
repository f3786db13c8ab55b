"""Is there a call instruction right before an address: an independent test with capstone."""

from __future__ import annotations

from typing import Dict, Optional

import capstone

_DECODER = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
_LENGTHS = (5, 2, 3, 6, 7, 4)


def call_before(memory: Dict[int, bytes], address: int) -> bool:
    """True when a call of any length ends at the address, or its code is not among the pages."""
    for length in _LENGTHS:
        code = read(memory, address - length, length)
        if code is None:
            return True
        for _, size, name, _ in _DECODER.disasm_lite(code, address - length):
            if name == "call" and size == length:
                return True
            break
    return False


def direct_target(memory: Dict[int, bytes], address: int) -> int:
    """Where a five-byte direct call that ends at the address goes, 0 where there is none to read."""
    code = read(memory, address - 5, 5)
    if code is None or code[0] != 0xE8:
        return 0
    return address + int.from_bytes(code[1:], "little") & 0xFFFFFFFF


def read(memory: Dict[int, bytes], address: int, count: int) -> Optional[bytes]:
    """count bytes at the address, or None where a page is missing."""
    data = b""
    while len(data) < count:
        at = address + len(data)
        page = memory.get(at & ~0xFFF)
        if page is None:
            return None
        data += page[at & 0xFFF : (at & 0xFFF) + count - len(data)]
    return data
