"""Reads a stack region once and serves its words; pages that cannot be read stay named holes."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

from hogwalk.errors import BadInput, Unreadable
from hogwalk.machine.words import X86, Words, shown
from hogwalk.model import Region
from hogwalk.targets.protocol import Target


class StackImage:
    """The words of a stack region, lowest address first.

    `words` holds one int per word, 0 where the word cannot be read; `holes` the unreadable [start, end) intervals;
    `reads` the number of memory reads it took (1 when every page is readable).
    """

    def __init__(
        self,
        region: Region,
        words: Sequence[int],
        holes: Sequence[Tuple[int, int]],
        reads: int = 1,
        machine: Words = X86,
    ) -> None:
        self.region = region
        self.machine = machine
        self.words = words
        self.holes = tuple(holes)
        self.reads = reads

    def word(self, address: int) -> Optional[int]:
        """The word at an address, or None when that is off the stack, between two words, or unreadable."""
        if address not in self.region or not self.machine.aligned(address) or self.unreadable(address):
            return None
        return self.words[(address - self.region.limit) // self.machine.word]

    def unreadable(self, address: int) -> bool:
        """Whether the word at `address` lies in a page that cannot be read."""
        return any(start <= address < end for start, end in self.holes)


def read_stack(target: Target, region: Region) -> StackImage:
    """The region's words, by one bulk read, or page by page where that fails.

    Raises BadInput when no page of the region can be read.
    """
    holes: List[Tuple[int, int]] = []
    reads = 1
    try:
        raw = target.read(region.limit, region.size)
    except Unreadable:
        raw, holes, reads = _read_pages(target, region)
    if sum(end - start for start, end in holes) == region.size:
        raise BadInput(
            f"no page of the stack {shown(region.limit)}..{shown(region.base)} can be read",
            "pass the right range with --limit and --base, or a dump that holds the stack",
        )
    machine = target.about().words
    return StackImage(region, machine.unpack(raw), holes, reads, machine)


def _read_pages(target: Target, region: Region) -> Tuple[bytes, List[Tuple[int, int]], int]:
    page = target.about().page_bytes
    pieces: Dict[int, bytes] = {}
    holes: List[Tuple[int, int]] = []
    address, reads = region.limit, 1
    while address < region.base:
        end = min((address | (page - 1)) + 1, region.base)
        reads += 1
        try:
            pieces[address] = target.read(address, end - address)
        except Unreadable:
            saved = end if target.about().kernel else _saved_from(target, address, end)
            pieces[address] = bytes(saved - address) + (target.read(saved, end - saved) if saved < end else b"")
            if holes and holes[-1][1] == address:
                holes[-1] = (holes[-1][0], saved)
            else:
                holes.append((address, saved))
        address = end
    return b"".join(pieces[start] for start in sorted(pieces)), holes, reads


def _saved_from(target: Target, start: int, end: int) -> int:
    """From which word of an unreadable page [start, end) on it can be read: minidumps save a stack from ESP on."""
    word = target.about().words.word

    def readable(address: int) -> bool:
        try:
            target.read(address, end - address)
        except Unreadable:
            return False
        return True

    low, high = start, end
    while high - low > word:
        middle = (low + high) // (2 * word) * word
        low, high = (low, middle) if readable(middle) else (middle, high)
    return high
