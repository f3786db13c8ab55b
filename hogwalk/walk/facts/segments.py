"""The older segments of an expanded kernel stack (x64): where the thread ran before it was given a new one.

_KTHREAD.InitialStack points to the segment's _KERNEL_STACK_CONTROL, whose `Previous` describes the segment before; that
one's own InitialStack leads on.  Offsets come from the symbols' types; what is read is checked like any range.
"""

from __future__ import annotations

from typing import List, NamedTuple, Optional

from hogwalk.machine.windows import PAGE
from hogwalk.machine.words import X64, X86
from hogwalk.model import Region
from hogwalk.targets.protocol import Target
from hogwalk.walk.facts import kernel

MOST = 8  # segments followed: more is a loop
MOST_BYTES = 1 << 20  # the kernel refuses requests over 72 KB
FLAG = 1  # the kernel keeps one in the lowest bit of a segment's limit
CONTROL, SEGMENT = "_KERNEL_STACK_CONTROL", "_KERNEL_STACK_SEGMENT"
SOURCE = "nt!_KERNEL_STACK_CONTROL"


class Segment(NamedTuple):
    """An older segment, and the RSP that was left there (None: the structure does not say)."""

    region: Region
    pointer: Optional[int]


def older_segments(target: Target, region: Region) -> List[Segment]:
    """The thread's segments before the one that `region` is, newest first; none where the types do not say."""
    if target.about().words is X86 or not target.about().kernel or region.thread is None:
        return []
    initial_at, previous_at = kernel.initial_stack_offset(target), target.field(CONTROL, "Previous")
    if initial_at is None or previous_at is None:
        return []
    offsets = [target.field(SEGMENT, name) for name in ("StackBase", "StackLimit", "KernelStack", "InitialStack")]
    initial = kernel.word(target, region.thread + initial_at)
    if initial is None or initial not in region or None in offsets:
        return []  # another segment than the current one was asked for
    found: List[Segment] = []
    here = region
    while initial is not None and initial in here and len(found) < MOST:
        words = [kernel.word(target, initial + previous_at + (offset or 0)) for offset in offsets]
        base, limit, pointer, initial = words
        if base is None or limit is None or not _sound(limit & ~FLAG, base, [region, *(one.region for one in found)]):
            break
        here = Region(limit & ~FLAG, base, region.thread, SOURCE)
        found.append(Segment(here, pointer if pointer is not None and pointer in here else None))
    return found


def _sound(limit: int, base: int, known: List[Region]) -> bool:
    """Whether whole pages of the kernel's half, apart from the known segments: of a thread that never had another
    segment the words are whatever lies at the start of its stack."""
    apart = all(base <= region.limit or region.base <= limit for region in known)
    pages = limit % PAGE == 0 and base % PAGE == 0
    return apart and pages and limit > X64.mask >> 1 and 0 < base - limit <= MOST_BYTES
