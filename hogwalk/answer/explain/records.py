"""What an explanation of a frame consists of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Optional, Tuple

from hogwalk.machine.x86.calls import Call


class Purpose(Enum):
    """What stack bytes of a frame are for; the value is what reports print."""

    RETURN_ADDRESS = "return address"
    SAVED_EBP = "saved EBP"
    SAVED_REGISTERS = "saved registers"
    SEH_RECORD = "SEH record"
    LOCALS = "locals"
    ALIGNMENT = "alignment"
    ALLOCA = "dynamic alloca"
    OUTGOING = "outgoing arguments"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Part:
    """Bytes of a frame that serve one purpose."""

    purpose: Purpose
    bytes: int


@dataclass(frozen=True)
class Instruction:
    """An instruction that makes room on the stack, in WinDbg's syntax, and the bytes it makes by purpose."""

    address: int
    code: bytes
    text: str
    parts: Tuple[Part, ...]


@dataclass(frozen=True)
class CallSite:
    """The call that made a frame; `pointer_value` is the word that a pointer call went through."""

    call: Call
    text: str
    pointer_value: Optional[int]


@dataclass(frozen=True)
class Explanation:
    """Why a frame is as big as it is.

    `parts` add up to `bytes`; `function` is where the code that runs in the frame begins, None when nobody knows;
    `instructions` are those on the way to `instruction` that made the room still in use there; `notes` say what is
    missing and why.
    """

    frame_ptr: Optional[int]
    return_slot: int
    bytes: int
    site: Optional[CallSite]
    function: Optional[int]
    instruction: int
    instructions: Tuple[Instruction, ...]
    parts: Tuple[Part, ...]
    notes: Tuple[str, ...]
