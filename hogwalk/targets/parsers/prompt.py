"""Debugger prompts: `3: kd> `, `kd> `, `lkd> `, `0:000> `, `0:000:x86> `."""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

_PROMPT = re.compile(
    r"\s*(?:\d+:\s?)?(?P<kernel>l?kd(?::[a-z0-9]+)?)>\s*(?P<c1>.*)$|\s*\d+:\d{3}(?::[a-z0-9]+)?>\s*(?P<c2>.*)$"
)


class Prompt(NamedTuple):
    """A prompt's command, and whether the prompt is a kernel debugger's."""

    command: str
    kernel: bool


def split_prompt(line: str) -> Optional[Prompt]:
    """The prompt and command on this line, or None."""
    found = _PROMPT.match(line)
    if not found:
        return None
    kernel = found.group("kernel") is not None
    return Prompt((found.group("c1") if kernel else found.group("c2")).strip(), kernel)
