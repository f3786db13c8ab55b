"""Field offsets from `dt nt!TYPE`, of several types in one command."""

from __future__ import annotations

import re
from typing import List, Optional, Sequence

_BETWEEN = "hogwalk"  # a line by itself


def format_types(names: Sequence[str]) -> str:
    """The command that prints these types of nt, in order."""
    return f";.echo {_BETWEEN};".join(f"dt nt!{name}" for name in names)


def by_type(text: str) -> List[str]:
    """What the answer to format_types says of each type; a type without an answer has none between two lines."""
    return re.split(rf"^{_BETWEEN}$", text, flags=re.MULTILINE)


def field_offset(text: str, field: str) -> Optional[int]:
    """A field's offset in bytes, as its row `   +0x018 InitialStack : Ptr32 Void` tells; None without one.

    Of a name that stands twice (a union's arms), the first counts.
    """
    found = re.search(rf"^   \+0x([0-9a-f]+) {re.escape(field)}\s*:", text, re.MULTILINE)
    return None if found is None else int(found.group(1), 16)
