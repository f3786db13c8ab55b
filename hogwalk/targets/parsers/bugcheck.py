"""Bug checks in the words of `.bugcheck`, `!analyze`, a dump's opening text and the blue screen."""

from __future__ import annotations

import re
from typing import List, Optional

from hogwalk.model import BugCheck

_H = r"(?:0x)?([0-9a-fA-F`]{1,17})"
_CODE = re.compile(rf"\s*(?:Bugcheck code |BUGCHECK_CODE:\s+){_H}\s*$")
_ARGUMENTS = re.compile(rf"\s*Arguments {_H} {_H} {_H} {_H}\s*$")
_ONE_LINE = re.compile(rf"\s*(?:BugCheck |\*\*\* STOP: ){_H},? [({{]{_H}, ?{_H}, ?{_H}, ?{_H}[)}}]")
_TITLE = re.compile(r"\s*[A-Z][A-Z0-9_]{5,} \(([0-9a-f]{1,8})\)\s*$")
_NUMBERED = re.compile(rf"\s*(?:Arg|BUGCHECK_P)([1-4]): {_H}(?=[,\s]|$)")

_SIGNS = ("Arg", "ugcheck", "BUGCHECK", "BugCheck", "STOP: ")  # one of them is in every line that fits


class BugCheckReader:
    """Takes lines one by one; `found` is the first bug check they tell whole, or None so far."""

    def __init__(self) -> None:
        self.found: Optional[BugCheck] = None
        self._code: Optional[int] = None
        self._arguments: List[int] = []

    def take(self, line: str) -> bool:
        """Whether this line speaks of a bug check."""
        if not (line.rstrip().endswith(")") or True in [sign in line for sign in _SIGNS]):
            return False  # nearly every line of a log
        whole = _ONE_LINE.match(line)
        code = _CODE.match(line) or _TITLE.match(line)
        arguments = _ARGUMENTS.match(line)
        numbered = _NUMBERED.match(line)
        if whole:
            self._code, self._arguments = _hex(whole.group(1)), [_hex(word) for word in whole.group(2, 3, 4, 5)]
        elif code:
            self._code, self._arguments = _hex(code.group(1)), []
        elif arguments:
            self._arguments = [_hex(word) for word in arguments.groups()]
        elif numbered and int(numbered.group(1)) == len(self._arguments) + 1:
            self._arguments.append(_hex(numbered.group(2)))
        else:
            return False
        if self.found is None and self._code is not None and len(self._arguments) == 4:
            self.found = BugCheck(self._code, tuple(self._arguments))
        return True


def parse_bugcheck(text: str) -> Optional[BugCheck]:
    """The first bug check this text tells whole, code and four arguments; else None."""
    reader = BugCheckReader()
    for line in text.split("\n"):
        reader.take(line)
    return reader.found


def _hex(word: str) -> int:
    return int(word.replace("`", "") or "0", 16)
