"""Registers as `r`, `.trap`, `.cxr` and `.tss` print them."""

from __future__ import annotations

import re
from typing import Optional

from hogwalk.model import Registers
from hogwalk.targets.parsers.words import address

ROW = re.compile(r"\b[er]ip=([0-9a-f]{8,16})\s+[er]sp=([0-9a-f]{8,16})\s+[er]bp=([0-9a-f]{8,16})")
_FRAME = re.compile(r"^([0-9a-f]+) [0-9a-f]{8}", re.MULTILINE)
_SET = re.compile(r"^Last set context:", re.MULTILINE)


def parse_registers(text: str, live: bool) -> Optional[Registers]:
    """The registers of the last row of `text`, None without one or where they are void.

    `Last set context:` before them says that the user chose the context (seen in dbgeng 10.0.15063 and 10.0.29507).
    """
    rows = ROW.findall(text)
    if not rows:
        return None
    ip, sp, bp = (address(word) for word in rows[-1])
    chosen = _SET.search(text) is not None
    usual = "the processor" if live else "the dump's context"
    return Registers(ip, sp, bp, "the debugger's set context" if chosen else usual, chosen) if ip and sp else None


def chosen_frame(text: str) -> int:
    """The number of the frame that `.frame` says is the current one, 0 where it says nothing of the kind."""
    rows = _FRAME.findall(text)
    return int(rows[-1], 16) if rows else 0
