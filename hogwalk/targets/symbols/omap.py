"""Address maps of images that were rearranged after linking (OMAP), as old Windows kernels were."""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from typing import Optional


class Omap:
    """Pairs (from, to) in any order, as the debugger takes them; `to` 0 means the code is gone."""

    def __init__(self, raw: bytes) -> None:
        pairs = sorted(struct.iter_unpack("<II", raw[: len(raw) // 8 * 8]))
        self._from = array("I", [pair[0] for pair in pairs])
        self._to = array("I", [pair[1] for pair in pairs])

    def map(self, rva: int) -> Optional[int]:
        """Where `rva` lies on the other side, or None."""
        index = bisect_right(self._from, rva) - 1
        if index < 0 or self._to[index] == 0:
            return None
        found: int = self._to[index] + (rva - self._from[index])
        return found
