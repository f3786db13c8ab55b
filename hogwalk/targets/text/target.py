"""A debugger log or pasted text as a target: it knows what the text says, and names what the text leaves out."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from hogwalk.errors import NoDebugger
from hogwalk.model import (
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
from hogwalk.targets.parsers import lm
from hogwalk.targets.parsers.fnent import FunctionEntry, parse_fnent
from hogwalk.targets.protocol import Announce, Answer, Done, Range, Work
from hogwalk.targets.text.facts import Facts
from hogwalk.targets.text.memory import Memory, Runs
from hogwalk.targets.text.missing import Missing, missing
from hogwalk.targets.text.naming import Names, as_function, inferred_modules, lone_functions
from hogwalk.targets.text.region import stack_region
from hogwalk.targets.text.stacks import ANY, Choose, choose, dump_wins, place, printed, wider

SLACK_BYTES = 4096  # how far below Limit a stack pointer that ran out of stack may lie
WIDE = ("x64", "arm64", "ia64")  # machines with 64-bit addresses
KNOWN_BYTES = 1  # a log knows single bytes, not pages


class TextTarget:
    """What a log says, as a target; nothing in it is ever guessed where `missing` does not say so."""

    def __init__(self, facts: Facts, source: str, wanted: Choose = ANY) -> None:
        self._facts = facts
        self._source = source
        self._entries: Optional[List[FunctionEntry]] = None
        self._memory: Memory = facts.runs.memory(facts.frame_runs)
        listed = sorted(facts.modules.values(), key=lambda module: module.start)
        self._functions = lone_functions(
            facts.symbols,
            [row.symbol for table in facts.tables for row in table.rows if row.symbol and row.running is None],
            [*facts.details, *(module.name for module in listed)],
        )
        symbols = {address: as_function(symbol, self._functions) for address, symbol in facts.symbols.items()}
        self.inferred: Tuple[Module, ...] = inferred_modules(symbols, listed)
        self._modules = tuple(sorted([*listed, *self.inferred], key=lambda module: module.start))
        self._names = Names(symbols, self._modules)
        self._placed = place(facts, facts.tables)
        self._chosen, self._asked = choose(self._placed, wanted), wanted.table is not None
        dumped = facts.runs.memory(Runs())
        self._dumped = self._chosen is None or (not self._asked and dump_wins(self._chosen, dumped))
        chosen = None if self._dumped else self._chosen
        found = stack_region(facts, dumped if chosen is not None else self._memory)
        self._region = found if chosen is None or (found is not None and wider(chosen, found)) else chosen.region

    def about(self) -> About:
        """Kind "text"; the machine as `vertarget` says it, else by the width of most addresses.

        `page_bytes` is 1: any byte of a log's memory may be known while the next is not.
        """
        width = self._facts.pointer_bytes
        said = self._facts.machine
        machine = said if said and (said in WIDE) == (width == 8) else ("x64" if width == 8 else "x86")
        facts = self._facts
        return About("text", machine, width, KNOWN_BYTES, facts.bugcheck.found, self._source, facts.raised.found)

    def command(self, text: str) -> str:
        """The answer that the log itself shows for this command; raises NoDebugger for any other."""
        answer = self._facts.answers.find(text)
        if answer is None:
            raise NoDebugger(f"the log does not hold the output of `{text[:60]}`", "run it and paste that too")
        return answer

    def read(self, address: int, count: int) -> bytes:
        """Bytes that memory, disassembly or stack table rows print; raises Unreadable unless all are printed."""
        return self._memory.read(address, count)

    def read_many(self, ranges: Sequence[Range]) -> Tuple[Optional[bytes], ...]:
        """Each range by itself."""
        memory = self._memory
        return tuple(memory.read(*one) if memory.has(*one) else None for one in ranges)

    def modules(self) -> Tuple[Module, ...]:
        """The modules `lm` lists and those that symbols imply (`inferred`), lowest start first."""
        return self._modules

    def symbols(self, addresses: Sequence[int]) -> Tuple[Optional[Symbol], ...]:
        """For each address the symbol printed for it or implied by its neighbours, else its module, else None."""
        return tuple(self._names.find(address) for address in addresses)

    def layouts(self, addresses: Sequence[int]) -> Tuple[Optional[FrameLayout], ...]:
        """What `.fnent` shows of the functions (x64); logs hold no other frame data."""
        if self._entries is None:
            self._entries = sorted(parse_fnent(self._facts.answers.all_of(".fnent")), key=lambda one: one.begin)
        return tuple(self._layout(address) for address in addresses)

    def _layout(self, address: int) -> Optional[FrameLayout]:
        # A return address may lie right at its function's end.
        holding = [one for one in self._entries or () if one.begin < address <= one.end]
        return holding[-1].layout if holding else None

    def taken(self, addresses: Sequence[int]) -> Tuple[Optional[int], ...]:
        """None for each: a debugger prints names without their decoration."""
        return tuple(None for _ in addresses)

    def versions(self, modules: Sequence[str]) -> Tuple[Optional[Version], ...]:
        """What `lmv` prints for each module, None where the log holds no `lmv` of it."""
        listed: Dict[str, Module] = {module.name: module for module in self._modules}
        details = self._facts.details
        return tuple(lm.detail(listed[name], details[name]).version if name in details else None for name in modules)

    def thread(self) -> Optional[int]:
        """The thread that `!thread` shows for the stack, or None."""
        return self._region.thread if self._region else None

    def field(self, type_name: str, field: str) -> Optional[int]:
        """None: a log is not asked for types."""
        return None

    def debugger_block(self) -> Optional[bytes]:
        """None: a log holds no debugger data block."""
        return None

    def threads(self) -> Iterator[ThreadStack]:
        """The threads whose `!thread` or `!teb` the log shows."""
        for said in self._facts.threads:
            if said.thread is not None:
                yield ThreadStack(said.thread, None, said.image, said.limit, said.base, said.current)

    def registers(self) -> Tuple[Registers, ...]:
        """The registers shown, last first, those before all whose stack pointer lies on the stack or just below it."""
        region = self._region
        shown = [row for row in reversed(self._facts.registers) if row.ip and row.sp]
        near = [row for row in shown if region and region.limit - SLACK_BYTES <= row.sp < region.base]
        return tuple(dict.fromkeys([*near, *shown]))

    def process(self) -> Optional[Process]:
        """The process that `!thread` shows as the owner of the stack's thread."""
        region = self._region
        for said in self._facts.threads if region is not None else ():
            if said.process is not None and region is not None and said.limit in (None, region.limit):
                return Process(said.process, said.image)
        return None

    def evaluate(self, expression: str) -> Optional[int]:
        """None: a log is no debugger."""
        return None

    def commands(self) -> Sequence[str]:
        """None: hogwalk ran no command, the log's own were run before."""
        return ()

    @property
    def notes(self) -> Sequence[str]:
        """What the log leaves out, gravest first, each with the command to run and paste next."""
        return tuple(f"the log lacks {lack.what}: run `{lack.command}` and paste that, too" for lack in self.missing())

    def stack_hint(self, thread: Optional[int] = None) -> Optional[Region]:
        """The stack of `!thread`'s Base and Limit, else the range that was dumped, else None; `source` says which."""
        return self._region

    def beside(self, ask: Callable[[], Answer], work: Work[Done], announce: Announce) -> Tuple[Answer, Done]:
        """One after the other."""
        return ask(), work(announce)

    def shown_starts(self) -> Sequence[Triple]:
        """The triples of the `kf=BasePtr StackPtr InstructionPtr` commands whose tables the log shows."""
        return self._facts.answers.starts()

    def printed_walk(self) -> Optional[PrintedWalk]:
        """The stack table asked for, else the longest one; None without a table, or where a dump shows far more."""
        if self._chosen is None or self._dumped or self._region is None:
            return None
        return replace(printed(self._chosen, self._placed, self._region, self._functions), asked=self._asked)

    def missing(self) -> Tuple[Missing, ...]:
        """Everything that would make the answer better, most important first."""
        return tuple(missing(self._facts, self._region, self._memory, self.inferred, self._functions))
