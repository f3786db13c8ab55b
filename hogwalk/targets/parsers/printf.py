"""Symbols asked for in one command and read from its answer (`.printf "%y"`), and the answer of `ln`.

Seen in dbgeng 10.0.15063: `nt!IofCallDriver+0x45 (8081df65)` with a symbol, `BabyHog+0x1196 (b958e196)` in a module
without symbols, the bare address in no module; a thousand commands joined by `;` are one command to the engine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from hogwalk.machine.words import Words, shown
from hogwalk.model import Symbol
from hogwalk.targets.parsers.words import ADDRESS, address, fold, split_symbol

EACH = "hogwalk_word"  # no name that a user's alias has: `.foreach` refuses one (`as hogwalk !py -g hogwalk`)
_NAMED = re.compile(rf"(.*) \(({ADDRESS})\)\s*$")
_BARE = re.compile(rf"\s*({ADDRESS})\s*$")
_NEAREST = re.compile(rf"\s*\(({ADDRESS})\)\s+(\S.*?)(?:\s+\|\s*\(({ADDRESS})\)\s*\S.*)?$")


@dataclass(frozen=True)
class Nearest:
    """An answer of `ln`: the symbol, the address it starts at, and where the next symbol starts."""

    symbol: Symbol
    start: int
    following: Optional[int]


def format_symbols(addresses: Sequence[int], words: Words) -> str:
    """The command that names addresses: one `.printf` for each, looped over by `.foreach`.

    `@@masm` and `0x` make it hold under any expression evaluator and radix; `.foreach` leaves no alias behind.
    """
    typed = " ".join(map(words.typed, addresses))
    return f'.foreach /s ({EACH} "{typed}") {{.printf "%y\\n", @@masm(0x${{{EACH}}})}}'


def spoken(
    text: str, addresses: Sequence[int], pointer_bytes: Optional[int] = None
) -> Tuple[Tuple[int, Optional[str]], ...]:
    """Every line in the answer of `format_symbols` that speaks of one of the addresses: the address, and its symbol.

    The symbol is None where the bare address is printed; messages in between are passed over; `pointer_bytes` 4 folds.
    """
    asked = {fold(word, pointer_bytes): word for word in addresses}
    usual = {f"{shown(word)})": word for word in addresses}
    found: List[Tuple[int, Optional[str]]] = []
    for line in text.split("\n"):
        symbol, _, tail = line.rpartition(" (")
        if tail in usual:  # as below, and nearly every line is
            found.append((usual[tail], symbol))
            continue
        named = _NAMED.match(line)
        answer = named or _BARE.match(line)
        word = asked.get(fold(address(answer.group(answer.lastindex or 1)), pointer_bytes)) if answer else None
        if word is not None:
            found.append((word, named.group(1) if named else None))
    return tuple(found)


def parse_ln(text: str) -> Optional[Nearest]:
    """The nearest symbol in the answer of `ln`, or None where there is none."""
    for line in text.split("\n"):
        found = _NEAREST.match(line.rstrip())
        symbol = split_symbol(found.group(2)) if found else None
        if found and symbol:
            following = found.group(3)
            return Nearest(symbol, address(found.group(1)), address(following) if following else None)
    return None
