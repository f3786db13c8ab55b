"""Field offsets from `dt nt!TYPE`, of several types in one command."""

from __future__ import annotations

import re
from typing import Dict, List, Sequence

_BETWEEN = "hogwalk"  # a line by itself
_FIELD = re.compile(r"^   \+0x([0-9a-f]+) (\w+)\s*:", re.MULTILINE)


def format_types(names: Sequence[str]) -> str:
    """The command that prints these types of nt, in order."""
    return f";.echo {_BETWEEN};".join(f"dt nt!{name}" for name in names)


def by_type(text: str) -> List[str]:
    """What the answer to format_types says of each type; a type without an answer has none between two lines."""
    return re.split(rf"^{_BETWEEN}$", text, flags=re.MULTILINE)


def field_offsets(text: str) -> Dict[str, int]:
    """Offset in bytes by field name, as `   +0x018 InitialStack : Ptr32 Void` rows tell; empty without rows.

    Of a name that stands twice (a union's arms), the first counts.
    """
    offsets: Dict[str, int] = {}
    for offset, name in _FIELD.findall(text):
        offsets.setdefault(name, int(offset, 16))
    return offsets
