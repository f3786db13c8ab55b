"""The committed vectors: code of real compilers with the true stack depth of every call that was executed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, List, Tuple

from hogwalk.errors import Unreadable
from hogwalk.machine.x86.reader import CodeReader

PAGE = 0x1000


@dataclass(frozen=True)
class TrueCall:
    """One call as it ran: all but the two addresses are bytes; `ebp_above` is -1 when EBP was outside the frame."""

    function: int
    return_address: int
    depth: int
    ebp_above: int
    ebp_kept: bool
    saved: Tuple[int, ...]


@dataclass(frozen=True)
class Vector:
    """The code that one compiler made with one set of flags, and its calls."""

    compiler: str
    flags: Tuple[str, ...]
    pages: Dict[int, bytes]
    calls: Tuple[TrueCall, ...]

    def reader(self) -> CodeReader:
        """A reader of the vector's code."""
        return CodeReader(self.read, PAGE)

    def read(self, address: int, count: int) -> bytes:
        """As Target.read; whole pages only."""
        if address not in self.pages or count != PAGE:
            raise Unreadable(address, count)
        return self.pages[address]

    def __str__(self) -> str:
        return " ".join((self.compiler.split()[0], *self.flags))


@lru_cache(maxsize=None)
def vectors() -> Tuple[Vector, ...]:
    """All committed vectors."""
    rows = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="ascii"))
    return tuple(
        Vector(
            row["compiler"],
            tuple(row["flags"]),
            _pages(row["sections"]),
            tuple(_call(call) for call in row["calls"]),
        )
        for row in rows
    )


def _call(row: List[Any]) -> TrueCall:
    function, return_address, depth, above, kept, saved = row
    return TrueCall(function, return_address, depth, above, kept, tuple(saved))


def _pages(sections: List[Tuple[int, str]]) -> Dict[int, bytes]:
    pages: Dict[int, bytearray] = {}
    for start, text in sections:
        data = bytes.fromhex(text)
        for offset, byte in enumerate(data):
            at = start + offset
            pages.setdefault(at - at % PAGE, bytearray(PAGE))[at % PAGE] = byte
    return {start: bytes(page) for start, page in pages.items()}
