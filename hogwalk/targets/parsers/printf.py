"""Symbols asked for in one command and read from its answer (`.printf "%y"`), and the answer of `ln`.

Seen in dbgeng 10.0.15063: `nt!IofCallDriver+0x45 (8081df65)` with a symbol, `BabyHog+0x1196 (b958e196)` in a module
without symbols, the bare address in no module; a thousand commands joined by `;` are one command to the engine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Optional, Sequence, Tuple

from hogwalk.model import Symbol
from hogwalk.targets.parsers.words import ADDRESS, address, fold, split_symbol

_ANSWER = re.compile(rf"\s*(.+) \(({ADDRESS})\)\s*$")
_NEAREST = re.compile(rf"\s*\(({ADDRESS})\)\s+(\S.*?)(?:\s+\|\s+\(({ADDRESS})\)\s+\S.*)?$")


@dataclass(frozen=True)
class Nearest:
    """An answer of `ln`: the symbol, the address it starts at, and where the next symbol starts."""

    symbol: Symbol
    start: int
    following: Optional[int]


def format_symbols(addresses: Sequence[int]) -> str:
    """The command that names addresses: one `.printf` for each, looped over by `.foreach`.

    `@@masm` and `0x` make it hold under any expression evaluator and radix; `.foreach` leaves no alias behind.
    """
    words = " ".join(f"{word:x}" for word in addresses)
    return f'.foreach /s (hogwalk "{words}") {{.printf "%y\\n", @@masm(0x${{hogwalk}})}}'


def parse_symbols(
    text: str, addresses: Sequence[int], pointer_bytes: Optional[int] = None
) -> Tuple[Optional[Symbol], ...]:
    """For each address its symbol in the answer of `format_symbols`; None where the address lies in no module.

    Answers are matched by the address they print, so messages in between do no harm; `pointer_bytes` 4 folds both.
    """
    named: Dict[int, Optional[Symbol]] = {}
    for line in text.split("\n"):
        found = _ANSWER.match(line)
        if found:
            named[fold(address(found.group(2)), pointer_bytes)] = split_symbol(found.group(1))
    return tuple(named.get(fold(word, pointer_bytes)) for word in addresses)


def parse_ln(text: str) -> Optional[Nearest]:
    """The nearest symbol in the answer of `ln`, or None where there is none."""
    for line in text.split("\n"):
        found = _NEAREST.match(line.rstrip())
        symbol = split_symbol(found.group(2)) if found else None
        if found and symbol:
            following = found.group(3)
            return Nearest(symbol, address(found.group(1)), address(following) if following else None)
    return None
