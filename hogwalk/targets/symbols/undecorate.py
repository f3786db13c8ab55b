"""Names as the debugger prints them: undecorated, without return type and arguments."""

from __future__ import annotations

import re
from typing import Optional

from hogwalk.targets.symbols.cpp import NotUnderstood, Reader

_STDCALL = re.compile(r"^[_@](?P<name>.+?)@[0-9]+$")
_VECTORCALL = re.compile(r"^(?P<name>[^?@]+)@@[0-9]+$")

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
    """A C++ name's qualified form, or None where the decoration uses something that is not read here."""
    try:
        return read_name(Reader(name, 1))
    except NotUnderstood:
        return None


def read_name(reader: Reader) -> str:
    """The qualified name behind a decoration's `?`; raises NotUnderstood.  What follows is its type."""
    if not reader.take("?"):
        return reader.qualified()
    if reader.peek() == "$":
        reader.at -= 1
        return reader.qualified()
    return _special(reader)


def _special(reader: Reader) -> str:
    """Constructors, destructors, conversions and operators: `??0C@@...`."""
    code = reader.peek(2) if reader.peek() == "_" else reader.peek()
    reader.at += len(code)
    parts = reader.scopes()
    if code in ("0", "1") and parts:
        own = ("~" if code == "1" else "") + parts[0]
    elif code == "B":
        own = "operator " + reader.returned()
    elif code in _OPERATORS:
        own = _OPERATORS[code]
    else:
        raise NotUnderstood
    return "::".join([*reversed(parts), own])
