"""Recordings read: a file that `recorder` wrote, as a target."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, TypeVar

from hogwalk.errors import BadInput, CommandFailed, NoDebugger, NotRecorded, Unreadable
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
from hogwalk.targets.protocol import Announce, Answer, Done, Range, Work, read_each
from hogwalk.targets.recorder import FORMAT

HEAD_BYTES = 32  # bytes of the head line around the format's name
T = TypeVar("T")


class Replay:
    """A recording as a target: it knows what its run asked, and says so when asked anything else."""

    def __init__(self, lines: Sequence[str], name: str) -> None:
        self._name = name
        self._answers: Dict[str, List[Dict[str, Any]]] = {}
        self._asked: Dict[str, int] = {}
        self._ran: List[str] = []
        for number, line in enumerate(lines, 1):
            if not self._take(number, line):
                raise BadInput(f"{name}, line {number}, is not a {FORMAT} line", "record the run again with --record")
        if not lines:
            raise BadInput(f"{name} is empty", "record the run again with --record")

    def _take(self, number: int, line: str) -> bool:
        # Keeps one line's answer; False when the line is none of this format.
        try:
            entry = json.loads(line)
            if number == 1:
                return bool(entry["format"] == FORMAT)
            self._answers.setdefault(json.dumps(entry["q"]), []).append(entry)
            return "a" in entry or isinstance(entry["error"], str)
        except (ValueError, KeyError, TypeError, RecursionError):
            return False

    def _recall(self, unpack: Callable[[Any], T], *question: Any) -> T:
        key = json.dumps(list(question))
        words = " ".join(map(str, question))[:60]
        entries = self._answers.get(key)
        if entries is None:
            raise NotRecorded(
                f"{self._name} does not hold the answer to {words}",
                "record that very command with --record in the debugger",
            )
        times = self._asked[key] = self._asked.get(key, 0) + 1
        entry = entries[min(times, len(entries)) - 1]
        try:
            if times <= len(entries):
                self._ran.extend(packed.many(packed.text)(entry.get("ran", [])))
            if "error" not in entry:
                return unpack(entry["a"])
        except (ValueError, KeyError, TypeError) as error:
            wrong = f"{self._name} holds a damaged answer to {words} ({error})"
            raise BadInput(wrong, "record the run again") from error
        if entry["error"] == "unreadable" and question[0] == "read":
            raise Unreadable(question[1], question[2])
        kind = NoDebugger if entry["error"] == "NoDebugger" else CommandFailed
        raise kind(str(entry.get("wrong", "refused")), str(entry.get("remedy", "")))

    def commands(self) -> Sequence[str]:
        """The commands that the recorded run needed for what was asked so far."""
        return self._ran

    def beside(self, ask: Callable[[], Answer], work: Work[Done], announce: Announce) -> Tuple[Answer, Done]:
        """One after the other."""
        return ask(), work(announce)

    def shown_starts(self) -> Sequence[Triple]:
        """As Target.shown_starts."""
        return self._recall(packed.many(packed.triple), "shown_starts")

    def printed_walk(self) -> Optional[PrintedWalk]:
        """As Target.printed_walk; recordings made before there were any hold none."""
        if json.dumps(["printed_walk"]) not in self._answers:
            return None
        return self._recall(packed.optional(packed.printed_walk), "printed_walk")

    @property
    def notes(self) -> Sequence[str]:
        """As Target.notes."""
        return self._recall(packed.many(packed.text), "notes")

    def stack_hint(self, thread: Optional[int] = None) -> Optional[Region]:
        """As Target.stack_hint."""
        return self._recall(packed.optional(packed.region), "stack_hint", *([] if thread is None else [thread]))

    def about(self) -> About:
        """As Target.about."""
        return self._recall(packed.about, "about")

    def command(self, text: str) -> str:
        """As Target.command."""
        return self._recall(packed.text, "command", text)

    def read(self, address: int, count: int) -> bytes:
        """As Target.read; a page that could not be read whole was once not asked for its parts: they are unreadable."""
        if json.dumps(["read", address, count]) not in self._answers:
            page = self.about().page_bytes
            whole = self._answers.get(json.dumps(["read", address - address % page, page]), [{}])
            if count < page and whole[0].get("error") == "unreadable":
                raise Unreadable(address, count)
        memory = self._recall(packed.memory, "read", address, count)
        if len(memory) != count:
            raise Unreadable(address, count)
        return memory

    def read_many(self, ranges: Sequence[Range]) -> Tuple[Optional[bytes], ...]:
        """Each range by itself."""
        return read_each(self, ranges)

    def modules(self) -> Tuple[Module, ...]:
        """As Target.modules."""
        return self._recall(packed.many(packed.module), "modules")

    def symbols(self, addresses: Sequence[int]) -> Tuple[Optional[Symbol], ...]:
        """As Target.symbols."""
        return tuple(self._recall(packed.optional(packed.symbol), "symbol", address) for address in addresses)

    def layouts(self, addresses: Sequence[int]) -> Tuple[Optional[FrameLayout], ...]:
        """As Target.layouts."""
        return tuple(self._recall(packed.optional(packed.layout), "layout", address) for address in addresses)

    def taken(self, addresses: Sequence[int]) -> Tuple[Optional[int], ...]:
        """As Target.taken; None for what the recorded run did not ask."""
        asked = (json.dumps(["taken", address]) in self._answers for address in addresses)
        whole = packed.optional(packed.whole)
        return tuple(self._recall(whole, "taken", one) if known else None for one, known in zip(addresses, asked))

    def versions(self, modules: Sequence[str]) -> Tuple[Optional[Version], ...]:
        """As Target.versions."""
        return tuple(self._recall(packed.optional(packed.version), "version", name) for name in modules)

    def thread(self) -> Optional[int]:
        """As Target.thread."""
        return self._recall(packed.optional(packed.whole), "thread")

    def field(self, type_name: str, field: str) -> Optional[int]:
        """As Target.field."""
        return self._recall(packed.optional(packed.whole), "field", type_name, field)

    def debugger_block(self) -> Optional[bytes]:
        """As Target.debugger_block; None where the recorded run did not ask for it."""
        if json.dumps(["debugger_block"]) not in self._answers:
            return None
        return self._recall(packed.optional(packed.memory), "debugger_block")

    def threads(self) -> Iterator[ThreadStack]:
        """As Target.threads; none in recordings made before it was asked."""
        if json.dumps(["threads"]) in self._answers:
            yield from self._recall(packed.many(packed.thread_stack), "threads")

    def registers(self) -> Tuple[Registers, ...]:
        """As Target.registers; none in recordings made before they were asked."""
        if json.dumps(["registers"]) not in self._answers:
            return ()
        return self._recall(packed.many(packed.registers), "registers")

    def process(self) -> Optional[Process]:
        """As Target.process; None in recordings made before it was asked."""
        if json.dumps(["process"]) not in self._answers:
            return None
        return self._recall(packed.optional(packed.process), "process")

    def evaluate(self, expression: str) -> Optional[int]:
        """As Target.evaluate; None for what the recorded run did not evaluate."""
        if json.dumps(["evaluate", expression]) not in self._answers:
            return None
        return self._recall(packed.optional(packed.whole), "evaluate", expression)


def is_recording(path: str) -> bool:
    """Whether a file begins as a recording does; False where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return FORMAT.encode() in file.read(len(FORMAT) + HEAD_BYTES)
    except OSError:
        return False


def open_recording(path: str) -> Replay:
    """The recording in a file as a target; raises BadInput when it is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return Replay(file.read().splitlines(), path)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as a recording ({error})", "pass a file made with --record") from error
