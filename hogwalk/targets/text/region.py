"""Which of the addresses in a log is the stack."""

from __future__ import annotations

import struct
from typing import List, Optional, Tuple

from hogwalk.model import Region
from hogwalk.targets.text.facts import Facts
from hogwalk.targets.text.memory import Memory

SAID = "!thread in the log"
LARGEST_STACK = 16 << 20
LARGEST_FRAME = 64 << 10
FEWEST_LINKS = 2
PAGE_BYTES = 4096


def stack_region(facts: Facts, memory: Memory) -> Optional[Region]:
    """The Base and Limit of `!thread` that hold most of the known memory, else a dumped range that looks like a stack.

    Else the pages that the frames of the log's stack tables lie on.
    A range looks like a stack when words in it point further up in it, as saved frame pointers do.
    """
    said = [region for region in _said(facts) if region]
    if said:
        return max(reversed(said), key=lambda region: covered(memory, region))
    links = [(_links(start, data, facts.pointer_bytes), start, start + len(data)) for start, data in memory.segments]
    count, start, end = max(links, default=(0, 0, 0))
    if count < FEWEST_LINKS:
        return _walked(facts)
    # `dps LIMIT BASE` prints the word at Base, too, where it can be read.
    end -= end % PAGE_BYTES if end % PAGE_BYTES == facts.pointer_bytes else 0
    return Region(start, end, None, "the dumped range (the log shows no Base and Limit)")


def _walked(facts: Facts) -> Optional[Region]:
    clusters: List[List[int]] = []
    for address in facts.frame_runs.starts():
        if not clusters or address - clusters[-1][-1] > LARGEST_FRAME:
            clusters.append([])
        clusters[-1].append(address)
    longest = max(clusters, key=len, default=[])
    if len(longest) < FEWEST_LINKS:
        return None
    limit, base = longest[0] // PAGE_BYTES * PAGE_BYTES, (longest[-1] // PAGE_BYTES + 1) * PAGE_BYTES
    return Region(limit, base, None, "the walked range (the log shows no Base and Limit)")


def covered(memory: Memory, region: Region) -> int:
    """How many bytes of the region the log prints."""
    return memory.below(region.base) - memory.below(region.limit)


def _said(facts: Facts) -> List[Optional[Region]]:
    return [
        Region(thread.limit, thread.base, thread.thread, SAID)
        for thread in facts.threads
        if thread.limit is not None and thread.base is not None and 0 < thread.base - thread.limit <= LARGEST_STACK
    ]


def _links(start: int, data: bytes, width: int) -> int:
    first = -start % width
    count = (len(data) - first) // width
    letter = "Q" if width == 8 else "I"
    values: Tuple[int, ...] = struct.unpack_from(f"<{max(count, 0)}{letter}", data, min(first, len(data)))
    end = start + len(data)
    return sum(start + first + width * index < value < end and value % width == 0 for index, value in enumerate(values))
