"""Re-entered cycles: the longest run of functions that the walk goes through more than once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence, Tuple

from hogwalk.answer.charge.books import function_of
from hogwalk.machine.words import shown
from hogwalk.model import Frame

SHORTEST = 3  # frames; shorter runs (IofCallDriver and a dispatch) recur in every stack
MASK = (1 << 61) - 1  # a Mersenne prime: rolling hashes collide with a chance of about n*n / 2**61
RADIX = 1_000_003
FAR = 0x2000  # bytes; few functions are larger


@dataclass(frozen=True)
class Cycle:
    """A run of `length` frames that starts at each of `starts` (frame numbers) and holds `bytes` in all of them.

    `turn` is what one run holds: the median of those whose first frame has bytes, for the newest of a walk may not.
    """

    length: int
    starts: Tuple[int, ...]
    bytes: int
    functions: Tuple[str, ...]
    turn: int = field(default=0, compare=False)


def find_cycle(frames: Sequence[Frame]) -> Optional[Cycle]:
    """The longest repeated run of functions, without overlap, or its shortest period when it repeats itself.

    None when no run of three frames comes back.  Time grows as n log n with the frames.
    """
    return cycle_of([_place(frame) for frame in frames], [frame.bytes or 0 for frame in frames])


def cycle_of(names: Sequence[str], sizes: Sequence[int]) -> Optional[Cycle]:
    """The same for the names of the frames' functions and the frames' bytes, newest first."""
    keys = _numbered(names)
    low, high, best = SHORTEST, len(keys) // 2, 0
    first = second = 0
    while low <= high:
        middle = (low + high) // 2
        places = _first_repeat(keys, middle)
        if places is not None:
            best, low = middle, middle + 1
            first, second = places
        else:
            high = middle - 1
    if not best:
        return _recursion(names, sizes, keys)
    # A cycle the stack's end cuts short repeats with its first part behind it: the whole stretch tells its period.
    period = _period(keys[first : second + best])
    length = period if period <= best else best
    run = keys[first : first + length]
    starts = _occurrences(keys, run)
    return _cycle(length, starts, names[first : first + length], sizes)


def _cycle(length: int, starts: Sequence[int], functions: Sequence[str], sizes: Sequence[int]) -> Cycle:
    turns = [sum(sizes[at : at + length]) for at in starts]
    whole = sorted(turn for turn, at in zip(turns, starts) if sizes[at]) or sorted(turns)
    return Cycle(length, tuple(starts), sum(turns), tuple(functions), whole[len(whole) // 2])


def _place(frame: Frame) -> str:
    # Far from the nearest symbol its name says nothing: then the very address counts.
    symbol = frame.symbol
    if symbol is None or not symbol.name or symbol.displacement >= FAR:
        return symbol.text() if symbol is not None else f"0x{shown(frame.instruction)}"
    return function_of(frame)


def _recursion(names: Sequence[str], sizes: Sequence[int], keys: Sequence[int]) -> Optional[Cycle]:
    # A function that calls itself over and over has a run shorter than three frames.
    for length in (1, 2):
        for at in range(len(keys) - 3 * length + 1):
            run = keys[at : at + length]
            if all(keys[at + step * length : at + (step + 1) * length] == run for step in (1, 2)):
                starts = _occurrences(keys, run)
                return _cycle(length, starts, names[at : at + length], sizes)
    return None


def _numbered(names: Sequence[str]) -> List[int]:
    numbers: Dict[str, int] = {}
    return [numbers.setdefault(name, len(numbers) + 1) for name in names]


def _first_repeat(keys: Sequence[int], length: int) -> Optional[Tuple[int, int]]:
    # Where the first run of that length starts that comes again behind its own end, and where it comes again.
    power = pow(RADIX, length - 1, MASK)
    seen: Dict[int, int] = {}
    value = 0
    for index, key in enumerate(keys):
        if index >= length:
            value = (value - keys[index - length] * power) % MASK
        value = (value * RADIX + key) % MASK
        start = index - length + 1
        if start < 0:
            continue
        earlier = seen.setdefault(value, start)
        if earlier + length <= start and keys[earlier : earlier + length] == keys[start : start + length]:
            return earlier, start
    return None


def _period(run: Sequence[int]) -> int:
    # By the longest proper border (Knuth, Morris, Pratt): linear in the run.
    borders = [0] * len(run)
    for index in range(1, len(run)):
        width = borders[index - 1]
        while width and run[width] != run[index]:
            width = borders[width - 1]
        borders[index] = width + (run[width] == run[index])
    return len(run) - borders[-1]


def _occurrences(keys: Sequence[int], run: Sequence[int]) -> List[int]:
    found, at = [], 0
    while at + len(run) <= len(keys):
        if keys[at : at + len(run)] == run:
            found.append(at)
            at += len(run)
        else:
            at += 1
    return found
