"""What a 32-bit function takes off its caller's stack, as far as its decorated name proves it."""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from hogwalk.targets.symbols.cpp import BASIC, DIGITS, NotUnderstood, Reader
from hogwalk.targets.symbols.undecorate import read_name

WORD = 4
BY_REGISTERS = 2  # arguments of a fastcall function that ECX and EDX take: those of up to a word
MOST = 0x400  # bytes; no function seen takes as many
_CELL = "__imp_"  # before the name of the function whose address an import cell holds
_C = re.compile(r"(?P<kind>[_@])[^@?]+@(?P<count>[0-9]{1,4})")
# Who may call, of members the qualifiers of `this`, and the calling convention.  Thunks (G, O, W, $) are left out: they
# jump on to the function that takes the arguments.
_FUNCTION = re.compile(r"(?:[YCKS]|(?P<member>[AEIMQU])[A-D])(?P<convention>[ABEGI])")
_CDECL = "AB"
_REGISTERS = {"E": 1, "G": 0, "I": BY_REGISTERS}  # thiscall (ECX for `this`), stdcall, fastcall
# A constructor's name does not tell of the flag it is passed where there are virtual bases; a conversion's type is read
# with its name.
_UNTOLD = ("??0", "??B")
_WIDE = ("double", "long double", "__int64", "unsigned __int64")


def taken(name: str) -> Optional[int]:
    """`_f@12` -> 12, `@f@4` -> 0, `?f@@YGHHH@Z` -> 8; 0 for C++ functions whose caller takes their arguments back.

    Of an import cell what the function in it takes.

    None where the name does not tell, as `_f` of C: hand-written helpers have such names as well.
    """
    name = name[len(_CELL) :] if name.startswith(_CELL) else name
    if name.startswith("?"):
        try:
            return None if name.startswith(_UNTOLD) else _by_types(name)
        except NotUnderstood:
            return None
    match = _C.fullmatch(name)
    if match is None:
        return None
    count = int(match.group("count"))
    if match.group("kind") == "@":
        return 0 if count <= WORD else None  # @RtlUlonglongByteSwap@8 takes 8, @IofCallDriver@8 none
    return count if count % WORD == 0 and count <= MOST else None


def _by_types(name: str) -> Optional[int]:
    """The same by the types in a C++ name; None where one has no known size."""
    reader = Reader(name, 1)
    read_name(reader)
    match = _FUNCTION.match(name, reader.at)
    if match is None:
        return None
    reader.at = match.end()
    convention, member = match.group("convention"), match.group("member") is not None
    if convention in _CDECL:
        return 0
    if not reader.take("@"):  # a destructor's, which returns nothing
        returned = reader.type()
        if returned != "void":
            _size(returned)  # an object's place the caller may pass as one argument more
    types = (["this *"] if member else []) + _arguments(reader)
    left, count = _REGISTERS[convention], 0
    for size, narrow in map(_size, types):
        if narrow and left:
            left -= 1
        elif left and not narrow:
            raise NotUnderstood  # compilers differ on whether it leaves the registers to the next one
        else:
            count += size
    return count


def _arguments(reader: Reader) -> List[str]:
    """The types of the arguments, at whose end the name must end."""
    found: List[str] = []
    longer: List[str] = []  # those that a digit refers to
    if not reader.take("X"):
        while not reader.take("@"):
            at, digit = reader.at, reader.peek()
            if digit in DIGITS and int(digit) < len(longer):
                reader.at += 1
                found.append(longer[int(digit)])
                continue
            found.append(reader.type())
            if reader.at > at + 1:
                longer.append(found[-1])
    if not reader.take("Z") or reader.peek():
        raise NotUnderstood
    return found


def _size(type_name: str) -> Tuple[int, bool]:
    """Bytes of an argument on the stack, and whether a register can take it."""
    if type_name.endswith(("*", "&")) or type_name.startswith("enum "):
        return WORD, True
    if type_name not in BASIC.values() or type_name == "void":
        raise NotUnderstood
    wide = type_name in _WIDE
    return 2 * WORD if wide else WORD, not wide and type_name != "float"
