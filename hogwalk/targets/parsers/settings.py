"""The debugger's own settings as its commands print them: `n`, `.expr`, `.stkwalk_force_frame_pointer`, `al`,
`.exepath`, `||`."""

from __future__ import annotations

import re
from typing import Optional

_RADIX = re.compile(r"base is (8|10|16)\b")
_EVALUATOR = re.compile(r"Current expression evaluator: (MASM|C\+\+)(?!\S)")
_FORCED = re.compile(r'solely based on frame pointer" is "(enabled|disabled)"')
_ALIASES = re.compile(r"^ *Alias +Value *$", re.MULTILINE)
_SEARCH_PATH = re.compile(r"(?i)search path is: *(.*)$", re.MULTILINE)
_NO_PATH = "<empty>"
_DUMP_FILE = re.compile(r"^\.\s+\d+ .*?[Dd]ump(?: file)?: (.+)$", re.MULTILINE)


def radix(text: str) -> Optional[int]:
    """The default radix in the answer to `n`, or None."""
    found = _RADIX.search(text)
    return int(found.group(1)) if found else None


def evaluator(text: str) -> Optional[str]:
    """The expression evaluator (`MASM` or `C++`) in the answer to `.expr`, or None."""
    found = _EVALUATOR.search(text)
    return found.group(1) if found else None


def frame_pointers_only(text: str) -> bool:
    """Whether an answer to `.stkwalk_force_frame_pointer` says that walks follow frame pointers alone."""
    found = _FORCED.search(text)
    return found is not None and found.group(1) == "enabled"


def has_aliases(text: str) -> bool:
    """Whether the answer to `al` lists any."""
    return _ALIASES.search(text) is not None


def search_path(text: str) -> str:
    """The path in the answer to `.exepath`, expanded where the debugger prints that too; "" for none."""
    found = _SEARCH_PATH.findall(text)
    path = found[-1].strip() if found else ""
    return path if path != _NO_PATH else ""


def dump_file(text: str) -> str:
    """The dump's file as `||` names it for the current system, "" when it names none."""
    found = _DUMP_FILE.search(text)
    return found.group(1).strip() if found else ""
