"""Recordings: every question put to a target and its answer, saved as one file, and such a file as a target.

The format is JSON Lines, "hogwalk-recording/1": a head line, then one line for each distinct question:
`["read", address, count]`, `["command", text]`, ... with its answer and the debugger commands it took ("ran").
A question asked again with another answer (a module's symbols load meanwhile) has one line for each time it was asked.
Memory is deflated and base64-coded; refusals are kept too, so that a replayed run meets the same failures.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, TypeVar

from hogwalk.errors import BadInput, CommandFailed, NoDebugger, NotRecorded, Unreadable
from hogwalk.model import About, FrameLayout, Module, Region, Registers, Symbol, ThreadStack, Triple, Version
from hogwalk.targets import packed
from hogwalk.targets.protocol import Range, Target, read_each

FORMAT = "hogwalk-recording/1"
T = TypeVar("T")
K = TypeVar("K", int, str)


class Recorder:
    """Passes every question on to a target and keeps the answers."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._lines: Dict[str, List[Dict[str, Any]]] = {}

    def lines(self) -> List[str]:
        """The recording so far, one JSON document to a line, in the order of the questions."""
        head = json.dumps({"format": FORMAT})
        return [head] + [
            json.dumps({"q": json.loads(question), **answer})
            for question, answers in self._lines.items()
            for answer in _without_repeats(answers)
        ]

    def _keep(self, question: List[Any], ask: Callable[[], T], pack: Callable[[T], Any]) -> T:
        entry: Dict[str, Any] = {}
        before = len(self._target.commands())
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
            ran = list(self._target.commands()[before:])
            if ran:
                entry["ran"] = ran
            if "a" in entry or "error" in entry:
                self._lines.setdefault(json.dumps(question), []).append(entry)

    def _keep_each(self, kind: str, keys: Sequence[K], ask: Callable[[Sequence[K]], Tuple[T, ...]]) -> Tuple[T, ...]:
        # The whole batch is one question to the target; its commands are charged to the first key.
        before = len(self._target.commands())
        answers = ask(keys)
        ran = list(self._target.commands()[before:])
        for key, answer in zip(keys, answers):
            entry: Dict[str, Any] = {"a": packed.pack_record(answer)}
            if ran:
                entry["ran"], ran = ran, []
            self._lines.setdefault(json.dumps([kind, key]), []).append(entry)
        return answers

    def commands(self) -> Sequence[str]:
        """As Target.commands."""
        return self._target.commands()

    def shown_starts(self) -> Sequence[Triple]:
        """As Target.shown_starts."""
        return self._keep(["shown_starts"], self._target.shown_starts, packed.pack_records)

    @property
    def notes(self) -> Sequence[str]:
        """As Target.notes."""
        return self._keep(["notes"], lambda: list(self._target.notes), packed.as_is)

    def stack_hint(self) -> Optional[Region]:
        """As Target.stack_hint."""
        hint: Optional[Region] = self._keep(["stack_hint"], self._target.stack_hint, packed.pack_record)
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
        before = len(self._target.commands())
        answers = self._target.read_many(ranges)
        ran = list(self._target.commands()[before:])
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

    def evaluate(self, expression: str) -> Optional[int]:
        """As Target.evaluate."""
        return self._keep(["evaluate", expression], lambda: self._target.evaluate(expression), packed.as_is)


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

    def shown_starts(self) -> Sequence[Triple]:
        """As Target.shown_starts."""
        return self._recall(packed.many(packed.triple), "shown_starts")

    @property
    def notes(self) -> Sequence[str]:
        """As Target.notes."""
        return self._recall(packed.many(packed.text), "notes")

    def stack_hint(self) -> Optional[Region]:
        """As Target.stack_hint."""
        return self._recall(packed.optional(packed.region), "stack_hint")

    def about(self) -> About:
        """As Target.about."""
        return self._recall(packed.about, "about")

    def command(self, text: str) -> str:
        """As Target.command."""
        return self._recall(packed.text, "command", text)

    def read(self, address: int, count: int) -> bytes:
        """As Target.read."""
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
        """As Target.debugger_block."""
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

    def evaluate(self, expression: str) -> Optional[int]:
        """As Target.evaluate; None for what the recorded run did not evaluate."""
        if json.dumps(["evaluate", expression]) not in self._answers:
            return None
        return self._recall(packed.optional(packed.whole), "evaluate", expression)


def open_recording(path: str) -> Replay:
    """The recording in a file as a target; raises BadInput when it is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return Replay(file.read().splitlines(), path)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as a recording ({error})", "pass a file made with --record") from error


def _without_repeats(answers: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    # Asked again with the same answer, and without a command, adds nothing.
    kept = list(answers)
    while len(kept) > 1 and "ran" not in kept[-1] and kept[-1] == {k: v for k, v in kept[-2].items() if k != "ran"}:
        kept.pop()
    return kept
