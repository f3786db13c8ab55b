"""What a log says, collected line by line: plain storage, no judgement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional, Tuple

from hogwalk.model import Module, Registers, Symbol
from hogwalk.targets.parsers.bugcheck import BugCheckReader
from hogwalk.targets.parsers.dps import Word
from hogwalk.targets.parsers.raised import RaisedReader
from hogwalk.targets.parsers.thread import ThreadText
from hogwalk.targets.text.answers import Answers
from hogwalk.targets.text.memory import Runs
from hogwalk.targets.text.tables import Table

MOST_SYMBOLS = 150_000
MOST_THREADS = 10_000
LARGEST_X86 = 0xFFFFFFFF
FIRST_PAGES = 0x10000  # nothing lies below: a TSS row prints 0 here


@dataclass
class Facts:
    """Everything one debugging session of a log says.

    `narrow` and `wide` count rows with 8-digit and with 16-digit addresses; `registers` are in log order, `source` the
    command that showed them; `details` the key and value pairs of `lmv` by module name; `dump` the dump file it names.
    `usage` holds the bytes and frames of each module that a !stackusage table counts, `usage_total` its own sum;
    `recognised` names what was seen and cannot be used.
    """

    dump: str = ""
    machine: Optional[str] = None
    kernel: Optional[bool] = None
    narrow: int = 0
    wide: int = 0
    words: int = 0
    runs: Runs = field(default_factory=Runs)
    frame_runs: Runs = field(default_factory=Runs)
    symbols: Dict[int, Symbol] = field(default_factory=dict)
    symbols_dropped: int = 0
    modules: Dict[Tuple[str, int], Module] = field(default_factory=dict)
    details: Dict[str, Dict[str, str]] = field(default_factory=dict)
    threads: List[ThreadText] = field(default_factory=list)
    bugcheck: BugCheckReader = field(default_factory=BugCheckReader)
    raised: RaisedReader = field(default_factory=RaisedReader)
    registers: List[Registers] = field(default_factory=list)
    answers: Answers = field(default_factory=Answers)
    tables: List[Table] = field(default_factory=list)
    usage: Dict[str, Tuple[int, int]] = field(default_factory=dict)
    usage_total: Optional[int] = None
    recognised: List[str] = field(default_factory=list)
    _names: Dict[str, str] = field(default_factory=dict)

    @property
    def pointer_bytes(self) -> int:
        """4 or 8, by what most rows print."""
        return 8 if self.wide > self.narrow else 4

    def add_word(self, word: Word) -> None:
        """A word of memory, and the symbol of its value when one is printed."""
        self.words += 1
        if word.value is not None:
            self.runs.add(word.address, word.value.to_bytes(word.size, "little"))
            if word.symbol:
                self.add_symbol(word.value, word.symbol)

    def add_return_address(self, frame_ptr: int, return_address: int) -> None:
        """A row of a stack table; on x86 the engine reads RetAddr right above the frame pointer it prints."""
        if max(frame_ptr, return_address) <= LARGEST_X86:
            self.frame_runs.add(frame_ptr + 4, return_address.to_bytes(4, "little"))

    def add_symbol(self, address: int, symbol: Symbol) -> None:
        """The symbol of an address; the one printed last counts.  None of a damaged row that prints a small number."""
        if address < FIRST_PAGES:
            return
        if address not in self.symbols and len(self.symbols) >= MOST_SYMBOLS:
            self.symbols_dropped += 1
            return
        module, name = (self._names.setdefault(text, text) for text in (symbol.module, symbol.name))
        self.symbols[address] = Symbol(module, name, symbol.displacement)
