"""Names as the debugger prints them: undecorated, without return type and arguments."""

from __future__ import annotations

import re
from typing import List, Optional

_STDCALL = re.compile(r"^[_@](?P<name>.+?)@\d+$")
_VECTORCALL = re.compile(r"^(?P<name>[^?@]+)@@\d+$")
_TEMPLATE_DEPTH = 16

_OPERATORS = {
    "2": "operator new", "3": "operator delete", "4": "operator=", "5": "operator>>", "6": "operator<<",
    "7": "operator!", "8": "operator==", "9": "operator!=", "A": "operator[]", "C": "operator->", "D": "operator*",
    "E": "operator++", "F": "operator--", "G": "operator-", "H": "operator+", "I": "operator&", "K": "operator/",
    "L": "operator%", "M": "operator<", "N": "operator<=", "O": "operator>", "P": "operator>=", "Q": "operator,",
    "R": "operator()", "S": "operator~", "T": "operator^", "U": "operator|", "V": "operator&&", "W": "operator||",
    "X": "operator*=", "Y": "operator+=", "Z": "operator-=", "_0": "operator/=", "_5": "operator|=",
    "_6": "operator^=", "_7": "`vftable'", "_8": "`vbtable'", "_9": "`vcall'",
    "_D": "`vbase destructor'", "_E": "`vector deleting destructor'", "_G": "`scalar deleting destructor'",
    "_H": "`vector constructor iterator'", "_I": "`vector destructor iterator'", "_U": "operator new[]",
    "_V": "operator delete[]",
}  # fmt: skip


def undecorate(name: str) -> str:
    """`_Name@8`, `@Name@8`, `_Name` -> `Name`; `?f@C@@QAEXXZ` -> `C::f`; anything not understood stays as it is."""
    if name.startswith("?"):
        return _cpp(name) or name
    match = _STDCALL.match(name) or _VECTORCALL.match(name)
    if match:
        return match.group("name")
    return name[1:] if len(name) > 1 and name[0] == "_" else name


def _cpp(name: str) -> Optional[str]:
    """A C++ name's qualified form, or None where the decoration uses something beyond plain scopes."""
    reader = _Scopes(name)
    if name.startswith("??"):
        return reader.special()
    return reader.qualified(1)


class _Scopes:
    """Reads the scope part of one decorated name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seen: List[str] = []

    def qualified(self, at: int) -> Optional[str]:
        """The name whose innermost part starts at `at`, outermost scope first."""
        parts = self._parts(at)
        return "::".join(reversed(parts)) if parts else None

    def special(self) -> Optional[str]:
        """Constructors, destructors and operators: `??0C@@...`."""
        code = self._name[2:4] if self._name[2:3] == "_" else self._name[2:3]
        at = 2 + len(code)
        if code == "$":
            return None
        parts = self._parts(at)
        if code in ("0", "1"):
            if not parts:
                return None
            own = parts[0] if code == "0" else "~" + parts[0]
        else:
            own = _OPERATORS.get(code, "")
            if not own or parts is None:
                return None
        return "::".join([*reversed(parts), own])

    def _parts(self, at: int) -> Optional[List[str]]:
        """The names up to the closing `@`, innermost first; None where one is not a plain name."""
        parts: List[str] = []
        while at < len(self._name) and len(parts) < _TEMPLATE_DEPTH:
            letter = self._name[at]
            if letter == "@":
                return parts
            if letter.isdigit():
                if int(letter) >= len(self._seen):
                    return None
                parts.append(self._seen[int(letter)])
                at += 1
                continue
            end = self._name.find("@", at)
            if letter == "?":
                if self._name[at + 1 : at + 3] != "A0" and self._name[at + 1 : at + 2] != "A":
                    return None
                parts.append("`anonymous namespace'")
            else:
                parts.append(self._name[at:end])
            if end < 0:
                return None
            self._seen.append(parts[-1])
            at = end + 1
        return None
