"""Virtual memory given as blocks of the file: small kernel dumps and user minidumps."""

from __future__ import annotations

from bisect import bisect_right
from typing import Iterable, List, Optional, Tuple

from hogwalk.errors import Unreadable
from hogwalk.targets.images.source import READ_CAP, ByteSource, MappedFile

Block = Tuple[int, int, int]  # address, file offset, bytes
ADDRESS_END = 1 << 66  # behind the end of any block


class BlockMemory(ByteSource):
    """Memory made of (address, file offset, bytes); where blocks overlap the one that starts lower is read."""

    def __init__(self, file: MappedFile, blocks: Iterable[Block]) -> None:
        self._file = file
        self._starts: List[int] = []
        self._blocks: List[Block] = []
        self._runs: List[Tuple[int, int]] = []  # blocks that touch as one, once they are asked for
        end = 0
        for address, offset, size in sorted(blocks):
            skip = max(0, end - address)
            size = min(size, file.size - offset)
            if size > skip:
                self._starts.append(address + skip)
                self._blocks.append((address + skip, offset + skip, size - skip))
                end = address + size

    def read(self, address: int, count: int) -> bytes:
        """Exactly `count` bytes of virtual memory; raises Unreadable unless all are in the dump."""
        if count < 0 or count > READ_CAP:
            raise Unreadable(address, count)
        pieces = []
        index = bisect_right(self._starts, address) - 1
        at, left = address, count
        while left > 0:
            if not 0 <= index < len(self._blocks):
                raise Unreadable(address, count)
            start, offset, size = self._blocks[index]
            if not start <= at < start + size:
                raise Unreadable(address, count)
            step = min(left, start + size - at)
            pieces.append(self._file.read(offset + at - start, step))
            at += step
            left -= step
            index += 1
        return b"".join(pieces)

    def around(self, address: int) -> Optional[Tuple[int, int]]:
        """The longest [start, end) of memory without a gap that holds an address, None where it is not in the dump."""
        if not self._runs:
            for start, _, size in self._blocks:
                begin = self._runs.pop()[0] if self._runs and self._runs[-1][1] == start else start
                self._runs.append((begin, start + size))
        index = bisect_right(self._runs, (address, ADDRESS_END)) - 1
        return self._runs[index] if index >= 0 and address < self._runs[index][1] else None
