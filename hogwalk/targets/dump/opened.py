"""A crash dump as a target: what the file holds, joined with the symbols found for it."""

from __future__ import annotations

from typing import Callable, Iterator, Optional, Sequence, Tuple

from hogwalk.errors import BadInput, NoDebugger, Unreadable
from hogwalk.model import (
    RECORDED_STACK,
    About,
    FrameLayout,
    Module,
    PrintedWalk,
    Process,
    Region,
    Registers,
    Symbol,
    ThreadStack,
    Triple,
    Version,
)
from hogwalk.targets.dump.crash import Crash, Names
from hogwalk.targets.dump.full import FULL_MAGIC
from hogwalk.targets.dump.header import TRIAGE, read_header
from hogwalk.targets.dump.kernel import open_pages
from hogwalk.targets.dump.layout import PAGE
from hogwalk.targets.dump.triage import TriageCrash
from hogwalk.targets.dump.user import UserCrash
from hogwalk.targets.images.source import PACKED, READ_CAP, MappedFile
from hogwalk.targets.protocol import Announce, Answer, Done, Range, Work, read_each
from hogwalk.targets.symbols.resolver import Resolver
from hogwalk.targets.symbols.tables import PdbTable


class DumpTarget:
    """A crashed machine read from its dump file; answers every question but `command`."""

    def __init__(self, crash: Crash, symbol_path: str, image_path: str) -> None:
        self._crash = crash
        self._resolver = Resolver(crash.images(), crash.memory.read, symbol_path, image_path)
        self._names = Names(self.field, self._address)
        self._about = crash.about()
        self._registers: Optional[Tuple[Registers, ...]] = None

    @property
    def notes(self) -> Tuple[str, ...]:
        """What was found but not used, and what the dump does not hold, one line each."""
        return tuple(dict.fromkeys([*self._crash.notes, *self._resolver.notes]))

    def about(self) -> About:
        """What kind of target this is."""
        return self._about

    def command(self, text: str) -> str:
        """Raises NoDebugger: a dump file has no debugger."""
        raise NoDebugger(f"no debugger to run `{text}`", "open the dump in WinDbg and run `!py hogwalk` there")

    def read(self, address: int, count: int) -> bytes:
        """Exactly `count` bytes of virtual memory from `address`; raises Unreadable unless all can be read.

        Code and constants that the dump leaves out come from the image files of the search paths.
        """
        try:
            return self._crash.memory.read(address, count)
        except Unreadable:
            if self._resolver.image_at(address) is None or count > READ_CAP:
                raise
        pieces = []
        at, end = address, address + count
        while at < end:
            step = min(end, (at // PAGE + 1) * PAGE) - at
            pieces.append(self._piece(at, step))
            at += step
        return b"".join(pieces)

    def _piece(self, address: int, count: int) -> bytes:
        """Bytes of one page, from the dump, else from the module's file."""
        try:
            return self._crash.memory.read(address, count)
        except Unreadable:
            return self._resolver.read(address, count)

    def read_many(self, ranges: Sequence[Range]) -> Tuple[Optional[bytes], ...]:
        """Each range by itself."""
        return read_each(self, ranges)

    def modules(self) -> Tuple[Module, ...]:
        """The loaded modules, lowest start first; symbols "deferred" until an address in the module was asked."""
        return tuple(
            Module(image.name, image.start, image.end, self._resolver.kind(image)) for image in self._resolver.images
        )

    def symbols(self, addresses: Sequence[int]) -> Tuple[Optional[Symbol], ...]:
        """For each address its nearest symbol, or None where it lies in no module."""
        return tuple(self._resolver.symbol(address) for address in addresses)

    def taken(self, addresses: Sequence[int]) -> Tuple[Optional[int], ...]:
        """For each function what its decorated name in the PDB, the exports or the COFF symbols proves, or None."""
        return tuple(self._resolver.taken(address) for address in addresses)

    def versions(self, modules: Sequence[str]) -> Tuple[Optional[Version], ...]:
        """For each module name what its version resource says, or None where it cannot be read."""
        return tuple(self._resolver.version(name) for name in modules)

    def thread(self) -> Optional[int]:
        """Address of the crashing thread: its _KTHREAD in a kernel dump, its TEB in a user dump."""
        return self._crash.thread(self._names)

    def field(self, type_name: str, field: str) -> Optional[int]:
        """Offset in bytes of a field of an nt (user dump: ntdll) structure as its PDB's types give it."""
        table = self._kernel_table()
        return table.types.field(type_name, field) if table is not None else None

    def debugger_block(self) -> Optional[bytes]:
        """The kernel's debugger data block, None where the dump lacks it or holds it encoded (`notes` say so)."""
        return self._crash.debugger_block()

    def registers(self) -> Tuple[Registers, ...]:
        """The crashing thread's registers as the dump records them: an exception's first, then the thread's."""
        if self._registers is None:  # a user dump has those of each thread
            self._registers = tuple(dict.fromkeys(self._crash.registers(self._names)))
        return self._registers

    def process(self) -> Optional[Process]:
        """None: the structures of the kernel say it."""
        return None

    def evaluate(self, expression: str) -> Optional[int]:
        """None: a dump file has no debugger."""
        return None

    def stack(self) -> Optional[Tuple[int, int]]:
        """[limit, base) of the crashing thread's stack bytes where the file itself records a range, else None."""
        return self._crash.stack()

    def stack_hint(self, thread: Optional[int] = None) -> Optional[Region]:
        """A thread's stack, the crashing one's for None, where the file itself records it."""
        if thread is None or thread == self.thread():
            found, thread = self.stack(), self.thread()
        else:
            found = self._crash.stack_of(thread)
        return None if found is None else Region(found[0], found[1], thread, RECORDED_STACK)

    def printed_walk(self) -> Optional[PrintedWalk]:
        """None: a dump file shows no table."""
        return None

    def beside(self, ask: Callable[[], Answer], work: Work[Done], announce: Announce) -> Tuple[Answer, Done]:
        """One after the other."""
        return ask(), work(announce)

    def shown_starts(self) -> Sequence[Triple]:
        """None: a dump file shows no walk."""
        return ()

    def commands(self) -> Sequence[str]:
        """None: a dump file runs no command."""
        return ()

    def threads(self) -> Iterator[ThreadStack]:
        """Every thread of the dump."""
        return self._crash.threads(self._names)

    def layouts(self, addresses: Sequence[int]) -> Tuple[Optional[FrameLayout], ...]:
        """For each code address what the FPO and FRAMEDATA records of its module's PDB say."""
        return tuple(self._layout(address) for address in addresses)

    def _layout(self, address: int) -> Optional[FrameLayout]:
        image = self._resolver.image_at(address)
        if image is None:
            return None
        table = self._resolver.table(image)
        return table.layout(address - image.start) if isinstance(table, PdbTable) else None

    def _pdb_table(self, module: str) -> Optional[PdbTable]:
        for image in self._resolver.images:
            if image.name == module:
                table = self._resolver.table(image)
                return table if isinstance(table, PdbTable) else None
        return None

    def _kernel_table(self) -> Optional[PdbTable]:
        return self._pdb_table("nt" if self._about.kernel else "ntdll")

    def _address(self, name: str) -> Optional[int]:
        """The address of one of the kernel's variables, or None."""
        for image in self._resolver.images:
            if image.name == "nt":
                rva = self._resolver.table(image).address(name)
                return None if rva is None else image.start + rva
        return None


def open_dump(path: str, symbol_path: str = "", image_path: str = "") -> DumpTarget:
    """A kernel crash dump, a user dump, or a packed file (.zip, .gz, .cab) with one of these, as a target.

    `symbol_path` and `image_path` are debugger search paths (folders and `srv*` stores, `;` between).
    Raises BadInput where the file is missing, cut short, damaged or no dump.
    """
    file = MappedFile(path)
    if file.upto(0, 4).startswith(PACKED):
        from hogwalk.targets.dump.unpacked import unpacked  # here, for it brings in four packers of the library

        file = unpacked(path)
    return DumpTarget(_open(file), symbol_path, image_path)


def _open(file: MappedFile) -> Crash:
    magic = file.upto(0, 8)
    if magic in (b"PAGEDUMP", b"PAGEDU64"):
        header = read_header(file)
        if header.kind == TRIAGE:
            return TriageCrash(file, header)
        return open_pages(file, header)
    if magic[:4] == b"MDMP" or magic == FULL_MAGIC:
        return UserCrash(file)
    raise BadInput(
        f"{file.name} is neither a Windows kernel crash dump nor a minidump",
        "pass a MEMORY.DMP, a small dump (.dmp) or a debugger's log",
    )
