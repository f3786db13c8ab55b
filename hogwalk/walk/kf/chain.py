"""The walk along saved EBPs alone, for a stack that no debugger walks and whose code cannot be read."""

from __future__ import annotations

from typing import List, Mapping, Optional, Tuple

from hogwalk.machine.windows import TRAP_RESUMES
from hogwalk.machine.words import X86
from hogwalk.model import Frame, Source, Symbol, Triple, Trust
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.facts.traps import TrapFrame, ends_service
from hogwalk.walk.kf.frames import FrameReader

WORD = X86.word


def chain_frames(
    image: StackImage, reader: FrameReader, triple: Triple, names: Mapping[int, Optional[Symbol]]
) -> Tuple[Frame, ...]:
    """The frames of the chain from a triple, newest first, until a link leaves the stack, turns back or loses the code.

    `names` holds the symbols of code addresses.
    """
    frames: List[Frame] = []
    frame_ptr, running = triple.base_ptr or 0, triple.instruction_ptr
    newer: Optional[int] = None
    while newer is None or frame_ptr + WORD > newer:
        return_address = image.word(frame_ptr + WORD)
        if return_address is None:
            break
        trust = reader.trust(frame_ptr, return_address, running)
        if trust is Trust.NONE:
            break
        older = image.word(frame_ptr) or 0
        slot, trap = reader.slot(frame_ptr, return_address, newer, older)
        size = None if newer is None else slot - newer
        frames.append(Frame(frame_ptr, slot, return_address, running, size, names.get(running), Source.HOGWALK, trust))
        newer, running = slot, return_address
        if trap is not None and trap.user:
            break
        if trap is not None and ends_service(names.get(running)):
            stub = _stub(image, reader, trap, names)
            if stub is not None:
                frames.append(stub)
                newer, running = stub.return_slot, stub.return_address
        frame_ptr = older
    return tuple(frames)


def _stub(
    image: StackImage, reader: FrameReader, trap: TrapFrame, names: Mapping[int, Optional[Symbol]]
) -> Optional[Frame]:
    """The frame of the service stub that a system call's trap frame returns to: no saved EBP leads to it."""
    slot = trap.slot + TRAP_RESUMES
    return_address = image.word(slot)
    if return_address is None:
        return None
    trust = reader.trust(slot - WORD, return_address, trap.ip)
    if trust is Trust.NONE:
        return None
    return Frame(
        slot - WORD, slot, return_address, trap.ip, slot - trap.slot, names.get(trap.ip), Source.HOGWALK, trust
    )
