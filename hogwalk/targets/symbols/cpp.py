"""The scope part of Microsoft's C++ name decoration: names, back references, templates, local and nameless scopes."""

from __future__ import annotations

import re
from typing import Dict, List

_DEPTH = 24  # nesting of templates
_PARTS = 64  # scopes of one name
_LENGTH = 4096  # letters of a name: back references could multiply them
DIGITS = frozenset("0123456789")  # a name's other letters may be digits of any script, which are none here
BASIC: Dict[str, str] = {
    "X": "void", "D": "char", "C": "signed char", "E": "unsigned char", "F": "short", "G": "unsigned short",
    "H": "int", "I": "unsigned int", "J": "long", "K": "unsigned long", "M": "float", "N": "double",
    "O": "long double", "_J": "__int64", "_K": "unsigned __int64", "_N": "bool", "_W": "wchar_t",
    "_S": "char16_t", "_U": "char32_t",
}  # fmt: skip
_QUALIFIED = {"A": "", "B": "const", "C": "volatile", "D": "const volatile"}
_FUNCTION = re.compile(r"[A-Z](E?[A-D])?[A-Z]")


class NotUnderstood(Exception):
    """The decoration uses something beyond what is read here."""


class Reader:
    """Reads one decorated name from `at` on; every method raises NotUnderstood where it is lost."""

    def __init__(self, name: str, at: int, depth: int = 0) -> None:
        if depth > _DEPTH:
            raise NotUnderstood
        self._name = name
        self.at = at
        self._depth = depth
        self._names: List[str] = []
        self._types: List[str] = []

    def peek(self, count: int = 1) -> str:
        """The next letters, fewer at the end."""
        return self._name[self.at : self.at + count]

    def take(self, text: str) -> bool:
        """Whether `text` is next; then it is passed over."""
        found = self._name.startswith(text, self.at)
        self.at += len(text) if found else 0
        return found

    def until(self, mark: str) -> str:
        """The letters up to a mark, which is passed over."""
        end = self._name.find(mark, self.at)
        if end < 0:
            raise NotUnderstood
        text = self._name[self.at : end]
        self.at = end + len(mark)
        return text

    def scopes(self) -> List[str]:
        """The names up to the closing `@`, innermost first."""
        parts: List[str] = []
        while not self.take("@"):
            parts.append(self.part())
            if len(parts) > _PARTS or sum(map(len, parts)) > _LENGTH:
                raise NotUnderstood
        return parts

    def qualified(self) -> str:
        """A whole name with its scopes, outermost first."""
        return "::".join(reversed([self.part(), *self.scopes()]))

    def part(self) -> str:
        """One name: plain, a back reference, a template, a nameless or a local scope."""
        letter = self.peek()
        if not letter:
            raise NotUnderstood
        if letter in DIGITS:
            self.at += 1
            return self._back(self._names, int(letter))
        if self.take("?$"):
            name = self._template()
        elif self.take("?A"):
            self.until("@")
            name = "`anonymous namespace'"
        elif self.take("?"):
            return self._local()
        else:
            name = self.until("@")
        self._names.append(name)
        return name

    @staticmethod
    def _back(seen: List[str], index: int) -> str:
        if index >= len(seen):
            raise NotUnderstood
        return seen[index]

    def _local(self) -> str:
        """A scope inside a function: its number, then the function's own decorated name."""
        number = self.number()
        if not self.take("?") or not self.take("?"):
            raise NotUnderstood
        inner = Reader(self._name, self.at, self._depth + 1)
        function = inner.qualified()
        self.at = inner.at
        self.until("Z@")
        self.at -= 1  # the `@` ends the scopes
        return f"`{function}'::`{number}'"

    def number(self) -> int:
        """A count: one digit for 1 to 10, else hexadecimal letters A to P up to `@`."""
        sign = -1 if self.take("?") else 1
        letter = self.peek()
        if letter in DIGITS:
            self.at += 1
            return sign * (int(letter) + 1)
        digits = self.until("@")
        if not digits or len(digits) > 16 or not all("A" <= digit <= "P" for digit in digits):
            raise NotUnderstood
        return sign * int("".join("0123456789abcdef"[ord(digit) - ord("A")] for digit in digits), 16)

    def _template(self) -> str:
        """`?$Name@arguments@` with its own back references."""
        inner = Reader(self._name, self.at, self._depth + 1)
        name = inner.part()
        arguments: List[str] = []
        while not inner.take("@"):
            arguments.append(str(inner.number()) if inner.take("$0") else inner.type())
            if len(arguments) > _PARTS:
                raise NotUnderstood
        self.at = inner.at
        text = f"{name}<{','.join(arguments)}{' ' if arguments and arguments[-1].endswith('>') else ''}>"
        if len(text) > _LENGTH:
            raise NotUnderstood
        return text

    def type(self) -> str:
        """A type as it stands among template arguments."""
        letter = self.peek()
        if letter in DIGITS:
            self.at += 1
            return self._back(self._types, int(letter))
        for code in (self.peek(2), letter):
            if code in BASIC:
                self.at += len(code)
                return BASIC[code]
        self._types.append(self._compound())
        return self._types[-1]

    def _compound(self) -> str:
        if self.take("V") or self.take("U") or self.take("T"):
            return self.qualified()
        if self.take("W4"):
            return "enum " + self.qualified()
        for codes, mark in ((("P", "Q"), "*"), (("A",), "&")):
            if self.peek() in codes:
                self.at += 1
                wide = " __ptr64" if self.take("E") else ""
                qualifier = _QUALIFIED.get(self.peek())
                self.at += 1
                if qualifier is None or self._depth >= _DEPTH:
                    raise NotUnderstood
                self._depth += 1
                inner = self.type()
                self._depth -= 1
                return " ".join(filter(None, (inner, qualifier, mark))) + wide
        raise NotUnderstood

    def returned(self) -> str:
        """The return type of the function whose type is next."""
        match = _FUNCTION.match(self._name, self.at)
        if match is None:
            raise NotUnderstood
        self.at = match.end()
        return self.type()
