"""Explains a frame: the call that made it, the instructions that made its room, its bytes by purpose."""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Sequence, Tuple

from hogwalk.answer.explain.chunks import Chunk, StackModel
from hogwalk.answer.explain.records import CallSite, Explanation, Instruction, Part, Purpose
from hogwalk.errors import NothingFound
from hogwalk.machine.words import X86, shown
from hogwalk.machine.x86.blocks import Block
from hogwalk.machine.x86.calls import LONGEST, Call, CallKind, calls_before
from hogwalk.machine.x86.depth import StackDepths
from hogwalk.machine.x86.functions import FunctionStarts
from hogwalk.machine.x86.opcodes import ADD_ESP, FS_PREFIX, MOST_IMM8, MOV_EAX, POPS_NOWHERE, SET_UP
from hogwalk.machine.x86.prologue import Step, steps
from hogwalk.machine.x86.text import Disassembler, Namer, no_name
from hogwalk.model import Frame

StartOf = Callable[[int], Optional[int]]
WORD = X86.word
MOST_INSTRUCTIONS = 60
TRAP_FRAME = 0x60  # the least that an x86 trap or system call puts on the stack


class Explainer:
    """Explains frames from the code; `start_of` finds the function that holds an address, `name` names addresses."""

    def __init__(self, depths: StackDepths, start_of: StartOf, name: Namer = no_name) -> None:
        self._depths = depths
        self._reader = depths.blocks.reader
        self._start_of = start_of
        self._starts = FunctionStarts(depths)
        self._text = Disassembler(name)

    def explain(self, frame: Frame) -> Explanation:
        """Why `frame` takes up the bytes it does; raises NothingFound for a frame without bytes."""
        if frame.bytes is None or frame.bytes < WORD:
            raise NothingFound(
                f"the frame with its return address at {shown(frame.return_slot)} has no bytes of its own",
                "pick one with a size, as `walk` shows it",
            )
        site, start, path = self._site_and_path(frame)
        model = StackModel(Chunk(Purpose.RETURN_ADDRESS, WORD, frame.return_slot, None))
        notes: List[str] = []
        walked: Tuple[Step, ...] = ()
        if start is not None and path:
            flow = self._depths.flow(start)
            walked = tuple(steps(self._reader, flow, path, frame.instruction))
            model.follow(flow, walked)
            model.name_arguments(self._arguments(frame.instruction))
        else:
            self._from_return(frame, model, notes)
        parts = _balanced(model, frame, notes)
        return Explanation(
            frame.frame_ptr,
            frame.return_slot,
            frame.bytes,
            site,
            start,
            frame.instruction,
            self._instructions(model, walked),
            parts,
            (*self._site_notes(site, start), *notes),
        )

    def _site_and_path(self, frame: Frame) -> Tuple[Optional[CallSite], Optional[int], Tuple[Block, ...]]:
        """The call that made the frame, the function it called, and the way through it to where it is now."""
        before = self._reader.readable_before(frame.return_address, LONGEST)
        found: Optional[Call] = None
        for call in calls_before(before, frame.return_address):
            found = found or call
            target = self._target(call)
            path = self._path(target, frame.instruction) if target is not None else ()
            if path:
                return self._site(call), target, path
        site = None if found is None else self._site(found)
        for start_of in (self._start_of, self._starts.start_of):
            start = start_of(frame.instruction)
            path = self._path(start, frame.instruction) if start is not None else ()
            if path:
                return site, start, path
        return site, None, ()

    def _target(self, call: Call) -> Optional[int]:
        target = call.target
        if call.pointer is not None:
            target = self._reader.word_at(call.pointer)
        return None if target is None else self._depths.blocks.through_thunks(target)

    def _path(self, start: int, instruction: int) -> Tuple[Block, ...]:
        flow = self._depths.flow(start)
        flow.to_call(instruction)
        return flow.path_to(instruction) or flow.path_around(instruction)

    def _site(self, call: Call) -> CallSite:
        code = self._reader.bytes_at(call.address, call.length) or b""
        value = None if call.pointer is None else self._reader.word_at(call.pointer)
        return CallSite(call, self._text.text(code, call.address), value)

    def _site_notes(self, site: Optional[CallSite], start: Optional[int]) -> Sequence[str]:
        if site is None:
            return ("no call ends at the return address: a trap, a jump, or code that cannot be read",)
        if site.call.kind in (CallKind.MEMORY, CallKind.REGISTER) and start is not None:
            return ("the call's target is not in the code; the function was found from the address that runs in it",)
        return ()

    def _arguments(self, instruction: int) -> int:
        """Bytes of pushed arguments for the call before `instruction`, as its callee or its caller removes them."""
        popped = self._depths.popped_before(instruction)
        if popped:
            return popped
        code = self._reader.readable_from(instruction, 3)
        if code[:2] == ADD_ESP and code[2] < MOST_IMM8:
            return code[2]
        return WORD if code[:1] in POPS_NOWHERE else 0

    def _from_return(self, frame: Frame, model: StackModel, notes: List[str]) -> None:
        """Without a way from the entry, what the way to the `ret` tells."""
        behind = self._depths.behind(frame.instruction)
        if behind.saved_ebp == WORD:
            model.chunks.append(Chunk(Purpose.SAVED_EBP, WORD, frame.instruction, None))
        notes.append("the function's entry is not known or its code cannot be read: the rest is unknown")

    def _instructions(self, model: StackModel, walked: Sequence[Step]) -> Tuple[Instruction, ...]:
        """The instructions that made room still in use, and those that set the frame up between them."""
        made: Dict[int, List[Part]] = {}
        for chunk in model.chunks[1:]:
            made.setdefault(chunk.address, []).append(Part(chunk.purpose, chunk.bytes or 0))
        last = max((index for index, step in enumerate(walked) if step.address in made), default=-1)
        shown = []
        leading = True
        for step in walked[: last + 1]:
            leading = leading and (step.moved != 0 or step.code in SET_UP or step.code[0] in (FS_PREFIX, MOV_EAX))
            if step.address in made or leading:
                text = self._text.text(step.code, step.address)
                shown.append(Instruction(step.address, step.code, text, tuple(made.get(step.address, ()))))
        return tuple(shown[:MOST_INSTRUCTIONS])


def _balanced(model: StackModel, frame: Frame, notes: List[str]) -> Tuple[Part, ...]:
    """The parts by purpose, made to add up to the frame's bytes exactly."""
    total = frame.bytes or 0
    left = total - sum(chunk.bytes or 0 for chunk in model.chunks)
    if left < 0:
        why = f"{-left} of them below Limit, or not yet" if frame.running else "more than the frame has: a wrong frame?"
        notes.append(f"the code on the way makes {total - left} bytes, {why}")
        del model.chunks[1:]
        left = total - WORD
    open_ended = [chunk for chunk in model.chunks if chunk.bytes is None]
    if open_ended:
        open_ended[-1].bytes, left = left, 0
    sums: Dict[Purpose, int] = {}
    for chunk in model.chunks:
        sums[chunk.purpose] = sums.get(chunk.purpose, 0) + (chunk.bytes or 0)
    if left:
        sums[Purpose.UNKNOWN] = left
    if left >= TRAP_FRAME and len(model.chunks) > 1:
        notes.append(f"{left} bytes are beyond what the code makes: a trap frame or other frames lie in them")
    return tuple(Part(purpose, sums[purpose]) for purpose in Purpose if sums.get(purpose))
