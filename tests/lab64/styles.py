"""The x64 lab's styles: what the modules are made of, what is missing in the dump, what is damaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Tuple


@dataclass(frozen=True)
class Style:
    """One way to build, run and damage a case."""

    name: str
    about: str
    features: Tuple[str, ...] = ()

    def has(self, feature: str) -> bool:
        """True when the style carries the named feature."""
        return feature in self.features


_ALL = (
    Style("sym", "PDBs for all modules", ("pdbs",)),
    Style("nosym", "no PDBs for third parties"),
    Style("trap", "a page fault and an interrupt at any instruction", ("trap",)),
    Style("fp", "RBP frames and alloca", ("fp",)),
    Style("chain", "chained unwind information", ("chain",)),
    Style("asm", "hand-written code without unwind data", ("asm",)),
    Style("jit", "code in no module", ("jit",)),
    Style("retcfg", "calls through a dispatch thunk, tail calls", ("retcfg",)),
    Style("segment", "an expanded stack", ("segment",)),
    Style("wiped", "200h to 800h bytes of the stack overwritten", ("wiped",)),
    Style("dark2", "2 of 8 images not in the dump", ("dark2",)),
    Style("dark4", "4 of 8 images not in the dump", ("dark4",)),
    Style("shadow", "4 of 8 images not in the dump, and the thread's shadow stack in it", ("dark4", "shadow")),
    Style("unloaded", "a driver that was unloaded: its range is all that is known", ("unloaded",)),
    Style("bitmap", "a bitmap dump of kernel memory; odd seeds have five levels of page tables", ("pdbs", "bitmap")),
    Style("small", "a small dump, and Microsoft's images beside it", ("small",)),
)
STYLES: Dict[str, Style] = {style.name: style for style in _ALL}
MODULES = ("nt", "fltmgr", "Ntfs", "CryptFs", "AvFilter", "VolSnapX", "NetShim", "HookDrv")
FIRST_PARTY = MODULES[:3]
