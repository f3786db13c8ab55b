"""Where hogwalk runs: inside the debugger or not, with pykd at hand or not; found out without loading either."""

from __future__ import annotations

import importlib.util
import sys


def inside_debugger() -> bool:
    """Whether this Python runs inside WinDbg/kd, under `!py` (whose stdout alone has writedml)."""
    return hasattr(sys.stdout, "writedml")


def has_pykd() -> bool:
    """Whether the debugger's engine can be asked."""
    return importlib.util.find_spec("pykd") is not None
