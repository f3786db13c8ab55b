"""Code bytes as `u`, `ub` and `uf` print them before each instruction."""

from __future__ import annotations

import re
from typing import Optional, Tuple

from hogwalk.targets.parsers.words import ADDRESS, address

# One blank before the bytes, which fill 16 columns, then the mnemonic; a memory row has two blanks before its value and
# one behind it.
_BYTES = r"((?:[0-9a-f]{2}){8,15}(?=\s)|(?:[0-9a-f]{2}){1,7}(?=\s\s))"
_ROW = re.compile(rf"\s*({ADDRESS})\s(?!\s(?:[0-9a-f]{{8}}){{1,2}}\s)\s*{_BYTES}\s+[a-z][a-z0-9]*(?:\s|$)")


def parse_row(line: str) -> Optional[Tuple[int, bytes]]:
    """The address and bytes of the instruction on this line, or None."""
    found = _ROW.match(line)
    return (address(found.group(1)), bytes.fromhex(found.group(2))) if found else None
