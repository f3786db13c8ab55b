"""The debugger's commands that set, show and remove FPO overrides, and what it answers.

Seen in dbgeng 10.0.15063: an override counts for return addresses that lie inside its range but not at its start, so
it begins one byte before.  Where symbols hold frame data (PDBs since Visual C++ 7) the walk follows that and not the
override; `!vc7fpo`, which toggles and tells the new state, makes it use FPO alone.
"""

from __future__ import annotations

import re
from typing import Mapping, Optional, Sequence, Tuple

from hogwalk.machine.words import X86

PER_COMMAND = 50  # 2 KB of command, 16 KB of answer
TOGGLE = "!dbghelp.vc7fpo"
_TOGGLED = re.compile(r"VC7 FPO - (Enabled|Disabled)", re.IGNORECASE)
_ENTRY = re.compile(r"^OffStart:", re.MULTILINE)


def set_commands(overrides: Mapping[int, int]) -> Tuple[str, ...]:
    """The commands that set an override of so many dwords at each return address, some dozens to a command."""
    single = [
        f".fpo -s -fl 0x{dwords:x} -fs 0x2 0x{X86.typed(address - 1)}" for address, dwords in sorted(overrides.items())
    ]
    return tuple(";".join(single[start : start + PER_COMMAND]) for start in range(0, len(single), PER_COMMAND))


def show_commands(modules: Sequence[int]) -> Tuple[str, ...]:
    """The commands that list every override in the modules that begin at these addresses."""
    return tuple(f".fpo -o 0x{X86.typed(start)}" for start in modules)


def remove_commands(modules: Sequence[int]) -> Tuple[str, ...]:
    """The commands that remove every override in the modules that begin at these addresses."""
    return tuple(f".fpo -x 0x{X86.typed(start)}" for start in modules)


def entries(answer: str) -> int:
    """How many overrides an answer to `.fpo` shows."""
    return len(_ENTRY.findall(answer))


def enabled(answer: str) -> Optional[bool]:
    """Whether the walk uses frame data after a toggle that answered this; None where the debugger knows no toggle."""
    found = _TOGGLED.search(answer)
    return None if found is None else found.group(1).lower() == "enabled"
