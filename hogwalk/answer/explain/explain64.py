"""Explains an x64 frame by its unwind codes: pushes, allocation, what is left of it for locals and callees."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from hogwalk.answer.explain.records import CallSite, Explanation, Instruction, Part, Purpose
from hogwalk.errors import NothingFound
from hogwalk.machine.words import X64, shown
from hogwalk.machine.x64.prologue import HOME_SPACE, Layout, Room, layout
from hogwalk.machine.x86.text import Disassembler, Namer
from hogwalk.model import Frame, Trust
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.unwinding import Unwinding

WORD = X64.word
LONGEST = 15
MOST_PROLOGUE = 256


class Explainer64:
    """Explains frames of one x64 stack; `name` names addresses."""

    def __init__(self, evidence: Evidence, name: Namer) -> None:
        self._evidence = evidence
        self._reader = evidence.reader
        self._unwinding = Unwinding(evidence.reader, evidence.modules, evidence.image)
        self._text = Disassembler(name, X64)

    def explain(self, frame: Frame) -> Explanation:
        """Why `frame` takes up the bytes it does; raises NothingFound for a frame without bytes."""
        if frame.bytes is None or frame.bytes < WORD:
            raise NothingFound(
                f"the frame with its return address at {shown(frame.return_slot)} has no bytes of its own",
                "pick one with a size, as `walk` shows it",
            )
        notes: List[str] = []
        start, made = self._layout(frame.instruction, notes)
        parts = _parts(frame, made, notes)
        return Explanation(
            frame.frame_ptr,
            frame.return_slot,
            frame.bytes,
            self._site(frame),
            start,
            frame.instruction,
            self._instructions(start, made),
            parts,
            tuple(notes),
        )

    def _layout(self, address: int, notes: List[str]) -> Tuple[Optional[int], Optional[Layout]]:
        unwinder = self._unwinding.of(address)
        entry = None
        if unwinder is not None:  # of a function that runs the start may be all that is known
            entry = unwinder.table.entry(address - 1) or unwinder.table.entry(address)
        if unwinder is None or entry is None:
            notes.append("no unwind data for this code: only the return address is certain")
            return None, None
        found = layout(unwinder.table, entry)
        if found is None:
            notes.append("its unwind data cannot be read: only the return address is certain")
        return unwinder.table.primary(entry).begin, found

    def _site(self, frame: Frame) -> Optional[CallSite]:
        call = self._evidence.sites.at(frame.return_address).call if frame.trust is not Trust.TRAP else None
        if call is None:
            return None
        code = self._reader.bytes_at(call.address, call.length) or b""
        value = None if call.pointer is None else self._reader.word_at(call.pointer)
        return CallSite(call, self._text.text(code, call.address), value)

    def _instructions(self, start: Optional[int], made: Optional[Layout]) -> Tuple[Instruction, ...]:
        """The prologue's instructions that make room."""
        if start is None or made is None or not made.rooms:
            return ()
        by_end = {room.end: room for room in made.rooms if room.kind != "machine frame"}
        found: List[Instruction] = []
        at = start
        while at < start + MOST_PROLOGUE and any(end > at for end in by_end):
            code = self._text.code(self._reader.readable_from(at, LONGEST), at)
            if not code:
                break
            room = by_end.get(at + len(code))
            if room is not None:
                found.append(Instruction(at, code, self._text.text(code, at), (_part(room),)))
            at += len(code)
        return tuple(found)


def _part(room: Room) -> Part:
    return Part(Purpose.SAVED_REGISTERS if room.kind == "push" else Purpose.LOCALS, room.bytes)


def _parts(frame: Frame, made: Optional[Layout], notes: List[str]) -> Tuple[Part, ...]:
    """The frame's bytes by purpose; they add up to its size."""
    total = frame.bytes or 0
    sums: Dict[Purpose, int] = {Purpose.RETURN_ADDRESS: WORD}
    left = total - WORD
    if made is not None:
        pushed = sum(room.bytes for room in made.rooms if room.kind == "push")
        room = sum(room.bytes for room in made.rooms if room.kind == "alloc")
        if pushed + room > left:
            made_bytes = pushed + room + WORD
            notes.append(f"its unwind codes make {made_bytes} bytes: the rest lies below Limit or is not made yet")
            pushed, room = min(pushed, left), max(0, min(room, left - pushed))
        outgoing = min(HOME_SPACE, room)
        sums[Purpose.SAVED_REGISTERS] = pushed
        sums[Purpose.OUTGOING] = outgoing
        sums[Purpose.LOCALS] = room - outgoing
        left -= pushed + room
        if left and made.framed:
            sums[Purpose.ALLOCA], left = left, 0
        if made.stored:
            notes.append(f"{made.stored} more registers are saved by mov, into these bytes or the caller's home space")
        if outgoing:
            notes.append("outgoing arguments: at least the home space of 32 bytes that a caller leaves for its callees")
    if left:
        sums[Purpose.UNKNOWN] = left
    return tuple(Part(purpose, sums[purpose]) for purpose in Purpose if sums.get(purpose))
