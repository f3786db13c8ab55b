"""The modules that come with Windows itself, by name (inbox.txt, one to a line)."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import FrozenSet


@lru_cache(maxsize=None)
def inbox_modules() -> FrozenSet[str]:
    """Engine names, lower case, of modules that come with Windows itself (inbox.txt)."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inbox.txt")
    with open(path, encoding="ascii") as file:
        lines = [line.partition("#")[0].strip().lower() for line in file]
    return frozenset(line for line in lines if line)
