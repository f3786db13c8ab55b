"""The lab's styles: which modules keep EBP, who has symbols, what is damaged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Tuple

MODULE_COUNT = 8
FIRST_PARTY: Tuple[str, ...] = ("nt", "fltmgr", "Ntfs")

# How one module is compiled: compiler family and whether it keeps EBP.
CLANG_EBP = "clang-ebp"
CLANG_FPO = "clang-fpo"
GCC_FPO = "gcc-fpo"
MSVC_EBP = "msvc-ebp"  # by clang, with /GS cookies and guarded calls, and many functions as MSVC shapes them
MSVC_FPO = "msvc-fpo"
MSVC = (MSVC_EBP, MSVC_FPO)


@dataclass(frozen=True)
class Style:
    """One way to build and damage a case; stack_bytes is one segment's size in bytes."""

    name: str
    about: str
    first_party: str = CLANG_EBP
    third_party: Tuple[str, ...] = (CLANG_FPO,)
    first_symbols: bool = True
    third_symbols: bool = False
    stack_bytes: int = 0x3000
    features: Tuple[str, ...] = field(default=())

    def has(self, feature: str) -> bool:
        """True when the style carries the named feature (trap, segment, user, ..)."""
        return feature in self.features


MIXED = (CLANG_FPO, CLANG_EBP, GCC_FPO)

_ALL = (
    Style("ebp", "every module keeps EBP, third parties without symbols", third_party=(CLANG_EBP,)),
    Style("ebp-sym", "every module keeps EBP, PDBs for all", third_party=(CLANG_EBP,), third_symbols=True),
    Style("fpo", "third parties without EBP (clang), without symbols"),
    Style("fpo-sym", "third parties without EBP (clang), PDBs for all", third_symbols=True),
    Style("allfpo", "no module keeps EBP, PDBs for all", first_party=CLANG_FPO, third_symbols=True),
    Style("gcc", "third parties without EBP (gcc), stripped", third_party=(GCC_FPO,)),
    Style("gone", "as fpo, code of two third parties not in the dump", features=("gone",)),
    Style("page", "mixed third parties, one page of the stack unreadable", third_party=MIXED, features=("page",)),
    Style(
        "trap",
        "mixed third parties, page-fault trap frame and system-call entries",
        third_party=MIXED,
        features=("trap",),
    ),
    Style("regs", "mixed third parties, faulting registers in the dump", third_party=MIXED, features=("regs",)),
    Style("segment", "mixed third parties, a second stack segment", third_party=MIXED, features=("segment",)),
    Style("decoy", "mixed third parties, call-preceded words planted in data", third_party=MIXED, features=("decoy",)),
    Style("big24", "mixed third parties, 24 KB stack", third_party=MIXED, stack_bytes=0x6000),
    Style("msvc", "all as MSVC, third parties with and without EBP", MSVC_EBP, (MSVC_FPO, MSVC_EBP)),
    Style("msvc-sym", "all as MSVC, PDBs for all", MSVC_EBP, (MSVC_FPO, MSVC_EBP), third_symbols=True),
    Style("drivers", "all as MSVC and keeping EBP, no symbols at all", MSVC_EBP, (MSVC_EBP,), first_symbols=False),
    Style(
        "interrupt",
        "mixed third parties, hardware interrupts on the stack",
        third_party=MIXED,
        features=("interrupt",),
    ),
    Style(
        "user",
        "a program's minidump of stacks only, its context given",
        MSVC_EBP,
        (MSVC_EBP, CLANG_EBP),
        False,
        False,
        0x40000,
        ("user", "context"),
    ),
    Style(
        "user-raw",
        "the same without context, with TEB",
        MSVC_EBP,
        (MSVC_EBP, CLANG_EBP),
        False,
        False,
        0x40000,
        ("user", "teb"),
    ),
    Style(
        "user-wait",
        "the same of a thread that waits",
        MSVC_EBP,
        (MSVC_EBP, CLANG_EBP),
        False,
        False,
        0x40000,
        ("user", "context", "teb", "wait"),
    ),
    Style(
        "user-huge",
        "the same with frames over 8 KB and over 128 KB",
        MSVC_EBP,
        (MSVC_EBP, CLANG_EBP),
        False,
        False,
        0x200000,
        ("user", "context", "huge"),
    ),
    Style("big60", "mixed third parties, 60 KB stack", third_party=MIXED, stack_bytes=0xF000),
)

STYLES: Dict[str, Style] = {style.name: style for style in _ALL}
