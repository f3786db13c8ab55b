"""Which of the addresses in a log is the stack."""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import List, Optional, Sequence, Tuple

from hogwalk.machine.words import X64
from hogwalk.model import Region
from hogwalk.targets.text.facts import Facts
from hogwalk.targets.text.memory import Memory

SAID = "!thread in the log"
LARGEST_STACK = 16 << 20
FEWEST_LINKS = 2
PAGE_BYTES = 4096
GUARD_BYTES = 4096  # below Limit lies the guard page: a stack that ran out has its first row there


def stack_region(facts: Facts, memory: Memory) -> Optional[Region]:
    """The Base and Limit of `!thread` that hold most of the known memory, else a dumped range that looks like a stack.

    A range looks like a stack when words in it point further up in it, as saved frame pointers do; on x64, whose code
    keeps few of them, also when words in it are code addresses where return addresses lie.
    """
    said = said_regions(facts)
    if said:
        return max(reversed(said), key=lambda region: covered(memory, region))
    links = [
        (_links(start, data, facts.pointer_bytes) + _returns(facts, start, data), start, start + len(data))
        for start, data in memory.segments
    ]
    count, start, end = max(links, default=(0, 0, 0))
    if count < FEWEST_LINKS:
        return _linked(facts, memory)
    # `dps LIMIT BASE` prints the word at Base, too, where it can be read.
    end -= end % PAGE_BYTES if end % PAGE_BYTES == facts.pointer_bytes else 0
    return Region(start, end, None, DUMPED)


DUMPED = "the dumped range (the log shows no Base and Limit)"


def _linked(facts: Facts, memory: Memory) -> Optional[Region]:
    # People cut the dull lines out of a dump: then the links lead from one fragment to the next.
    width = facts.pointer_bytes
    low = high = links = 0
    for start, data in memory.segments:
        for address in range(start + -start % width, start + len(data) - width + 1, width):
            value = int.from_bytes(data[address - start : address - start + width], "little")
            if address < value <= address + LARGEST_STACK and value % width == 0 and memory.has(value, width):
                low, high, links = (low if links else start), max(high, value), links + 1
    if links < FEWEST_LINKS:
        return None
    ends = [start + len(data) for start, data in memory.segments if start <= high < start + len(data)]
    return Region(low, max(ends), None, DUMPED)


def covered(memory: Memory, region: Region) -> int:
    """How many bytes of the region the log prints."""
    return memory.below(region.base) - memory.below(region.limit)


def said_regions(facts: Facts) -> List[Region]:
    """The stacks whose Base and Limit the text states, in log order."""
    return [
        Region(thread.limit, thread.base, thread.thread, SAID)
        for thread in facts.threads
        if thread.limit is not None and thread.base is not None and 0 < thread.base - thread.limit <= LARGEST_STACK
    ]


def limits_said(facts: Facts) -> List[int]:
    """The Limits that the text states without a Base."""
    return [thread.limit for thread in facts.threads if thread.limit is not None and thread.base is None]


def _returns(facts: Facts, start: int, data: bytes) -> int:
    """How many words of x64 at 8 modulo 16 lie in the text's modules or have a symbol's name."""
    if facts.pointer_bytes != X64.word:
        return 0
    first = (X64.slot_at - start) % X64.slot_step
    count = max(0, (len(data) - first + X64.word) // X64.slot_step)
    padded = data[first:] + bytes(X64.word)
    values = [value for value, _ in struct.iter_unpack("<QQ", padded[: count * X64.slot_step])]
    ranges = sorted((module.start, module.end) for module in facts.modules.values())
    starts = [low for low, _ in ranges]
    return sum(value in facts.symbols or _inside(value, starts, ranges) for value in values)


def _inside(value: int, starts: Sequence[int], ranges: Sequence[Tuple[int, int]]) -> bool:
    at = bisect_right(starts, value) - 1
    return at >= 0 and value < ranges[at][1]


def _links(start: int, data: bytes, width: int) -> int:
    first = -start % width
    count = (len(data) - first) // width
    letter = "Q" if width == 8 else "I"
    values: Tuple[int, ...] = struct.unpack_from(f"<{max(count, 0)}{letter}", data, min(first, len(data)))
    end = start + len(data)
    return sum(start + first + width * index < value < end and value % width == 0 for index, value in enumerate(values))
