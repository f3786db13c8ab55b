"""Reads a stack region once and serves its words; pages that cannot be read stay named holes."""

from __future__ import annotations

from bisect import bisect_right
from typing import Dict, List, Optional, Sequence, Tuple

from hogwalk.errors import BadInput, Unreadable
from hogwalk.machine.words import X86, Words, shown
from hogwalk.model import Module, Region
from hogwalk.targets.protocol import Target
from hogwalk.walk.facts.region import remedy_for

MOST_LOOKED = 20_480  # words that point into modules: a stack of more, made to keep a walk busy, is looked at in part


class StackImage:
    """The words of a stack region, lowest address first.

    `words` holds one int per word, 0 where the word is not looked at; `holes` the [start, end) intervals where that is
    so, as they cannot be read or because they are in `cut`: parts of a stack with more than MOST_LOOKED words of code;
    `reads` the number of memory reads it took (1 when every page is readable).
    """

    def __init__(
        self,
        region: Region,
        words: Sequence[int],
        holes: Sequence[Tuple[int, int]],
        reads: int = 1,
        machine: Words = X86,
        cut: Sequence[Tuple[int, int]] = (),
    ) -> None:
        self.cut = tuple(cut)
        self.region = region
        self.machine = machine
        self.words = words
        self.holes = tuple(sorted([*holes, *cut]))  # none overlaps another
        self._hole_starts = [start for start, _ in self.holes]
        self.reads = reads
        self._limit, self._base, self._word = region.limit, region.base, machine.word

    def word(self, address: int) -> Optional[int]:
        """The word at an address, or None when that is off the stack, between two words, or unreadable."""
        if not self._limit <= address < self._base or address % self._word or (self.holes and self.unreadable(address)):
            return None
        return self.words[(address - self._limit) // self._word]

    def unreadable(self, address: int) -> bool:
        """Whether the word at `address` lies in a page that cannot be read, or in what is cut off."""
        at = bisect_right(self._hole_starts, address) - 1
        return at >= 0 and address < self.holes[at][1]

    def next_hole(self, address: int) -> Optional[Tuple[int, int]]:
        """The first hole that begins above an address; None without one."""
        at = bisect_right(self._hole_starts, address)
        return self.holes[at] if at < len(self.holes) else None

    @property
    def start(self) -> int:
        """Limit, or where the first page that can be read begins above it."""
        return next((end for start, end in self.holes if start == self._limit), self._limit)

    @property
    def end(self) -> int:
        """Base, or where what is looked at ends before it."""
        return next((start for start, end in self.cut if end == self._base), self._base)

    @property
    def cut_above(self) -> int:
        """Bytes of the live stack that are cut off."""
        return self._base - self.end

    def newest(self, modules: Sequence[Module], start: int) -> StackImage:
        """The image itself, or one of the MOST_LOOKED words in modules from `start` on, where there are more.

        Below `start`, which is on the stack, lie dead words: they come last, the nearest first.
        """
        coded = _coded(self.words, modules) if len(self.words) > MOST_LOOKED else ()
        if len(coded) <= MOST_LOOKED:
            return self
        first = bisect_right(coded, (start - self._limit) // self._word - 1)
        last = min(len(coded), first + MOST_LOOKED)
        first = max(0, last - MOST_LOOKED)
        low = coded[first] if first else 0
        high = coded[last] if last < len(coded) else len(self.words)
        words = (*(0,) * low, *self.words[low:high], *(0,) * (len(self.words) - high))
        low, high = self._limit + low * self._word, self._limit + high * self._word
        cut = [(at, end) for at, end in ((self._limit, low), (high, self._base)) if at < end]
        holes = [(max(at, low), min(end, high)) for at, end in self.holes if at < high and end > low]
        return StackImage(self.region, words, holes, self.reads, self.machine, cut)


def _coded(words: Sequence[int], modules: Sequence[Module]) -> Sequence[int]:
    """The indices of the words that point into modules."""
    known = sorted(modules, key=lambda module: module.start)
    starts, ends = [module.start for module in known], [module.end for module in known]
    low, high = (starts[0], max(ends)) if known else (0, 0)
    near = [at for at, word in enumerate(words) if low <= word < high]
    return [at for at in near if words[at] < ends[bisect_right(starts, words[at]) - 1]]


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
            remedy_for(target, region),
        )
    machine = target.about().words
    return StackImage(region, machine.unpack(raw), holes, reads, machine)


def _read_pages(target: Target, region: Region) -> Tuple[bytes, List[Tuple[int, int]], int]:
    about = target.about()
    page, least = about.page_bytes, about.words.word
    pieces: Dict[int, bytes] = {}
    holes: List[Tuple[int, int]] = []
    first = region.limit // page * page
    edges = [region.limit, *range(first + page, region.base, page), region.base]
    pages = [(start, end - start) for start, end in zip(edges, edges[1:])]
    for (address, size), piece in zip(pages, target.read_many(pages)):
        end = address + size
        if piece is not None:
            pieces[address] = piece
            continue
        low, high = (end, end) if about.kernel or size <= least else _saved(target, address, end)
        saved = target.read(low, high - low) if low < high else b""
        pieces[address] = bytes(low - address) + saved + bytes(end - high)
        for start, stop in ((address, low), (high, end)):
            if holes and holes[-1][1] == start:
                holes[-1] = (holes[-1][0], stop)
            elif start < stop:
                holes.append((start, stop))
    return b"".join(pieces[start] for start in sorted(pieces)), holes, 1 + len(pages)


def _saved(target: Target, start: int, end: int) -> Tuple[int, int]:
    """The part of a page [start, end) that can be read, (end, end) for none.

    Minidumps save a stack from ESP on, up to a page's end or as far as they were asked to, or a piece that they name.
    """
    word, named = target.about().words.word, target.stack_hint()

    def readable(low: int, high: int) -> bool:
        try:
            target.read(low, high - low)
        except Unreadable:
            return False
        return True

    if named is not None and start < named.base and named.limit < end:
        piece = max(start, named.limit), min(end, named.base)
        if readable(*piece):
            return piece
    for place in (lambda words: (end - words * word, end)), (lambda words: (start, start + words * word)):
        low, high = 0, (end - start) // word
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if readable(*place(middle)) else (low, middle - 1)
        if low:
            return place(low)
    return end, end
