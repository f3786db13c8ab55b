"""Frame records of a PDB (x86): the old FPO_DATA and the newer FRAMEDATA, as plain records."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import List, Optional

from hogwalk.errors import Unreadable
from hogwalk.targets.images.source import decode
from hogwalk.targets.symbols.msf import Stream
from hogwalk.targets.symbols.pdb import FPO, NEW_FPO, Pdb

_NAMES_MAGIC = 0xEFFEEFFE
_FPO_FRAME_KINDS = ("fpo", "trap", "tss", "nonfpo")


@dataclass(frozen=True)
class FrameRecord:
    """How one stretch of x86 code lays out its frame.

    `start` and `size` are bytes from the (original) image's start and of code; `locals`, `parameters` and `saved`
    are bytes on the stack; `prolog` bytes of code.  `kind` is "fpo", "trap", "tss", "nonfpo" (FPO_DATA) or
    "frame" (FRAMEDATA, whose `program` computes the caller's registers).  `uses_ebp`: EBP is allocated as a
    general register (FPO_DATA only).
    """

    start: int
    size: int
    locals: int
    parameters: int
    saved: int
    prolog: int
    kind: str
    uses_ebp: bool
    program: str


def frame_records(pdb: Pdb) -> List[FrameRecord]:
    """All frame records of a PDB, lowest start first; a stream that cannot be read adds none."""
    found: List[FrameRecord] = []
    for load in (_old, _new):
        try:
            found += load(pdb)
        except (Unreadable, struct.error):
            continue
    return sorted(found, key=lambda record: (record.start, -record.size))


def _old(pdb: Pdb) -> List[FrameRecord]:
    """FPO_DATA (winnt.h): 16 bytes each; counts are in 4-byte words."""
    stream = pdb.debug_stream(FPO)
    found: List[FrameRecord] = []
    for start, size, words, arguments, bits in struct.iter_unpack("<IIIHH", _table(stream, 16)):
        kind = _FPO_FRAME_KINDS[bits >> 14]
        saved = 4 * (bits >> 8 & 7)
        found.append(
            FrameRecord(start, size, 4 * words, 4 * arguments, saved, bits & 0xFF, kind, bool(bits >> 12 & 1), "")
        )
    return found


def _new(pdb: Pdb) -> List[FrameRecord]:
    """FRAMEDATA (cvinfo.h): 32 bytes each after an optional 4-byte relocation word."""
    stream = pdb.debug_stream(NEW_FPO)
    strings = _strings(pdb)
    found: List[FrameRecord] = []
    for row in struct.iter_unpack("<6IHHI", _table(stream, 32)):
        start, size, local, parameters, _, program, prolog, saved, _ = row
        found.append(
            FrameRecord(start, size, local, parameters, saved, prolog, "frame", False, _string(strings, program))
        )
    return found


def _table(stream: Optional[Stream], width: int) -> bytes:
    """A stream's whole records of `width` bytes, without a leading relocation word."""
    if stream is None:
        return b""
    raw = stream.whole()
    raw = raw[4:] if len(raw) % width == 4 else raw
    return raw[: len(raw) // width * width]


def _strings(pdb: Pdb) -> bytes:
    """The text of the /names stream, which FRAMEDATA programs are offsets into."""
    number = pdb.named("/names")
    stream = pdb.stream(number) if number is not None else None
    if stream is None or stream.u32(0) != _NAMES_MAGIC:
        return b""
    return stream.read(12, stream.u32(8))


def _string(strings: bytes, offset: int) -> str:
    if offset >= len(strings):
        return ""
    end = strings.find(b"\0", offset)
    return decode(strings[offset : end if end >= 0 else len(strings)])
