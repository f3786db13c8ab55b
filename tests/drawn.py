"""A drawn machine: a stack word by word with labels, modules with code, and a target in memory that holds them.

A test draws what it is about, as in "this saved EBP points to that place, this return address follows that call",
and runs hogwalk's own code on it.
"""

from __future__ import annotations

import struct
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from hogwalk.errors import CommandFailed, Unreadable
from hogwalk.model import About, BugCheck, FrameLayout, Module, Region, Registers, Symbol, ThreadStack, Version
from hogwalk.targets.null import NullTarget

PAGE = 0x1000
TEXT = 0x1000  # where a drawn module's code starts; its last page is data
FUNCTION = 0x40  # bytes of a drawn function
KF_HEAD = "  Memory  ChildEBP RetAddr  "


class Stack:
    """Words drawn upwards from Limit; a name as a word stands for the address of that label, drawn earlier or later."""

    def __init__(self, limit: int, base: int) -> None:
        self.limit = limit
        self.base = base
        self._words: Dict[int, Union[int, str]] = {}
        self._labels: Dict[str, int] = {}
        self._at = limit

    def word(self, *values: Union[int, str]) -> Stack:
        """Draws words one behind the other."""
        for value in values:
            assert self._at < self.base, "drawn past Base"
            self._words[self._at] = value
            self._at += 4
        return self

    def label(self, name: str) -> Stack:
        """Names the place where the next word goes."""
        assert name not in self._labels, f"label {name} drawn twice"
        self._labels[name] = self._at
        return self

    def frame(self, name: str, saved: Union[int, str], return_address: int) -> Stack:
        """Draws a labelled pair of saved EBP and return address."""
        return self.label(name).word(saved, return_address)

    def skip(self, count: int) -> Stack:
        """Leaves bytes at zero."""
        return self.go(self._at + count)

    def go(self, address: int) -> Stack:
        """Moves the pencil."""
        assert address % 4 == 0
        assert self.limit <= address <= self.base
        self._at = address
        return self

    def address(self, label: str) -> int:
        """Where a label lies."""
        return self._labels[label]

    def image(self) -> bytes:
        """The whole stack, what is not drawn as zeros."""
        drawn = bytearray(self.base - self.limit)
        for at, value in self._words.items():
            word = self._labels[value] if isinstance(value, str) else value
            struct.pack_into("<I", drawn, at - self.limit, word)
        return bytes(drawn)


class Code:
    """A module's image: PE headers, code drawn by offset, one page of data at its end."""

    def __init__(self, name: str, start: int, size: int = 0x4000, symbols: str = "pdb") -> None:
        self.name = name
        self.start = start
        self.size = size
        self.symbols = symbols
        self.functions: Dict[int, str] = {}
        self._image = bytearray(b"\x90" * size)
        self._image[:PAGE] = _headers(size)
        self._image[size - PAGE :] = bytes(PAGE)

    @property
    def module(self) -> Module:
        """The record a target gives out."""
        return Module(self.name, self.start, self.start + self.size, self.symbols)

    def function(self, offset: int, name: str = "") -> int:
        """Draws a function of 64 bytes and, with a name, gives it a symbol; its address.

        It keeps EBP and takes as much stack as EAX says, so that its frames may have any size.
        """
        self._draw(offset, b"\x55\x8b\xec\x2b\xe0")  # push ebp; mov ebp, esp; sub esp, eax
        self._draw(offset + FUNCTION - 2, b"\xc9\xc3")  # leave; ret
        if name:
            self.functions[self.start + offset] = name
        return self.start + offset

    def call(self, offset: int, target: int) -> int:
        """Draws `call target` to end at `offset`; the return address behind it."""
        behind = self.start + offset
        self._draw(offset - 5, b"\xe8" + struct.pack("<I", (target - behind) & 0xFFFFFFFF))
        return behind

    def call_through(self, offset: int, pointer: int) -> int:
        """Draws `call dword ptr [pointer]` to end at `offset`; the return address behind it."""
        self._draw(offset - 6, b"\xff\x15" + struct.pack("<I", pointer))
        return self.start + offset

    def call_register(self, offset: int) -> int:
        """Draws `call eax` to end at `offset`; the return address behind it."""
        self._draw(offset - 2, b"\xff\xd0")
        return self.start + offset

    def jump(self, offset: int, target: int) -> int:
        """Draws `jmp target`; its address."""
        self._draw(offset, b"\xe9" + struct.pack("<I", (target - self.start - offset - 5) & 0xFFFFFFFF))
        return self.start + offset

    def jump_through(self, offset: int, pointer: int) -> int:
        """Draws `jmp dword ptr [pointer]`; its address."""
        self._draw(offset, b"\xff\x25" + struct.pack("<I", pointer))
        return self.start + offset

    def raw(self, offset: int, code: bytes) -> int:
        """Draws any code; its address."""
        self._draw(offset, code)
        return self.start + offset

    def pointer(self, number: int, target: int) -> int:
        """Draws a function pointer into the data page; its address."""
        offset = self.size - PAGE + 4 * number
        self._draw(offset, struct.pack("<I", target))
        return self.start + offset

    def image(self) -> bytes:
        """The headers, the code and the data."""
        return bytes(self._image)

    def _draw(self, offset: int, code: bytes) -> None:
        assert TEXT <= offset <= self.size - len(code)
        self._image[offset : offset + len(code)] = code


def _headers(size: int) -> bytes:
    page = bytearray(PAGE)
    struct.pack_into("<2s58xI", page, 0, b"MZ", 0x80)
    struct.pack_into("<4sHH12xHH", page, 0x80, b"PE\0\0", 0x14C, 2, 0xE0, 0x10E)
    table = 0x80 + 24 + 0xE0
    code, data = size - PAGE - TEXT, PAGE
    struct.pack_into("<8sIIII12xI", page, table, b".text", code, TEXT, code, TEXT, 0x60000020)
    struct.pack_into("<8sIIII12xI", page, table + 40, b".data", data, size - PAGE, data, size - PAGE, 0xC0000040)
    return bytes(page)


class DrawnTarget(NullTarget):
    """A Target in memory; what a test does not draw is not there.

    `reads` lists every (address, count) asked for; `answers` holds the texts of other commands than `kf=`.
    """

    def __init__(self, kind: str = "kernel dump", bugcheck: Optional[BugCheck] = None, machine: str = "x86") -> None:
        self._about = About(kind, machine, 4, PAGE, bugcheck, "drawn.dmp")
        self._pages: Dict[int, bytearray] = {}
        self._modules: List[Code] = []
        self._ran: List[str] = []
        self.reads: List[Tuple[int, int]] = []
        self.answers: Dict[str, str] = {}
        self.frame_data: Dict[int, FrameLayout] = {}
        self.names_tell: Dict[int, int] = {}
        self.version_data: Dict[str, Version] = {}
        self.fields: Dict[Tuple[str, str], int] = {}
        self.current_thread: Optional[int] = None
        self.block: Optional[bytes] = None
        self.held: Tuple[Registers, ...] = ()
        self.listed: Tuple[ThreadStack, ...] = ()
        self.notes: List[str] = []
        self.stated: Optional[Region] = None
        self.walker: Callable[[int, int, int, int], str] = self._kf

    def put(self, address: int, data: bytes) -> None:
        """Draws memory; the pages it touches become readable."""
        at = 0
        while at < len(data):
            page, offset = divmod(address + at, PAGE)
            part = data[at : at + PAGE - offset]
            self._pages.setdefault(page, bytearray(PAGE))[offset : offset + len(part)] = part
            at += len(part)

    def put_words(self, address: int, *words: int) -> None:
        """Draws 32-bit words."""
        self.put(address, struct.pack(f"<{len(words)}I", *words))

    def load(self, *modules: Code) -> None:
        """Loads modules with their images."""
        for module in modules:
            self._modules.append(module)
            self.put(module.start, module.image())

    def forget(self, start: int, end: int) -> None:
        """Makes the pages of [start, end) unreadable."""
        for page in range(start // PAGE, (end + PAGE - 1) // PAGE):
            self._pages.pop(page, None)

    def about(self) -> About:
        return self._about

    def command(self, text: str) -> str:
        self._ran.append(text)
        if text.startswith("kf="):
            base_ptr, stack_ptr, instruction_ptr, count = (int(word, 16) & 0xFFFFFFFF for word in text[3:].split())
            return self.walker(base_ptr, stack_ptr, instruction_ptr, count)
        if text not in self.answers:
            raise CommandFailed(f"the debugger refused `{text}` (drawn machines know only what is drawn)")
        return self.answers[text]

    def read(self, address: int, count: int) -> bytes:
        self.reads.append((address, count))
        return self._peek(address, count)

    def modules(self) -> Tuple[Module, ...]:
        return tuple(sorted((code.module for code in self._modules), key=lambda module: module.start))

    def symbols(self, addresses: Sequence[int]) -> Tuple[Optional[Symbol], ...]:
        return tuple(self._symbol(address) for address in addresses)

    def layouts(self, addresses: Sequence[int]) -> Tuple[Optional[FrameLayout], ...]:
        return tuple(self.frame_data.get(address) for address in addresses)

    def taken(self, addresses: Sequence[int]) -> Tuple[Optional[int], ...]:
        return tuple(self.names_tell.get(address) for address in addresses)

    def versions(self, modules: Sequence[str]) -> Tuple[Optional[Version], ...]:
        return tuple(self.version_data.get(name) for name in modules)

    def thread(self) -> Optional[int]:
        return self.current_thread

    def field(self, type_name: str, field: str) -> Optional[int]:
        return self.fields.get((type_name, field))

    def debugger_block(self) -> Optional[bytes]:
        return self.block

    def threads(self) -> Iterator[ThreadStack]:
        return iter(self.listed)

    def registers(self) -> Tuple[Registers, ...]:
        return self.held

    def commands(self) -> Sequence[str]:
        return self._ran

    def stack_hint(self, thread: Optional[int] = None) -> Optional[Region]:
        return self.stated

    def _peek(self, address: int, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            page, offset = divmod(address + len(found), PAGE)
            if page not in self._pages:
                raise Unreadable(address, count)
            found += self._pages[page][offset : offset + count - len(found)]
        return bytes(found)

    def _symbol(self, address: int) -> Optional[Symbol]:
        for code in self._modules:
            if code.start <= address < code.start + code.size:
                starts = [start for start in code.functions if start <= address]
                start = max(starts, default=code.start)
                return Symbol(code.name, code.functions.get(start, ""), address - start)
        return None

    def _kf(self, base_ptr: int, stack_ptr: int, instruction_ptr: int, count: int) -> str:
        # What dbgeng does on code without FPO data: it follows the saved EBPs wherever they lead, while it can read.
        rows = [KF_HEAD]
        frame, running, newer = base_ptr, instruction_ptr, None
        for _ in range(count):
            try:
                saved, back = struct.unpack("<II", self._peek(frame, 8))
            except Unreadable:
                break
            memory = "" if newer is None else f"{(frame - newer) & 0xFFFFFFFF:x}"
            symbol = self._symbol(running)
            name = symbol.text() if symbol is not None else f"0x{running:08x}"
            rows.append(f"{memory:>9} {frame:08x} {back:08x} {name}")
            if not saved:
                break
            newer, running, frame = frame, back, saved
        return "\n".join(rows) + "\n"
