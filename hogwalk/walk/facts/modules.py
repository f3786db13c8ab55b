"""Finds the module and the code section an address lies in."""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from typing import AbstractSet, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from hogwalk.errors import Unreadable
from hogwalk.machine import windows
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.model import Module
from hogwalk.targets.held import module_list
from hogwalk.targets.protocol import Target
from hogwalk.walk.facts.kernel import word

EXECUTABLE = 0x20000000 | 0x20  # IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_CNT_CODE
MAX_SECTIONS = 96  # the loader's own bound
DOS_HEADER, FILE_HEADER, SECTION, HEADERS = 0x40, 24, 40, 0x1000  # bytes; the headers lie in an image's first page
MOST_HEADERS = 0x280  # bytes that hold the headers of most drivers and the first eight sections
# Entries of PsLoadedModuleList looked at: before `.reload` the debugger has the first alone.
FIRST_ENTRIES, MOST_ENTRIES = 3, 500


class Unlisted(NamedTuple):
    """The debugger knows too few modules, `known`; one it lacks begins at `lacks` (None: no list of them is found)."""

    known: int
    lacks: Optional[int]


def unlisted(target: Target, whole: bool = False) -> Optional[Unlisted]:
    """What a live debugger lacks of the machine's modules, as before `.reload`; None where it lacks none.

    The first entries of PsLoadedModuleList tell, and its last one, a driver loaded since; where something runs in no
    module the `whole` list is worth its price, a round trip an entry.  Where it cannot be found, a kernel that is all
    alone tells.
    """
    about = target.about()
    if not (about.kernel and about.live):
        return None
    known = {module.start for module in target.modules()}
    head = _module_list(target)
    if head is None:
        return Unlisted(len(known), None) if len(known) < 2 else None
    bases = _listed(target, head, MOST_ENTRIES if whole else FIRST_ENTRIES)
    lacks = next((base for base in bases if base not in known), None)
    return None if lacks is None else Unlisted(len(known), lacks)


def _module_list(target: Target) -> Optional[int]:
    found = module_list(target)
    block = target.debugger_block() if found is None else None
    if block is not None and len(block) >= windows.Kdbg.MODULE_LIST + 8:
        found = int.from_bytes(block[windows.Kdbg.MODULE_LIST :][:8], "little") & target.about().words.mask
    return found or None


def _listed(target: Target, head: int, most: int) -> Iterator[int]:
    """Where the list's modules begin: the first ones, then the last."""
    size = target.about().pointer_bytes
    for link, count in ((0, most), (size, 1)):  # LIST_ENTRY.Flink, .Blink
        entry = word(target, head + link)
        for _ in range(count):
            if not entry or entry == head:
                break
            try:
                raw = target.read(entry, windows.LOADER_BASE[size] + size)
            except Unreadable:
                break
            base, entry = int.from_bytes(raw[-size:], "little"), int.from_bytes(raw[:size], "little")
            if base:
                yield base


class ModuleMap:
    """Modules by address; code ranges come from the mapped PE headers where these can be read."""

    def __init__(self, modules: Sequence[Module], reader: CodeReader) -> None:
        self.modules = tuple(sorted(modules, key=lambda module: module.start))
        self._starts = [module.start for module in self.modules]
        self._ends = [module.end for module in self.modules]
        self._reader = reader
        self._code: Dict[int, Optional[Tuple[Tuple[int, int], ...]]] = {}

    @property
    def span(self) -> Tuple[int, int]:
        """The interval that holds every module; (0, 0) without modules."""
        if not self.modules:
            return (0, 0)
        return (self._starts[0], max(module.end for module in self.modules))

    def at(self, address: int) -> Optional[Module]:
        """The module that holds the address, or None."""
        index = bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        module = self.modules[index]
        return module if address < module.end else None

    def named(self, name: str) -> Optional[Module]:
        """The module of that name, or None."""
        return next((module for module in self.modules if module.name == name), None)

    def is_code(self, address: int) -> bool:
        """Whether the address lies in a module's code (anywhere in the module when its headers are unreadable)."""
        index = bisect_right(self._starts, address) - 1
        if index < 0 or address >= self._ends[index]:
            return False
        start = self._starts[index]
        ranges = self._code[start] if start in self._code else self.code_ranges(self.modules[index])
        if ranges is None:
            return True
        inside = False
        for start, end in ranges:  # not any(): it takes three times as long, and this is asked of every word
            inside = inside or start <= address < end
        return inside

    def code_among(self, addresses: AbstractSet[int]) -> List[int]:
        """Those of the addresses of which `is_code` is true, lowest first."""
        low, high = self.span
        ordered = sorted(address for address in addresses if low <= address < high)
        found: List[int] = []
        for module, following in zip(self.modules, (*self._starts[1:], high)):
            first = bisect_left(ordered, module.start)
            last = bisect_left(ordered, min(module.end, following), first)
            if first == last:
                continue
            ranges = self.code_ranges(module)
            for start, end in ((module.start, module.end),) if ranges is None else ranges:
                found += ordered[bisect_left(ordered, start, first, last) : bisect_left(ordered, end, first, last)]
        return sorted({*found})

    def in_headers(self, address: int) -> bool:
        """Whether the address lies in the page of a module's headers, after which the sections of most begin.

        Those of a kernel's x86 drivers can begin within it.
        """
        module = self.at(address)
        return module is not None and address - module.start < HEADERS

    def code_ranges(self, module: Module) -> Optional[Tuple[Tuple[int, int], ...]]:
        """The module's executable sections as [start, end), or None when its headers cannot be read."""
        if module.start not in self._code:
            self._code[module.start] = _executable_sections(self._reader, module)
        return self._code[module.start]


def _executable_sections(reader: CodeReader, module: Module) -> Optional[Tuple[Tuple[int, int], ...]]:
    start = module.start
    reader.fetch(range(start, start + MOST_HEADERS, DOS_HEADER))
    head = reader.bytes_at(start, DOS_HEADER)
    if head is None or head[:2] != b"MZ":
        return None
    pe = struct.unpack_from("<I", head, DOS_HEADER - 4)[0]
    header = reader.bytes_at(start + pe, FILE_HEADER) if pe < HEADERS else None
    if header is None or header[:4] != b"PE\0\0":
        return None
    count, optional = struct.unpack_from("<H", header, 6)[0], struct.unpack_from("<H", header, 20)[0]
    count = min(count, MAX_SECTIONS)
    table = reader.bytes_at(start + pe + FILE_HEADER + optional, SECTION * count)
    if table is None:
        return None  # better every address than a wrong half
    ranges: List[Tuple[int, int]] = []
    for at in range(0, SECTION * count, SECTION):
        size, first, raw = struct.unpack_from("<III", table, at + 8)
        if struct.unpack_from("<I", table, at + 36)[0] & EXECUTABLE:
            ranges.append((start + first, min(start + first + max(size, raw), module.end)))
    return tuple(ranges) or None
