"""The words a log prints, as memory: kept in runs, since dumps are runs, and laid over each other in log order."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import List, Tuple

from hogwalk.errors import Unreadable

MOST_RUNS = 100_000


class Runs:
    """Collects bytes at rising addresses; `dropped` counts what came after the last run that could be kept."""

    def __init__(self) -> None:
        self._starts: List[int] = []
        self._runs: List[bytearray] = []
        self._end = -1
        self.dropped = 0

    def add(self, address: int, data: bytes) -> None:
        """Bytes at an address, as the next row prints them."""
        if address == self._end:
            self._runs[-1] += data
        elif len(self._runs) < MOST_RUNS:
            self._starts.append(address)
            self._runs.append(bytearray(data))
        else:
            self.dropped += len(data)
            return
        self._end = address + len(data)

    def starts(self) -> List[int]:
        """Where runs begin, lowest first."""
        return sorted(self._starts)

    def memory(self, under: Runs) -> Memory:
        """All of it, and what of `under` it leaves open; where runs overlap, the bytes printed last."""
        both = Runs()
        both._starts = under._starts + self._starts
        both._runs = under._runs + self._runs
        return Memory(both._segments())

    def _segments(self) -> Tuple[Tuple[int, bytes], ...]:
        order = sorted(range(len(self._starts)), key=self._starts.__getitem__)
        groups: List[List[int]] = []
        end = -1
        for index in order:
            if self._starts[index] > end:
                groups.append([])
                end = -1
            groups[-1].append(index)
            end = max(end, self._starts[index] + len(self._runs[index]))
        return tuple(self._joined(sorted(group)) for group in groups)

    def _joined(self, group: List[int]) -> Tuple[int, bytes]:
        start = min(self._starts[index] for index in group)
        end = max(self._starts[index] + len(self._runs[index]) for index in group)
        data = bytearray(end - start)
        for index in group:
            offset = self._starts[index] - start
            data[offset : offset + len(self._runs[index])] = self._runs[index]
        return start, bytes(data)


class Memory:
    """Disjoint segments of known bytes, lowest first."""

    def __init__(self, segments: Tuple[Tuple[int, bytes], ...]) -> None:
        self.segments = segments
        self._starts = [start for start, _ in segments]
        self._sums = [0, *accumulate(len(data) for _, data in segments)]

    def has(self, address: int, count: int) -> bool:
        """Whether `read` would give these bytes."""
        index = bisect_right(self._starts, address) - 1
        return index >= 0 and address + count <= self._starts[index] + len(self.segments[index][1])

    def read(self, address: int, count: int) -> bytes:
        """Exactly `count` bytes; raises Unreadable unless the log holds them all."""
        index = bisect_right(self._starts, address) - 1
        if index >= 0:
            start, data = self.segments[index]
            if address + count <= start + len(data):
                return data[address - start : address - start + count]
        raise Unreadable(address, count)

    def below(self, address: int) -> int:
        """How many bytes are known below an address."""
        index = bisect_right(self._starts, address) - 1
        return 0 if index < 0 else self._sums[index] + min(address - self._starts[index], len(self.segments[index][1]))
