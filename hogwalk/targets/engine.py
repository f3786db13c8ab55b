"""The debugger as a target, through pykd: the only file that imports it.

pykd 0.3.4.x inside WinDbg/kd or as a console program; every fact about its behaviour is from its sources and was seen
in the real engine (dbgeng 10.0.15063).  Nothing here writes to the target or leaves the debugger's state changed.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from hogwalk.errors import CommandFailed, NoDebugger, Unreadable
from hogwalk.machine.windows import Kdbg
from hogwalk.machine.words import X86
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
from hogwalk.targets.beside import Errands
from hogwalk.targets.disk import Disk
from hogwalk.targets.held import about_of, live_data_block, machine_notes, one_line, raised_context, registers_by
from hogwalk.targets.line import END, Line
from hogwalk.targets.parsers import asked
from hogwalk.targets.parsers.dt import field_offset
from hogwalk.targets.parsers.expr import parse_debugger_block
from hogwalk.targets.processes import listed_threads
from hogwalk.targets.protocol import Announce, Answer, Done, Range, Work, joined, read_each
from hogwalk.targets.settings import Settings
from hogwalk.targets.teb import memory_around, teb32

EVERY_MASK = 7  # normal, error and warning output: many failures are text on the error mask only
WIDE = 2  # bytes of one of Windows's characters
REQUIREMENT = "hogwalk needs pykd 0.3.4 (64-bit Python 3.8 or 3.9 on Windows) to talk to the debugger"


def load_pykd() -> ModuleType:
    """The pykd module; raises NoDebugger with the interpreter's own particulars when it does not import."""
    try:
        return importlib.import_module("pykd")
    except ImportError as error:
        bits = 64 if sys.maxsize > 1 << 32 else 32
        version = ".".join(map(str, sys.version_info[:3]))
        raise NoDebugger(
            f"pykd cannot be imported ({error}) by Python {version}, {bits} bit, {sys.prefix}", REQUIREMENT
        ) from error


class EngineTarget:
    """The debugger's current target."""

    def __init__(self, pykd: Any) -> None:
        self._pykd = pykd
        self._types: Dict[str, str] = {}
        self._about: Optional[About] = None
        self._block: Optional[Tuple[Optional[bytes]]] = None
        self._ran: List[str] = []
        self._named = False
        self._errands = Errands()
        self._settings = Settings(self._run)
        self._remarks: Dict[str, None] = {}
        self._loaded: Optional[asked.Loaded] = None
        self._told: Tuple[str, Optional[List[asked.Listed]]] = "", None  # what it was made of
        self._foreign: Tuple[Module, ...] = ()
        self._values: Dict[str, Optional[int]] = {}
        self._registers: Optional[Tuple[Registers, ...]] = None
        self._disk = Disk(self.command)
        self.line = Line(self._read, pykd.breakin)

    def about(self) -> About:
        """What the debugger is attached to; raises NoDebugger when it holds no target."""
        if self._about is None:
            self._about = about_of(self._pykd, self._ask)
        return self._about

    def command(self, text: str) -> str:
        """The debugger's answer to a command; raises CommandFailed with the debugger's own reason."""
        return self.line.command(text, self._ask) if self.about().live else self._ask(text)

    def _ask(self, text: str) -> str:
        with self._settings.set_aside(text):
            return self._run(text)

    def read(self, address: int, count: int) -> bytes:
        """Bytes of virtual memory; raises Unreadable unless every byte can be read."""
        return self.line.read(address, count) if self.about().live else self._read(address, count)

    def _read(self, address: int, count: int) -> bytes:
        pykd, ask = self._pykd, self._errands.ask
        try:
            if count % WIDE:
                return bytes(ask(lambda: pykd.loadBytes(pykd.addr64(address), count)))
            # A string costs a tenth of a list of so many numbers; its halves of characters pass as they are.
            text: str = ask(lambda: pykd.loadWChars(pykd.addr64(address), count // WIDE))
            return text.encode("utf-16-le", "surrogatepass")
        except pykd.DbgException as error:
            raise Unreadable(address, count) from error

    def read_many(self, ranges: Sequence[Range]) -> Tuple[Optional[bytes], ...]:
        """Ranges that touch are read as one; a run that cannot be read whole is read range by range."""
        found: Dict[Range, Optional[bytes]] = {}
        for run in joined(ranges):
            start, end = run[0][0], max(address + count for address, count in run)
            try:
                data = self.read(start, end - start)
            except Unreadable:
                found.update(zip(run, read_each(self, run) if len(run) > 1 else (None,)))
            else:
                found.update((one, data[one[0] - start : one[0] - start + one[1]]) for one in run)
        return tuple(found[one] for one in ranges)

    def modules(self) -> Tuple[Module, ...]:
        """The loaded modules as the engine holds them now; once a symbol was asked for, their states from `lm`."""
        return self._load().modules

    def _load(self) -> asked.Loaded:
        listed, size = self._listed(), self.about().pointer_bytes
        early = not self._named and listed is not None and size == X86.word  # on x64 `lm` lists unloaded ones, too
        told = "" if early else self.command("lm"), listed
        if self._loaded is None or self._told != told:
            self._told, (self._loaded, foreign) = told, asked.loaded(*told, size)
            self._foreign = tuple(dict.fromkeys((*self._foreign, *foreign)))
        return self._loaded

    def _listed(self) -> Optional[List[asked.Listed]]:
        # Numbers and the engine's own short names: nothing of what `lm` prints of a module's files.
        try:
            every, narrow = self._pykd.getModulesList(), self._narrow
            return [asked.Listed(narrow(one.begin()), narrow(one.end() - 1) + 1, one.name()) for one in every]
        except (self._pykd.DbgException, AttributeError):  # pykd before 0.3 has no such list
            return None

    def symbols(self, addresses: Sequence[int]) -> Tuple[Optional[Symbol], ...]:
        """The engine's own nearest symbols, some hundreds to a command."""
        loaded, self._named = self._loaded or self._load(), True
        return asked.symbols(self.command, addresses, loaded, self.about().words)

    def layouts(self, addresses: Sequence[int]) -> Tuple[Optional[FrameLayout], ...]:
        """None: kf's rows tell what frame data say; `.fnent` leaves out FRAMEDATA's saved registers (10.0.15063)."""
        return tuple(None for _ in addresses)

    def taken(self, addresses: Sequence[int]) -> Tuple[Optional[int], ...]:
        """By the decorated names in the PDBs that the last `lm` names; no command runs for it."""
        return self._disk.taken(addresses, self._told[0])

    def versions(self, modules: Sequence[str]) -> Tuple[Optional[Version], ...]:
        """The version resources of the named modules, as `lm v` prints them, in one command.

        Where memory has none (a live machine discards them), those of images on disk, which `lm v` does not look at.
        """
        found = asked.details(self.command, modules, self._loaded or self._load(), self.about().words)
        self._remarks.update(dict.fromkeys(asked.remarks_on(found)))
        return tuple(self._disk.version(one) if one is not None else None for one in found)

    def thread(self) -> Optional[int]:
        """The implicit thread's _KTHREAD (@$thread), or in user mode the TEB (@$teb): of 32-bit code the 32-bit one."""
        about = self.about()
        found = self.evaluate("@$thread" if about.kernel else "@$teb") or None
        if found is None or about.kernel or about.words != X86:
            return found
        return teb32(found, self._word) or found

    def _word(self, address: int, size: int) -> Optional[int]:
        try:
            return int.from_bytes(self.read(address, size), "little")
        except Unreadable:
            return None

    def field(self, type_name: str, field: str) -> Optional[int]:
        """The offset `dt nt!TYPE` prints for a field, or None without types."""
        types, together = self._types, asked.TYPES.get(self.about().pointer_bytes, ())
        if type_name not in types:
            types.update(asked.types_of(self.command, together if type_name in together else (type_name,)))
        return field_offset(types[type_name], field)

    def debugger_block(self) -> Optional[bytes]:
        """The KDBG block: where a dump says it lies, at nt!KdDebuggerDataBlock, or as a live kernel has it."""
        if self._block is None:
            self._block = (self._ask_debugger_block(),)
        return self._block[0]

    def _ask_debugger_block(self) -> Optional[bytes]:
        address = parse_debugger_block(self.command(".dumpdebug"), 4) if "dump" in self.about().kind else None
        if address is None:
            address = self.evaluate("nt!KdDebuggerDataBlock")
        if address is None and self.about().kernel and self.about().live:
            return live_data_block(self)
        try:
            return None if address is None else self.read(address, Kdbg.BYTES)
        except Unreadable:
            return None

    def threads(self) -> Iterator[ThreadStack]:
        """All threads: a kernel's by its own lists and types, a program's as `~` lists them; else the current one."""
        seen = False
        for found in listed_threads(self):
            seen = True
            yield found
        thread = None if seen else self.thread()
        if thread is not None:
            yield ThreadStack(thread, None, "", None, None, None)

    def registers(self) -> Tuple[Registers, ...]:
        """The debugger's current context, `chosen` while one is set (.cxr, .trap, .tss, .thread); () when it is void.

        `r` says that a context is set, and prints the whole of it.  Of a program's dump whose current thread died the
        exception's context stands first: the thread's own is of a later time, when its handler waited.
        """
        if self._registers is None:
            now = registers_by(self.command, "r", self.about().live)
            raised = self._raised_context() if now is not None and not now.chosen else None
            self._registers = tuple(dict.fromkeys(filter(None, (raised, now))))
        return self._registers

    def _raised_context(self) -> Optional[Registers]:
        kind, raised = self.about().kind, self.about().raised
        if kind != "user dump" or raised is None or self._pykd.getCPUMode() != self._pykd.getCPUType():
            return None  # of a 32-bit program in 64-bit Windows `.ecxr` leads into the other machine's context
        return raised_context(self.command, raised, self.evaluate("@$teb"))

    def process(self) -> Optional[Process]:
        """None: the debugger is asked for its structures instead."""
        return None

    def evaluate(self, expression: str) -> Optional[int]:
        """The value of an expression as MASM's evaluator reads it in radix 16; None when it has none.

        By a command, whose complaints are kept apart: pykd's own evaluation prints them on its way.  In parentheses,
        for the evaluator else takes the beginning for the whole where it understands no more.
        """
        if expression not in self._values:
            value = asked.value(self.command, expression)
            self._values[expression] = None if value is None else self._narrow(value)
        return self._values[expression]

    def commands(self) -> Sequence[str]:
        """Every command that ran, in order."""
        return self._ran

    def printed_walk(self) -> Optional[PrintedWalk]:
        """None: the debugger walks itself."""
        return None

    def shown_starts(self) -> Sequence[Triple]:
        """None: the debugger walks from any triple."""
        return ()

    @property
    def notes(self) -> Sequence[str]:
        """What the user's settings do to walks, what it printed as a module and is none, its remarks on files."""
        ended = () if self.line.ended is None else (self.line.ended.wrong,)
        other = machine_notes(self._pykd, self.about())
        return (*other, *ended, *self._settings.notes, *asked.foreign_notes(self._foreign), *self._remarks)

    def stack_hint(self, thread: Optional[int] = None) -> Optional[Region]:
        """Of a user dump without the TEB the memory around the stack pointer; else its structures are asked for."""
        if thread is not None or self.about().kind != "user dump":
            return None
        own = self.registers()[-1:]  # the thread's own: it went on after its exception
        start, end = memory_around(own[0].sp, self._readable) if own else (0, 0)
        return Region(start, end, self.thread(), RECORDED_STACK) if start < end else None

    def _readable(self, start: int, end: int) -> bool:
        try:
            return bool(self.read(start, end - start))
        except Unreadable:
            return False

    def beside(self, ask: Callable[[], Answer], work: Work[Done], announce: Announce) -> Tuple[Answer, Done]:
        """As Target.beside; over a wire one after the other, so that what is read there stays the same."""
        return (ask(), work(announce)) if self.about().live else self._errands.both(ask, work, announce)

    def _run(self, text: str) -> str:
        self._ran.append(text[: -len(END)] if text.endswith(END) else text)
        try:
            return self._dbg_command(self._settings.unaliased(text)).replace("\r", "")
        except self._pykd.DbgException as error:
            raise CommandFailed(f"the debugger refused `{text[:60]}` ({one_line(error)})") from error

    def _dbg_command(self, text: str) -> str:
        command = self._pykd.dbgCommand
        try:
            return self._errands.ask(lambda: str(command(text, True, EVERY_MASK) or ""))
        except TypeError:  # pykd before 0.3.4.13 knows no output mask
            return self._errands.ask(lambda: str(command(text, True) or ""))

    def _narrow(self, value: int) -> int:
        # pykd sign-extends x86 addresses to 64 bits.
        return value & 0xFFFFFFFF if self.about().pointer_bytes == 4 else value
