"""Real files as drivers, each at a base of its own, its imports bound to stubs; which functions can be entered."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Dict

import capstone

from tests.real.measure import executed, stack_bytes
from tests.real.pe import PAGE, Image, taken
from tests.real.wheels import RealFile, cache_root, content
from tests.symbols.images import image

STUBS, HEAP = 0x8A800000, 0x81400000
STUB_BYTES, MOST_TAKEN = 16, 0x40
LONGEST = 0x1000  # bytes of a function looked through for its `ret`


@dataclass
class Driver:
    """One file at its place; `taken` is what each function's first `ret` in the order of addresses takes."""

    name: str
    file: RealFile
    image: Image
    taken: Dict[int, int]

    @property
    def end(self) -> int:
        return self.image.base + len(self.image.memory)


def driver(name: str, file: RealFile, base: int, functions: int) -> Driver:
    """The file loaded at a base, its imports bound to stubs that take what the names say.

    `functions`: how many of it are run to see what they call.

    Raises UnreachableError.
    """
    loaded, popped, cells = Image(content(file, cache_root()), base), stack_bytes(), {}
    for one in loaded.imports:
        known = taken(one, popped)
        if known is not None and known <= MOST_TAKEN:
            cells[one.cell] = STUBS + PAGE + STUB_BYTES * (known // 4)
    loaded.fill(cells)
    return Driver(name, file, loaded, {base + at: count for at, count in first_returns(file, functions).items()})


@lru_cache(maxsize=None)
def first_returns(file: RealFile, functions: int) -> Dict[int, int]:
    """Argument bytes that functions take, by the first `ret` after each start; only of functions that call at all.

    The starts, from the file's base on, are exports and what was seen called when the file's functions were run.
    """
    linked = Image(content(file, cache_root()))
    calls = executed(file, stack_bytes(), functions, cache_root())
    called = {call.callee for call in calls if call.callee != call.return_address}
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
    found: Dict[int, int] = {}
    for start in sorted({*called, *linked.exports}):
        inside, code = False, bytes(linked.memory[start - linked.base :][:LONGEST] if linked.is_code(start) else b"")
        for _, _, name, operands in decoder.disasm_lite(code, start):
            inside = inside or name == "call"
            if name.split()[-1] == "ret" and inside:
                found[start - linked.base] = int(operands or "0", 0)
            if name.split()[-1] in ("ret", "int3"):
                break
    return found


def stubs() -> bytes:
    """A module of functions that return a number from memory: mov eax,[HEAP]; ret N, for every N."""
    code = b"".join(
        (b"\xa1" + HEAP.to_bytes(4, "little") + b"\xc2" + taken.to_bytes(2, "little")).ljust(STUB_BYTES, b"\xcc")
        for taken in range(0, MOST_TAKEN + 1, 4)
    )
    module = bytearray(image(False, {}, 3 * PAGE))
    module[PAGE : PAGE + len(code)] = code
    return bytes(module)
