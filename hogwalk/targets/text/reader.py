"""Reads a log line by line: a small state machine over the parsers, linear in the text, without look-back."""

from __future__ import annotations

import re
from typing import Callable, Iterable, List, Optional, Tuple

from hogwalk.model import Module, Registers, Symbol
from hogwalk.targets.parsers import disasm, dps, kf, kfrow, lm, printf, registers, thread, usage
from hogwalk.targets.parsers.dps import Word
from hogwalk.targets.parsers.expr import parse_machine
from hogwalk.targets.parsers.kfrow import Columns, KfRow
from hogwalk.targets.parsers.lines import rejoined
from hogwalk.targets.parsers.prompt import Prompt, split_prompt
from hogwalk.targets.parsers.words import address
from hogwalk.targets.text.facts import LARGEST_X86, MOST_THREADS, Facts
from hogwalk.targets.text.pasted import plain
from hogwalk.targets.text.tables import STACK_TEXT, TableReader
from hogwalk.targets.text.wraps import unwrapped

_SPOKEN_THREAD = ("Base", "Limit", "THREAD", "Owning", "Stack Init")
_ASKS_MEMORY = re.compile(r"d(?:[dcpqy]?s?|[dpq][sapu])\b")
_FOLLOWS = re.compile(r"d[dpq]p\b")  # prints a word, what lies at the address it holds, and the symbol of that
# By far the most lines of any large log; what this does not match goes the long way.
_PLAIN = re.compile(r"([0-9a-f]{8})  ([0-9a-f]{8})(?: ([^\s!+<]+)(?:!([^\s+<`?(]+))?(?:\+0x([0-9a-f]+))?)?$")
_CONTEXT = re.compile(r"\.(?:tss|trap|cxr|ecxr|thread)\b[^;]{0,40}$")
_NEAREST = re.compile(r"ln\s+([0-9a-f`]+)\s*$", re.IGNORECASE)
_TWO_BLANKS = re.compile(r"\s*\S+\s\s")


def read_facts(lines: Iterable[str]) -> List[Facts]:
    """The facts of each dump a log tells of, in log order (one if it names none)."""
    reader = _Reader()
    for line in rejoined(unwrapped(plain(lines)), _is_row):
        if line.message:
            reader.remark(line.text)
        else:
            reader.take(line.text)
    return reader.sessions


def _is_row(line: str) -> bool:
    return kfrow.is_row(line) or bool(dps.parse_row(line))


class _Reader:
    def __init__(self) -> None:
        self.facts = Facts()
        self.sessions = [self.facts]
        # How the rows of the current table are read: each method says whether the line was its own.
        self.table: Callable[[str], bool] = self._no_table
        self.printed = TableReader(self.facts.tables, self._add_frame)
        self.newer_frame: Optional[int] = None
        self.command = ""
        self.child_sp = False  # whether the table's head says Child-SP
        self.module: Optional[Module] = None
        self.memory_asked: Optional[bool] = None  # whether a memory command printed this; None without a prompt
        self.follows = False  # whether a row's second word lies elsewhere
        self.doubtful: Tuple[Word, ...] = ()  # a row that is memory only if the next one goes on where it ends
        self.memory_end = -1
        self.asked_symbol: Optional[int] = None  # the address that `ln` was asked for

    def remark(self, line: str) -> None:
        """A remark of the debugger's, which may stand anywhere."""
        self.facts.answers.add(line)
        self.printed.remark(line)

    def take(self, line: str) -> None:
        if line[8:10] == "  " and self.table == self._no_table and self._plain(line):
            return
        prompt = split_prompt(line) if ">" in line[:24] else None
        if prompt:
            self._prompt(prompt)
        elif line and self._heading(line):
            return
        else:
            self.facts.answers.add(line)
            if not line:
                self.printed.blank()
            elif not self.printed.take(line) and not self.table(line):
                self._free(line)

    def _prompt(self, prompt: Prompt) -> None:
        self.table = self._no_table
        self.facts.kernel = prompt.kernel
        self.memory_asked = _ASKS_MEMORY.match(prompt.command) is not None
        self.follows = _FOLLOWS.match(prompt.command) is not None
        self.facts.answers.begin(prompt.command)
        self.command = prompt.command
        asked = _NEAREST.match(prompt.command)
        self.asked_symbol = address(asked.group(1)) if asked else None
        self.printed.command(prompt.command)

    def _heading(self, line: str) -> bool:
        facts = self.facts
        if ("Ret" in line or "Call Site" in line) and kf.HEADER.match(line):
            facts.answers.add(line)
            facts.machine = parse_machine(line) or facts.machine
            self.child_sp = "Child-SP" in line
            self.table, self.newer_frame = self._no_table, None
            self.printed.heading(line, len(facts.threads), len(facts.registers))
        elif "module name" in line and lm.HEADER.match(line):
            facts.answers.add(line)
            self.table, self.module = self._module, None
            self.printed.leave()
        elif "Unloaded" in line and lm.UNLOADED.match(line):
            self.table = self._unloaded
        elif "Loading Dump" in line and line.lstrip().startswith("Loading Dump File ["):
            self._dump(line.strip()[len("Loading Dump File [") :].rstrip("]"))
        elif usage.heading(line):
            facts.recognised.append(usage.heading(line))
            self.printed.leave()
            self.table = self._usage if usage.sums(line) else self._no_table
        else:
            return False
        return True

    def _dump(self, name: str) -> None:
        if name != self.facts.dump and (self.facts.dump or self.facts.words or self.facts.tables):
            self.facts = Facts()
            self.sessions.append(self.facts)
            self.printed = TableReader(self.facts.tables, self._add_frame)
        self.facts.dump = name
        self.table = self._no_table

    def _no_table(self, line: str) -> bool:
        return False

    def _add_frame(self, row: KfRow, running: Optional[int]) -> None:
        if row.inline:
            return
        wide = kfrow.is_wide(row)
        self._width(wide)
        if self.child_sp and not wide:  # of the machines with 32-bit addresses only ARM has no ChildEBP
            self.facts.machine = self.facts.machine or ARM
        if row.symbol and running:
            self.facts.add_symbol(running, row.symbol)
        # In a row of 0 bytes, or with a trap frame, RetAddr is no word of the stack above the frame pointer.
        whole = row.frame_ptr not in (None, self.newer_frame) and row.trap_frame is None and not row.marks
        self.newer_frame = row.frame_ptr
        if whole and row.frame_ptr is not None and row.return_address is not None and not wide:
            self.facts.add_return_address(row.frame_ptr, row.return_address)

    def _usage(self, line: str) -> bool:
        said = usage.total(line)
        self.facts.usage_total = said if said is not None else self.facts.usage_total
        return usage.add_row(self.facts.usage, line) or said is not None

    def _module(self, line: str) -> bool:
        module = lm.parse_row(line)
        pair = lm.parse_detail(line) if self.module and not module else None
        if module:
            self._add_module(module)
        elif pair and self.module:
            self.facts.details.setdefault(self.module.name, {}).setdefault(*pair)
        return module is not None or pair is not None

    def _add_module(self, module: Module) -> None:
        self.module = module
        self.facts.modules[module.name, module.start] = module

    def _unloaded(self, line: str) -> bool:
        return lm.parse_row(line) is not None

    def _free(self, line: str) -> None:
        # Text under no head that says what it is: the row itself must tell.
        if line[0] not in _BEGINS:
            self._talk(line)
            return
        module = lm.parse_row(line) if "symbols)" in line or "(deferred)" in line else None
        code = disasm.parse_row(line)
        sited = not self.memory_asked and ("!" in line or "0x" in line)
        row = kfrow.parse_row(line, 0, _UNKNOWN) if sited else None
        if module:
            self._add_module(module)
            self.table = self._module
        elif code:
            self.facts.runs.add(*code)
        elif row and self._bare(row, line):
            self.newer_frame = None
        else:
            words = dps.parse_row(line)
            if words:
                self._memory(words[:1] if self.follows else words, line)
            else:
                self._talk(line)

    def _bare(self, row: KfRow, line: str) -> bool:
        # Whether the row is a stack table's: not where it stands right above the memory shown before.
        plain = not row.arguments and row.number is None and row.memory is None
        if plain and row.frame_ptr in (self.memory_end, _end(self.doubtful) if self.doubtful else -1):
            return False
        return self.printed.bare(row, line, len(self.facts.threads), len(self.facts.registers))

    def _plain(self, line: str) -> bool:
        found = _PLAIN.match(line)
        start = int(found.group(1), 16) if found else -1
        if not found or (self.memory_asked is False and start != self.memory_end) or self.doubtful:
            return False
        _, word, module, name, displacement = found.groups()
        if module and name is None and displacement is None:
            return False
        value = int(word, 16)
        facts = self.facts
        facts.narrow += 1
        facts.words += 1
        facts.runs.add(start, value.to_bytes(4, "little"))
        self.memory_end = start + 4
        if module:
            facts.add_symbol(value, Symbol(module, name or "", int(displacement or "0", 16)))
        return True

    def _memory(self, words: Tuple[Word, ...], line: str) -> None:
        start = words[0].address
        before = self.printed.not_loose(start)
        if before is not None:
            self._memory(dps.parse_row(before.text), before.text)
        asked = _TWO_BLANKS.match(line) is not None if self.memory_asked is None else self.memory_asked
        sure = asked or start == self.memory_end
        if self.doubtful and start == _end(self.doubtful):
            words, sure = self.doubtful + words, True
        self.doubtful = () if sure else words
        if sure:
            self._width(words[0].address > LARGEST_X86 or words[0].size > 4)
            self.memory_end = _end(words)
            for word in words:
                self.facts.add_word(word)

    def _nearest(self, line: str, asked: int) -> None:
        """The answer of `ln`; what it prints in brackets is the symbol's start or, in old debuggers, what was asked."""
        found = printf.parse_ln(line)
        self.asked_symbol = None
        if found is not None:
            self.facts.add_symbol(asked, found.symbol)

    def _width(self, wide: bool) -> None:
        if wide:
            self.facts.wide += 1
        else:
            self.facts.narrow += 1

    def _talk(self, line: str) -> None:
        facts = self.facts
        shown = registers.ROW.search(line) if "ip=" in line else None
        if shown:
            instruction, stack, frame = (address(word) for word in shown.groups())
            source = self.command if _CONTEXT.match(self.command) else "the registers in the log"
            facts.registers.append(Registers(instruction, stack, frame, source))
        elif line.startswith("(") and self.asked_symbol is not None:
            self._nearest(line, self.asked_symbol)
        elif STACK_TEXT in line and line.lstrip().startswith(STACK_TEXT + ":"):
            self.printed.label(STACK_TEXT)
        elif "Stack Limit: " in line:
            facts.threads.extend(thread.overflow(line))
        elif True in [word in line for word in _SPOKEN_THREAD] and len(facts.threads) < MOST_THREADS:
            thread.add_line(facts.threads, line)
        elif not facts.bugcheck.take(line):
            if len(facts.tables) < FEW and len(facts.recognised) < MOST_RECOGNISED and len(line) < LONGEST_RECOGNISED:
                facts.recognised.extend(filter(None, [usage.foreign(line)]))
            facts.raised.take(line)
            facts.machine = parse_machine(line) or facts.machine


ARM = "arm"
_BEGINS = frozenset("0123456789abcdefABCDEF (`?")  # every row of any table does so, but those of a head
FEW = 3  # tables: with more the text is not refused
MOST_RECOGNISED, LONGEST_RECOGNISED = 20, 300  # lines, characters: enough to name what a text without a table holds
_UNKNOWN = Columns(None, None, None)


def _end(words: Tuple[Word, ...]) -> int:
    return words[-1].address + words[-1].size
