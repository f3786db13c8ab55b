"""Where hogwalk runs: inside the debugger or not, with pykd at hand or not; found out without loading either."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from hogwalk.answer.render.dml import Door

STACK = ("thread", "limit", "base", "context")  # the options that name a stack


def inside_debugger() -> bool:
    """Whether this Python runs inside WinDbg/kd, under `!py` (whose stdout alone has writedml)."""
    return hasattr(sys.stdout, "writedml")


def door_of(options: argparse.Namespace) -> Optional[Door]:
    """How a link calls hogwalk again in the debugger, on the same stack; None where there are no links.

    With `-g`: the second call then costs a tenth of the first, and prints the same.
    """
    if not inside_debugger() or getattr(options, "plain", False):
        return None
    from hogwalk.answer.render.dml import Door

    module = "-m " if sys.argv[0].endswith("__main__.py") else ""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    same = [f"--{name} {getattr(options, name):x}" for name in STACK if getattr(options, name, None) is not None]
    return Door(f"!py -{version} -g {module}hogwalk", " ".join(same))


def has_rich() -> bool:
    """Whether the library that paints terminals is installed; without it they get plain text."""
    return _is_there("rich")


def has_pykd() -> bool:
    """Whether the debugger's engine can be asked."""
    return _is_there("pykd")


def _is_there(name: str) -> bool:
    import importlib.util  # here, for the debugger's own door asks for neither

    return importlib.util.find_spec(name) is not None
