"""The walk along saved EBPs alone, for a stack that no debugger walks and whose code cannot be read."""

from __future__ import annotations

from typing import List, Mapping, Optional, Tuple

from hogwalk.machine.words import X86
from hogwalk.model import Frame, Source, Symbol, Triple, Trust
from hogwalk.walk.facts.image import StackImage
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
    while newer is None or frame_ptr > newer:
        return_address = image.word(frame_ptr + WORD)
        if return_address is None:
            break
        trust = reader.trust(frame_ptr, return_address, running)
        if trust is Trust.NONE:
            break
        size = None if newer is None else frame_ptr - newer
        symbol = names.get(running)
        frames.append(Frame(frame_ptr, frame_ptr + WORD, return_address, running, size, symbol, Source.HOGWALK, trust))
        newer, running = frame_ptr, return_address
        frame_ptr = image.word(frame_ptr) or 0
    return tuple(frames)
