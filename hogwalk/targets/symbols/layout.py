"""What the frame records of a PDB say of the stack at one address of a function."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import List, Optional, Sequence

from hogwalk.model import FrameLayout
from hogwalk.targets.symbols.frames import FrameRecord

_NESTED = 24  # records looked at below an address: a function has one for each step of its prolog
# FRAMEDATA programs (cvinfo.h) first set a base, $T0, to the return slot or to EBP, then load what lies around it.
_BASE = re.compile(r"\$T([0-9]) (\.raSearch|\$ebp)(?: ([0-9]{1,9}) \+)? =")
_ALIGNED = "@"  # the base is rounded down: where it lies cannot be told from ESP


class Layouts:
    """The frame layouts of one module; `records` in the order of their starts."""

    def __init__(self, records: Sequence[FrameRecord]) -> None:
        self._records = records
        self._starts = [record.start for record in records]

    def at(self, offset: int) -> Optional[FrameLayout]:
        """The layout at an offset in bytes from the image's start, None where the records do not tell."""
        last = bisect_right(self._starts, offset)
        covering: List[FrameRecord] = [
            record for record in self._records[max(0, last - _NESTED) : last] if offset < record.start + record.size
        ]
        return _layout(covering[-1]) if covering else None


def _layout(record: FrameRecord) -> Optional[FrameLayout]:
    depth = record.locals + record.saved
    if record.kind == "fpo":
        return FrameLayout(depth, record.parameters, None, None, not record.uses_ebp)
    if record.kind == "nonfpo":
        return FrameLayout(None, record.parameters, 4, 4, False)
    base = _BASE.match(record.program)
    if record.kind != "frame" or base is None or _ALIGNED in record.program:
        return None
    number, register, offset = base.groups()
    above = _distance(rf"\$eip \$T{number}(?: ([0-9]{{1,9}}) \+)? \^ =", record.program)
    if above is None:
        return None
    below = _distance(rf"\$ebp \$T{number}(?: ([0-9]{{1,9}}) -)? \^ =", record.program)
    saved = None if below is None else above + below
    if register == "$ebp":
        return FrameLayout(None, record.parameters, int(offset or 0) + above, saved, False)
    return FrameLayout(depth, record.parameters, None, saved, saved is None)


def _distance(pattern: str, program: str) -> Optional[int]:
    found = re.search(pattern, program)
    return None if found is None else int(found.group(1) or 0)
