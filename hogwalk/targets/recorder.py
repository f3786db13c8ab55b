"""Recordings made: every question put to a target and its answer, saved as one file.

The format is JSON Lines, "hogwalk-recording/1": a head line, then one line for each distinct question:
`["read", address, count]`, `["command", text]`, ... with its answer and the debugger commands it took ("ran").
A question asked again with another answer (a module's symbols load meanwhile) has one line for each time it was asked.
Memory is deflated and base64-coded; refusals are kept too, so that a replayed run meets the same failures.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, TypeVar

from hogwalk.errors import CommandFailed, NoDebugger, Unreadable
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
from hogwalk.targets import packed
from hogwalk.targets.protocol import Announce, Answer, Done, Range, Target, Work

FORMAT = "hogwalk-recording/1"
T = TypeVar("T")
K = TypeVar("K", int, str)


class Recorder:
    """Passes every question on to a target and keeps the answers."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._charged = 0  # the target's commands that a question was charged with so far
        self._lines: Dict[str, List[Dict[str, Any]]] = {}

    def lines(self) -> List[str]:
        """The recording so far, one JSON document to a line, in the order of the questions."""
        head = json.dumps({"format": FORMAT})
        return [head] + [
            json.dumps({"q": json.loads(question), **answer})
            for question, answers in self._lines.items()
            for answer in _without_repeats(answers)
        ]

    def _ran(self) -> List[str]:
        """The target's commands since the last question that was charged with any: those of this one."""
        commands = self._target.commands()
        ran = list(commands[self._charged :])
        self._charged = len(commands)
        return ran

    def _keep(self, question: List[Any], ask: Callable[[], T], pack: Callable[[T], Any]) -> T:
        entry: Dict[str, Any] = {}
        try:
            answer = ask()
            entry["a"] = pack(answer)
            return answer
        except Unreadable:
            entry["error"] = "unreadable"
            raise
        except (CommandFailed, NoDebugger) as error:
            entry.update({"error": type(error).__name__, "wrong": error.wrong, "remedy": error.remedy})
            raise
        finally:
            ran = self._ran()
            if ran:
                entry["ran"] = ran
            if "a" in entry or "error" in entry:
                self._lines.setdefault(json.dumps(question), []).append(entry)

    def _keep_each(
        self,
        kind: str,
        keys: Sequence[K],
        ask: Callable[[Sequence[K]], Tuple[T, ...]],
        pack: Callable[[T], Any] = packed.pack_record,
    ) -> Tuple[T, ...]:
        # The whole batch is one question to the target; its commands are charged to the first key.
        answers = ask(keys)
        ran = self._ran()
        for key, answer in zip(keys, answers):
            entry: Dict[str, Any] = {"a": pack(answer)}
            if ran:
                entry["ran"], ran = ran, []
            self._lines.setdefault(json.dumps([kind, key]), []).append(entry)
        return answers

    def commands(self) -> Sequence[str]:
        """As Target.commands."""
        return self._target.commands()

    def beside(self, ask: Callable[[], Answer], work: Work[Done], announce: Announce) -> Tuple[Answer, Done]:
        """One after the other: the recording says which commands ran for what."""
        return ask(), work(announce)

    def shown_starts(self) -> Sequence[Triple]:
        """As Target.shown_starts."""
        return self._keep(["shown_starts"], self._target.shown_starts, packed.pack_records)

    def printed_walk(self) -> Optional[PrintedWalk]:
        """As Target.printed_walk."""
        return self._keep(["printed_walk"], self._target.printed_walk, packed.pack_record)

    @property
    def notes(self) -> Sequence[str]:
        """As Target.notes."""
        return self._keep(["notes"], lambda: list(self._target.notes), packed.as_is)

    def stack_hint(self, thread: Optional[int] = None) -> Optional[Region]:
        """As Target.stack_hint."""
        question: List[Any] = ["stack_hint"] if thread is None else ["stack_hint", thread]
        hint: Optional[Region] = self._keep(question, lambda: self._target.stack_hint(thread), packed.pack_record)
        return hint

    def about(self) -> About:
        """As Target.about."""
        return self._keep(["about"], self._target.about, packed.pack_record)

    def command(self, text: str) -> str:
        """As Target.command."""
        return self._keep(["command", text], lambda: self._target.command(text), str)

    def read(self, address: int, count: int) -> bytes:
        """As Target.read."""
        return self._keep(["read", address, count], lambda: self._target.read(address, count), packed.pack_memory)

    def read_many(self, ranges: Sequence[Range]) -> Tuple[Optional[bytes], ...]:
        """As Target.read_many; kept range by range, as if each had been read."""
        answers = self._target.read_many(ranges)
        ran = self._ran()
        for (address, count), answer in zip(ranges, answers):
            entry: Dict[str, Any] = {"error": "unreadable"} if answer is None else {"a": packed.pack_memory(answer)}
            if ran:
                entry["ran"], ran = ran, []
            self._lines.setdefault(json.dumps(["read", address, count]), []).append(entry)
        return answers

    def modules(self) -> Tuple[Module, ...]:
        """As Target.modules."""
        return self._keep(["modules"], self._target.modules, packed.pack_records)

    def symbols(self, addresses: Sequence[int]) -> Tuple[Optional[Symbol], ...]:
        """As Target.symbols; kept address by address, so that any later grouping can be answered."""
        return self._keep_each("symbol", addresses, self._target.symbols)

    def layouts(self, addresses: Sequence[int]) -> Tuple[Optional[FrameLayout], ...]:
        """As Target.layouts; kept address by address."""
        return self._keep_each("layout", addresses, self._target.layouts)

    def taken(self, addresses: Sequence[int]) -> Tuple[Optional[int], ...]:
        """As Target.taken; kept address by address."""
        return self._keep_each("taken", addresses, self._target.taken, packed.as_is)

    def versions(self, modules: Sequence[str]) -> Tuple[Optional[Version], ...]:
        """As Target.versions; kept module by module."""
        return self._keep_each("version", modules, self._target.versions)

    def thread(self) -> Optional[int]:
        """As Target.thread."""
        return self._keep(["thread"], self._target.thread, packed.as_is)

    def field(self, type_name: str, field: str) -> Optional[int]:
        """As Target.field."""
        return self._keep(["field", type_name, field], lambda: self._target.field(type_name, field), packed.as_is)

    def debugger_block(self) -> Optional[bytes]:
        """As Target.debugger_block."""
        return self._keep(["debugger_block"], self._target.debugger_block, packed.pack_memory)

    def threads(self) -> Iterator[ThreadStack]:
        """As Target.threads."""
        yield from self._keep(["threads"], lambda: tuple(self._target.threads()), packed.pack_records)

    def registers(self) -> Tuple[Registers, ...]:
        """As Target.registers."""
        return self._keep(["registers"], self._target.registers, packed.pack_records)

    def process(self) -> Optional[Process]:
        """As Target.process."""
        return self._keep(["process"], self._target.process, packed.pack_record)

    def evaluate(self, expression: str) -> Optional[int]:
        """As Target.evaluate."""
        return self._keep(["evaluate", expression], lambda: self._target.evaluate(expression), packed.as_is)


def _without_repeats(answers: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    # Asked again with the same answer, and without a command, adds nothing.
    kept = list(answers)
    while len(kept) > 1 and "ran" not in kept[-1] and kept[-1] == {k: v for k, v in kept[-2].items() if k != "ran"}:
        kept.pop()
    return kept
