"""How long logs take, by their size: ordinary sessions, and texts made to be hard on regular expressions."""

from __future__ import annotations

import time
from typing import Dict

from tests.text.test_robust import HOSTILE, blocks, read_whole

SMALL, LARGE = 0.5, 2.0  # megabytes


def seconds(name: str, megabytes: float) -> float:
    """Processor seconds for so many megabytes of one kind of text."""
    begin = time.process_time()
    read_whole(megabytes, blocks(name))
    return time.process_time() - begin


def measure() -> Dict[str, float]:
    """For each kind how much dearer a byte of the larger text is than one of the smaller: 1 is linear."""
    return {name: seconds(name, LARGE) / max(seconds(name, SMALL), 0.02) / (LARGE / SMALL) for name in sorted(HOSTILE)}
