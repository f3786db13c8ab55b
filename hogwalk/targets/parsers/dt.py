"""Field offsets from `dt nt!TYPE`."""

from __future__ import annotations

import re
from typing import Dict

_FIELD = re.compile(r"^   \+0x([0-9a-f]+) (\w+)\s*:", re.MULTILINE)


def field_offsets(text: str) -> Dict[str, int]:
    """Offset in bytes by field name, as `   +0x018 InitialStack : Ptr32 Void` rows tell; empty without rows.

    Of a name that stands twice (a union's arms), the first counts.
    """
    offsets: Dict[str, int] = {}
    for offset, name in _FIELD.findall(text):
        offsets.setdefault(name, int(offset, 16))
    return offsets
