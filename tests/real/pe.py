"""A 32-bit PE file as the loader lays it out, with its exports, imports and directly called functions."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Dict, List, Optional, Tuple

import capstone

from hogwalk.errors import Unreadable
from hogwalk.machine.x86.reader import CodeReader

pefile: Any = importlib.import_module("pefile")

EXECUTABLE, WRITABLE = 0x20000000, 0x80000000
PAGE = 0x1000
HIGHLOW = 3  # IMAGE_REL_BASED_HIGHLOW
MOST_RUN = 0x400
FRAMES = (b"\x55\x8b\xec", b"\x8b\xff\x55\x8b\xec", b"\x55\x89\xe5")  # push ebp; mov ebp,esp


CDECL = ("python", "msvcr", "vcruntime", "api-ms-win-crt", "ucrt", "msvcp")
KERNEL, CDECL_LETTERS = ("ntoskrnl.exe", "hal.dll"), "_abcdefghijklmnopqrstuvwxyz"  # memcpy, _snwprintf


@dataclass(frozen=True)
class Import:
    """A cell that the loader fills: where it lies, and the decorated name of what it holds."""

    cell: int
    library: str
    name: str


def taken(one: Import, popped: Dict[str, int]) -> Optional[int]:
    """Bytes of arguments that an imported function takes off the stack; None where nothing tells.

    `popped` says it by name, of the kernel's functions behind "nt!".
    """
    kernel = one.library in KERNEL
    known = popped.get(f"nt!{one.name}" if kernel else one.name)
    if known is None and not one.name.startswith("?"):
        cdecl = one.library.startswith(CDECL) or (kernel and one.name[0] in CDECL_LETTERS)
        return 0 if cdecl else None
    return known


class Image:
    """One mapped file; addresses are those where it lies."""

    def __init__(self, data: bytes, base: Optional[int] = None) -> None:
        """`base`: where the loader puts it, if not where it was linked for."""
        file = pefile.PE(data=data)
        if base is not None:
            file.relocate_image(base)
        header = file.OPTIONAL_HEADER
        self.base = int(header.ImageBase) if base is None else base
        self.linker = f"{header.MajorLinkerVersion}.{header.MinorLinkerVersion}"
        self.memory = bytearray(file.get_memory_mapped_image())
        size = -(-max(len(self.memory), int(header.SizeOfImage)) // PAGE) * PAGE
        self.memory = self.memory.ljust(size, b"\0")
        self.code: List[Tuple[int, int]] = [
            (self.base + section.VirtualAddress, self.base + section.VirtualAddress + section.Misc_VirtualSize)
            for section in file.sections
            if section.Characteristics & EXECUTABLE
        ]
        self._writable = [
            (self.base + section.VirtualAddress, self.base + section.VirtualAddress + section.Misc_VirtualSize)
            for section in file.sections
            if section.Characteristics & WRITABLE and not section.Characteristics & EXECUTABLE
        ]
        self._entry = self.base + int(header.AddressOfEntryPoint)
        self._pointers = self._data_pointers(file)
        self._named = frozenset(self._pointers)
        exports = getattr(file, "DIRECTORY_ENTRY_EXPORT", None)
        addresses = [self.base + one.address for one in exports.symbols] if exports else []
        self.exports = [address for address in addresses if self.is_code(address)]
        self._named -= frozenset(self.exports)
        self.imports: List[Import] = []
        for library in getattr(file, "DIRECTORY_ENTRY_IMPORT", []):
            for one in library.imports:
                name = one.name.decode("ascii") if one.name else f"#{one.ordinal}"
                self.imports.append(Import(one.address, library.dll.decode("ascii").lower(), name))

    def _data_pointers(self, file: Any) -> List[int]:
        """The relocated words outside the code that lead into it, and those within it that lead to a frame's start."""
        found: List[int] = []
        for block in getattr(file, "DIRECTORY_ENTRY_BASERELOC", []):
            for one in block.entries:
                address = self.base + one.rva
                word = int.from_bytes(self.memory[one.rva : one.rva + 4], "little")
                # Only gcc lays jump tables outside the code.
                known = not self.linker.startswith("2.") or any(start <= address < end for start, end in self._writable)
                if one.type != HIGHLOW or not self.is_code(word):
                    continue
                if self._framed(word) if self.is_code(address) else known and self._begins(word):
                    found.append(word)
        return found

    def _framed(self, address: int) -> bool:
        """Whether a word within code leads to what only a function begins with: drivers name their routines there."""
        at = address - self.base
        return any(self.memory.startswith(frame, at) for frame in FRAMES)

    def only_named(self, function: int) -> bool:
        """Whether nothing but a word of the data says that a function begins there: it may be a case of a switch."""
        return function in self._named and not self._framed(function)

    def is_code(self, address: int) -> bool:
        """Whether an address lies in an executable section."""
        return any(start <= address < end for start, end in self.code)

    def is_writable(self, address: int) -> bool:
        """Whether an address lies in a section of data that code writes to."""
        return any(start <= address < end for start, end in self._writable)

    def read(self, address: int, count: int) -> bytes:
        """As Target.read: exactly `count` bytes, or Unreadable."""
        at = address - self.base
        if not 0 <= at <= len(self.memory) - count:
            raise Unreadable(address, count)
        return bytes(self.memory[at : at + count])

    def reader(self, other: Tuple[int, bytes] = (0, b"")) -> CodeReader:
        """The mapped file, and code at another address, as hogwalk reads a target."""
        start, code = other

        def read(address: int, count: int) -> bytes:
            if start <= address < start + len(code):
                return code[address - start : address - start + count].ljust(count, b"\xcc")
            return self.read(address, count)

        return CodeReader(read)

    def fill(self, words: Dict[int, int]) -> None:
        """Stores words, as the loader does in import cells."""
        for address, word in words.items():
            at = address - self.base
            self.memory[at : at + 4] = word.to_bytes(4, "little")

    @property
    def writable(self) -> List[Tuple[int, bytes]]:
        """Address and bytes of the sections that code writes to, as they are before any runs."""
        return [(start, bytes(self.memory[start - self.base : end - self.base])) for start, end in self._writable]

    @lru_cache(maxsize=None)  # noqa: B019 - one image lives as long as its run
    def functions(self) -> Tuple[int, ...]:
        """Where functions begin: exports, what data point to, and all that the code from there calls."""
        decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
        waiting = [*self.exports, self._entry, *self._pointers]
        found, seen = {address for address in waiting if self.is_code(address)}, set(waiting)
        while waiting:
            address = waiting.pop()
            if not self.is_code(address):
                continue
            at = address - self.base
            for here, size, name, operands in decoder.disasm_lite(bytes(self.memory[at : at + MOST_RUN]), address):
                name = name.split()[-1]
                direct = operands.startswith("0x") and (name[0] == "j" or name == "call")
                if direct and int(operands, 0) not in seen:
                    seen.add(int(operands, 0))
                    waiting.append(int(operands, 0))
                if direct and name == "call" and int(operands, 0) != here + size and self.is_code(int(operands, 0)):
                    found.add(int(operands, 0))
                if name in ("jmp", "ret", "int3"):
                    break
                if here + size - address >= MOST_RUN - 16 or (here + size in seen):
                    if here + size not in seen:
                        seen.add(here + size)
                        waiting.append(here + size)
                    break
                seen.add(here + size) if name[0] == "j" or name == "call" else None
        return tuple(sorted(found))

    def _begins(self, address: int) -> bool:
        """Whether a word in data may be a function's address: it is aligned as these are, after what ends one."""
        before = bytes(self.memory[address - self.base - 3 : address - self.base])
        return address % 16 == 0 and (before[-1] in (0xCC, 0x90, 0xC3) or before[0] == 0xC2)
