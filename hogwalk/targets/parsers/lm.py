"""Loaded modules: the rows of `lm` and the details of `lmv`."""

from __future__ import annotations

import ntpath
import re
from dataclasses import dataclass
from typing import Dict, Iterable, List, Optional, Protocol, Sequence, Tuple, TypeVar

from hogwalk.machine.words import Words, hexa
from hogwalk.model import Module, Version
from hogwalk.targets.parsers.words import ADDRESS, address, fold

HEADER = re.compile(r"\s*start\s+end\s+module name\s*$")
UNLOADED = re.compile(r"\s*Unloaded modules:")
NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_$]")
MOST_UNLOADED = 50  # MI_UNLOADED_DRIVERS: the kernel keeps no more
PLAIN_NAME = re.compile(r"[A-Za-z0-9_]+")

_ROW = re.compile(rf"\s*({ADDRESS})\s+({ADDRESS})\s+([^\s(]\S*)(?:\s+(?:[A-Z#]{{1,3}}\s+)?\(([^()]*)\)|\s|$)")
_FLAGS = re.compile(r"\s([A-Z#]{1,3})\s+\(")  # before the state of the symbols
_UNNAMED = re.compile(rf"\s*({ADDRESS})\s+({ADDRESS})()\s+(?:[A-Z#]{{1,3}}\s+)?\(([^()]*)\)")  # of ".sys"
_SYMBOL_FILE = re.compile(r"\((?:private )?pdb symbols\)\s+(\S.*?)\s*$")
_DETAIL = re.compile(r"\s*([A-Z][A-Za-z ]*):\s*(.*)")
# A date with its number behind it; of a reproducible build only a hash is printed, and that it is one.
_STAMP = re.compile(r"\(([0-9A-Fa-f]{8})\)\s*$")
_VERSION_KEYS = ("CompanyName", "ProductName", "FileDescription", "FileVersion")


@dataclass(frozen=True)
class ModuleDetail:
    """One block of `lmv`: the module, its image path and time stamp as printed ("" when absent), its version.

    `version` is None when the block prints neither a version resource nor when the module was linked; `mapped`: an
    image file stands for the memory; `flags`: what `lm` prints before the state of the symbols (T, C, M, #: no time
    stamp, no checksum, they do not match).
    """

    module: Module
    image_path: str
    timestamp: str
    version: Optional[Version]
    mapped: bool = False
    flags: str = ""

    @property
    def build(self) -> int:
        """The linker's time stamp as a number, 0 when absent."""
        found = re.search(r"\b[0-9A-Fa-f]{8}\b", self.timestamp)
        return int(found.group(), 16) if found else 0

    @property
    def file(self) -> str:
        """The image's file name without its folder."""
        return ntpath.basename(self.image_path)


def unnamed(start: int) -> str:
    """What a module is called that has no name of its own (its file is ".sys"), after the debugger's habit."""
    return f"Unknown_Module_{hexa(start)}"


def format_lmv(starts: Sequence[int], words: Words) -> str:
    """The command that prints the details of the modules at these addresses; it holds in any default radix."""
    return ";".join(f"lmv a 0x{words.typed(start)}" for start in starts)


def lmv_of(name: str, address: int, words: Words) -> str:
    """The command to recommend for a module's details: by name where the name is a plain word, else by address.

    A name is the target's own text; anything but letters, digits and `_` in it could end the command and begin another.
    """
    return f"lmv m {name}" if PLAIN_NAME.fullmatch(name) else format_lmv([address], words)


def parse_row(line: str, pointer_bytes: Optional[int] = None) -> Optional[Module]:
    """The module on this line of `lm`, or None; `symbols` is "pdb", "export", "none" or "deferred"."""
    found = _ROW.match(line) or _UNNAMED.match(line)
    if not found:
        return None
    start, end = (fold(address(word), pointer_bytes) for word in found.group(1, 2))
    name = found.group(3) or unnamed(start)
    # Other tables print two addresses and a word as well; modules start on a page and end behind their start.
    if start & 0xFFF or end <= start or "!" in name or "+0x" in name:
        return None
    return Module(name, start, end, _symbols(found.group(4) or ""))


def parse_lm(text: str, pointer_bytes: Optional[int] = None) -> Tuple[Module, ...]:
    """The loaded modules of an `lm` answer in printed order; the list of unloaded modules is left out."""
    loaded = _loaded(text.split("\n"))
    return tuple(module for line in loaded for module in [parse_row(line, pointer_bytes)] if module)


def symbol_files(text: str) -> List[Tuple[Module, str]]:
    """The 32-bit modules of an `lm` answer whose symbols come from a PDB that fits, each with the file's path."""
    found: List[Tuple[Module, str]] = []
    for line in _loaded(text.split("\n")):
        module, file, flags = parse_row(line, 4), _SYMBOL_FILE.search(line), _FLAGS.search(line)
        if module is not None and file is not None and (flags is None or "M" not in flags.group(1)):
            found.append((module, file.group(1)))
    return found


class Placed(Protocol):
    """What lies from `start` to `end`."""

    @property
    def start(self) -> int:
        """The address of its first byte."""

    @property
    def end(self) -> int:
        """The address behind its last byte."""


P = TypeVar("P", bound=Placed)


def with_unloaded(modules: Sequence[P], gone: Iterable[P]) -> List[P]:
    """The modules and those unloaded ones in whose place nothing was loaded since; the first listed went last."""
    found = list(modules)
    for one in gone:
        if all(one.end <= other.start or other.end <= one.start for other in found):
            found.append(one)
    return found


def parse_unloaded(text: str, pointer_bytes: Optional[int] = None) -> Tuple[Module, ...]:
    """The modules of the list of unloaded ones at the end of an `lm` answer, in printed order."""
    found: List[Module] = []
    inside = False
    for line in text.split("\n"):
        if HEADER.match(line):
            inside = False
        elif UNLOADED.match(line):
            inside = True
        elif inside:
            row = parse_row(line, pointer_bytes)
            if row is not None:
                stem = row.name.rsplit(".", 1)[0]
                found.append(Module("Unloaded_" + NOT_IN_NAMES.sub("_", stem), row.start, row.end, "none"))
    return tuple(found)


def parse_lmv(text: str, pointer_bytes: Optional[int] = None) -> Tuple[ModuleDetail, ...]:
    """The modules of an `lmv` (`lm kv`, `lmvm`) answer with their details, in printed order."""
    blocks: List[Tuple[Module, Dict[str, str], str]] = []
    for line in _loaded(text.split("\n")):
        module = parse_row(line, pointer_bytes)
        pair = parse_detail(line)
        if module:
            flags = _FLAGS.search(line)
            blocks.append((module, {}, flags.group(1) if flags else ""))
        elif pair and blocks:
            blocks[-1][1].setdefault(*pair)
    return tuple(detail(*block) for block in blocks)


def parse_detail(line: str) -> Optional[Tuple[str, str]]:
    """The key and value of a detail line of `lmv`, or None."""
    found = _DETAIL.match(line)
    return (found.group(1), found.group(2).rstrip()) if found else None


def detail(module: Module, pairs: Dict[str, str], flags: str = "") -> ModuleDetail:
    """The details of a module, from the key and value pairs printed under its row, and the flags in the row."""
    company, product, description, file_version = (pairs.get(key, "") for key in _VERSION_KEYS)
    stamp = pairs.get("Timestamp", "")
    found = _STAMP.search(stamp)
    linked = int(found.group(1), 16) or None if found else None
    version = Version(company, product, description, file_version or pairs.get("File version", ""), linked)
    known = version != Version("", "", "", "")
    mapped = "Mapped memory image file" in pairs
    return ModuleDetail(module, pairs.get("Image path", ""), stamp, version if known else None, mapped, flags)


def _loaded(lines: Sequence[str]) -> List[str]:
    # Every `lm` of several joined ones begins with its own head, and may end with unloaded modules.
    kept: List[str] = []
    inside = True
    for line in lines:
        if HEADER.match(line):
            inside = True
        elif UNLOADED.match(line):
            inside = False
        elif inside:
            kept.append(line)
    return kept


def _symbols(status: str) -> str:
    if "export" in status:
        return "export"
    if "no symbols" in status:
        return "none"
    return "pdb" if "symbols" in status else "deferred"
