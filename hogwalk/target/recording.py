"""Recordings: every question put to a target and its answer, saved as one file, and such a file as a target.

The format is JSON Lines, "hogwalk-recording/1": a head line, then one line for each distinct question:
`["read", address, count]`, `["command", text]`, ... with its answer and the debugger commands it took ("ran").
A question asked again with another answer (a module's symbols load meanwhile) has one line for each time it was asked.
Memory is deflated and base64-coded; refusals are kept too, so that a replayed run meets the same failures.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import asdict
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, TypeVar, cast

from hogwalk.errors import BadInput, CommandFailed, NoDebugger, NotRecorded, Unreadable
from hogwalk.model import About, BugCheck, Module, Region, Symbol, Triple, Version
from hogwalk.target.protocol import Target

FORMAT = "hogwalk-recording/1"
LARGEST_MEMORY = 64 << 20  # an answer that inflates to more than this is not a stack or a page of code
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
            self._lines.setdefault(json.dumps(question), []).append(entry)

    def _keep_each(self, kind: str, keys: Sequence[K], ask: Callable[[Sequence[K]], Tuple[T, ...]]) -> Tuple[T, ...]:
        # The whole batch is one question to the target; its commands are charged to the first key.
        before = len(self._target.commands())
        answers = ask(keys)
        ran = list(self._target.commands()[before:])
        for key, answer in zip(keys, answers):
            entry: Dict[str, Any] = {"a": _pack_record(answer)}
            if ran:
                entry["ran"], ran = ran, []
            self._lines.setdefault(json.dumps([kind, key]), []).append(entry)
        return answers

    def commands(self) -> Sequence[str]:
        """As Target.commands."""
        return self._target.commands()

    def shown_starts(self) -> Sequence[Triple]:
        """As Target.shown_starts."""
        return self._keep(["shown_starts"], self._target.shown_starts, _pack_records)

    @property
    def notes(self) -> Sequence[str]:
        """As Target.notes."""
        return self._keep(["notes"], lambda: list(self._target.notes), _as_is)

    def stack_hint(self) -> Optional[Region]:
        """As Target.stack_hint."""
        hint: Optional[Region] = self._keep(["stack_hint"], self._target.stack_hint, _pack_record)
        return hint

    def about(self) -> About:
        """As Target.about."""
        return self._keep(["about"], self._target.about, asdict)

    def command(self, text: str) -> str:
        """As Target.command."""
        return self._keep(["command", text], lambda: self._target.command(text), str)

    def read(self, address: int, count: int) -> bytes:
        """As Target.read."""
        return self._keep(["read", address, count], lambda: self._target.read(address, count), _pack_memory)

    def modules(self) -> Tuple[Module, ...]:
        """As Target.modules."""
        return self._keep(["modules"], self._target.modules, _pack_records)

    def symbols(self, addresses: Sequence[int]) -> Tuple[Optional[Symbol], ...]:
        """As Target.symbols; kept address by address, so that any later grouping can be answered."""
        return self._keep_each("symbol", addresses, self._target.symbols)

    def versions(self, modules: Sequence[str]) -> Tuple[Optional[Version], ...]:
        """As Target.versions; kept module by module."""
        return self._keep_each("version", modules, self._target.versions)

    def thread(self) -> Optional[int]:
        """As Target.thread."""
        return self._keep(["thread"], self._target.thread, _as_is)

    def field(self, type_name: str, field: str) -> Optional[int]:
        """As Target.field."""
        return self._keep(["field", type_name, field], lambda: self._target.field(type_name, field), _as_is)

    def debugger_block(self) -> Optional[bytes]:
        """As Target.debugger_block."""
        return self._keep(["debugger_block"], self._target.debugger_block, _pack_memory)

    def context(self) -> Optional[Tuple[int, int, int]]:
        """As Target.context."""
        return self._keep(["context"], self._target.context, _as_is)


class Replay:
    """A recording as a target: it knows what its run asked, and says so when asked anything else."""

    def __init__(self, lines: Sequence[str], name: str) -> None:
        self._name = name
        self._answers: Dict[str, List[Dict[str, Any]]] = {}
        self._asked: Dict[str, int] = {}
        self._ran: List[str] = []
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
                if number == 1:
                    known = entry["format"] == FORMAT
                else:
                    known = "a" in entry or "error" in entry
                    self._answers.setdefault(json.dumps(entry["q"]), []).append(entry)
            except (ValueError, KeyError, TypeError):
                known = False
            if not known:
                raise BadInput(f"{name}, line {number}, is not a {FORMAT} line", "record the run again with --record")

    def _recall(self, *question: Any) -> Any:
        key = json.dumps(list(question))
        entries = self._answers.get(key)
        if entries is None:
            raise NotRecorded(
                f"{self._name} does not hold the answer to {' '.join(map(str, question))[:60]}",
                "record that very command with --record in the debugger",
            )
        times = self._asked[key] = self._asked.get(key, 0) + 1
        entry = entries[min(times, len(entries)) - 1]
        if times <= len(entries):
            self._ran.extend(map(str, entry.get("ran", ())))
        error = entry.get("error")
        if error is None:
            return entry["a"]
        if error == "unreadable":
            raise Unreadable(int(question[1]), int(question[2]))
        kind = NoDebugger if error == "NoDebugger" else CommandFailed
        raise kind(str(entry.get("wrong", "refused")), str(entry.get("remedy", "")))

    def commands(self) -> Sequence[str]:
        """The commands that the recorded run needed for what was asked so far."""
        return self._ran

    def shown_starts(self) -> Sequence[Triple]:
        """As Target.shown_starts."""
        return [self._built(Triple, record) for record in self._recall("shown_starts")]

    @property
    def notes(self) -> Sequence[str]:
        """As Target.notes."""
        return [str(note) for note in self._recall("notes")]

    def stack_hint(self) -> Optional[Region]:
        """As Target.stack_hint."""
        return self._optional(Region, self._recall("stack_hint"))

    def about(self) -> About:
        """As Target.about."""
        answer = dict(self._recall("about"))
        bugcheck = answer.pop("bugcheck")
        kept = BugCheck(bugcheck["code"], tuple(bugcheck["arguments"])) if bugcheck else None
        return self._built(About, dict(answer, bugcheck=kept))

    def command(self, text: str) -> str:
        """As Target.command."""
        return str(self._recall("command", text))

    def read(self, address: int, count: int) -> bytes:
        """As Target.read."""
        memory = self._unpack(self._recall("read", address, count))
        if memory is None or len(memory) != count:
            raise Unreadable(address, count)
        return memory

    def modules(self) -> Tuple[Module, ...]:
        """As Target.modules."""
        return tuple(self._built(Module, record) for record in self._recall("modules"))

    def symbols(self, addresses: Sequence[int]) -> Tuple[Optional[Symbol], ...]:
        """As Target.symbols."""
        return tuple(self._optional(Symbol, self._recall("symbol", address)) for address in addresses)

    def versions(self, modules: Sequence[str]) -> Tuple[Optional[Version], ...]:
        """As Target.versions."""
        return tuple(self._optional(Version, self._recall("version", name)) for name in modules)

    def thread(self) -> Optional[int]:
        """As Target.thread."""
        return cast(Optional[int], self._recall("thread"))

    def field(self, type_name: str, field: str) -> Optional[int]:
        """As Target.field."""
        return cast(Optional[int], self._recall("field", type_name, field))

    def debugger_block(self) -> Optional[bytes]:
        """As Target.debugger_block."""
        return self._unpack(self._recall("debugger_block"))

    def context(self) -> Optional[Tuple[int, int, int]]:
        """As Target.context."""
        answer = self._recall("context")
        return None if answer is None else (int(answer[0]), int(answer[1]), int(answer[2]))

    def _unpack(self, text: Any) -> Optional[bytes]:
        if text is None:
            return None
        try:
            return zlib.decompressobj().decompress(base64.b64decode(text), LARGEST_MEMORY)
        except (ValueError, TypeError, zlib.error) as error:
            raise BadInput(f"{self._name} holds damaged memory ({error})", "record the run again") from error

    def _optional(self, kind: Callable[..., T], record: Any) -> Optional[T]:
        return None if record is None else self._built(kind, record)

    def _built(self, kind: Callable[..., T], record: Any) -> T:
        try:
            return kind(**record)
        except TypeError as error:
            raise BadInput(f"{self._name} holds a damaged answer ({error})", "record the run again") from error


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


def _as_is(answer: object) -> object:
    return answer


def _pack_memory(memory: Optional[bytes]) -> Optional[str]:
    return None if memory is None else base64.b64encode(zlib.compress(memory, 9)).decode("ascii")


def _pack_record(record: Any) -> Any:
    return None if record is None else asdict(record)


def _pack_records(records: Sequence[Any]) -> List[Any]:
    return [asdict(record) for record in records]
