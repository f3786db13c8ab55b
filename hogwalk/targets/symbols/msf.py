"""The container of a PDB 7.0 file (MSF): numbered streams scattered over the blocks of one file."""

from __future__ import annotations

import struct
from typing import List, Optional, Sequence, Tuple

from hogwalk.errors import BadInput, Unreadable
from hogwalk.targets.images.source import ByteSource, MappedFile

MAGIC = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0"
STREAM_CAP = 65536  # stream numbers are 16 bits wide
_NO_STREAM = 0xFFFFFFFF


class Stream(ByteSource):
    """One stream of the container, read across its blocks."""

    def __init__(self, file: MappedFile, block_bytes: int, blocks: Sequence[int], size: int) -> None:
        self._file = file
        self._block_bytes = block_bytes
        self._blocks = blocks
        self.size = size
        self._whole: Optional[bytes] = None

    def read(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes from `offset`; raises Unreadable past the stream's or the file's end."""
        if offset < 0 or count < 0 or offset + count > self.size:
            raise Unreadable(offset, count)
        if self._whole is not None:
            return self._whole[offset : offset + count]
        block, skip = divmod(offset, self._block_bytes)
        if skip + count <= self._block_bytes:
            return self._file.read(self._blocks[block] * self._block_bytes + skip, count) if count else b""
        pieces = []
        while count > 0:
            block, skip = divmod(offset, self._block_bytes)
            step = min(count, self._block_bytes - skip)
            pieces.append(self._file.read(self._blocks[block] * self._block_bytes + skip, step))
            offset += step
            count -= step
        return b"".join(pieces)

    def whole(self) -> bytes:
        """All bytes of the stream, kept for later reads; raises Unreadable."""
        if self._whole is None:
            self._whole = self.read(0, self.size)
        return self._whole


class Msf:
    """The streams of a PDB file; raises BadInput when the file is not a whole MSF 7.0 container."""

    def __init__(self, file: MappedFile) -> None:
        self._file = file
        try:
            self._load()
        except Unreadable:
            raise BadInput(f"{file.name} is cut short or damaged", "copy the symbol file again") from None

    def _load(self) -> None:
        file = self._file
        if file.read(0, len(MAGIC)) != MAGIC:
            raise BadInput(f"{file.name} is not a PDB 7.0 file", "pass the PDB that the linker wrote")
        head: Tuple[int, ...] = struct.unpack("<6I", file.read(32, 24))
        block_bytes, _, block_count, directory_bytes, _, map_block = head
        if block_bytes not in (512, 1024, 2048, 4096, 8192, 16384, 32768) or directory_bytes > file.size:
            raise BadInput(f"{file.name} has an impossible block size or directory", "copy the symbol file again")
        self._block_bytes = block_bytes
        self._block_count = min(block_count, file.size // block_bytes + 1)
        blocks = self._words(file, map_block * block_bytes, self._count(directory_bytes))
        directory = Stream(file, block_bytes, blocks, directory_bytes)
        directory.whole()
        self._index(directory)

    def _count(self, size: int) -> int:
        return (size + self._block_bytes - 1) // self._block_bytes

    @staticmethod
    def _words(source: ByteSource, offset: int, count: int) -> List[int]:
        return list(struct.unpack(f"<{count}I", source.read(offset, 4 * count)))

    def _index(self, directory: Stream) -> None:
        """Where each stream's block list lies; the lists themselves are read when a stream is opened."""
        count = directory.u32(0)
        if count > STREAM_CAP:
            raise BadInput(f"{self._file.name} claims {count} streams", "copy the symbol file again")
        self._directory = directory
        self._sizes = [0 if s == _NO_STREAM else s for s in self._words(directory, 4, count)]
        self._starts: List[int] = []
        offset = 4 + 4 * count
        for size in self._sizes:
            self._starts.append(offset)
            offset += 4 * self._count(size)

    def stream(self, number: int) -> Optional[Stream]:
        """The stream of that number, or None when there is none (or it has no bytes); raises Unreadable."""
        if number >= len(self._sizes) or not self._sizes[number]:
            return None
        size = self._sizes[number]
        if size > self._file.size:
            raise Unreadable(self._file.size, size)
        blocks = self._words(self._directory, self._starts[number], self._count(size))
        if max(blocks) >= self._block_count:
            raise Unreadable(max(blocks) * self._block_bytes, self._block_bytes)
        return Stream(self._file, self._block_bytes, blocks, size)
