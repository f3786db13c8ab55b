"""The words all debugger text is made of: addresses, 32-bit folding, symbols."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Optional

from hogwalk.machine.words import X86, hexa
from hogwalk.model import Symbol

# 8 digits, or 16 with or without the backtick in the middle.
ADDRESS = r"[0-9a-fA-F]{8}(?:`?[0-9a-fA-F]{8})?"
HEAD = r"(?:#\s+)?(?:Memory\s+)?(?:ChildEBP|Child-SP)\s+Ret"  # of the debugger's own stack tables

_DISPLACEMENT = re.compile(r"[0-9a-fA-F]{1,8}(?:`?[0-9a-fA-F]{1,8})?")


def address(text: str) -> int:
    """The address a debugger word such as `b8ae6100` or ``fffff802`8e6b41d5`` stands for."""
    return int(text.replace("`", ""), 16)


def fold(value: int, pointer_bytes: Optional[int]) -> int:
    """The address without the sign extension the engine prints for 32-bit targets (`pointer_bytes` 4)."""
    return value & 0xFFFFFFFF if pointer_bytes == 4 else value


def unsigned(value: int) -> int:
    """The 32-bit address in one that is typed with its sign, as `ffffffff8081df65`; any other as it is."""
    return value & X86.mask if hexa(value) == X86.typed(value) else value


@lru_cache(maxsize=4096)  # of a stack's words most are named more than once, in kf's rows too
def split_symbol(text: str) -> Optional[Symbol]:
    """The symbol that `nt!Name+0x45`, `BabyHog+0x1196` or `nt!Name` stands for; None for `0x7c8285ec` and "".

    The module ends at the first `!`, or at the `+0x` where there is none; names keep spaces, quotes, templates.
    """
    text = text.strip()
    if not text or text[:2].lower() == "0x":
        return None
    stem, plus, digits = text.rpartition("+0x")
    known = plus and _DISPLACEMENT.fullmatch(digits)
    displacement = address(digits) if known else 0
    stem = stem if known else text
    module, _, name = stem.partition("!")
    module = module.strip()
    return Symbol(module, name.strip(), displacement) if module else None
