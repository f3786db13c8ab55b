"""Byte sources: a file, a stretch of target memory or a stream, read by offset with checked bounds.

Everything that parses a foreign format reads through one of these, so a hostile offset or count ends as
`Unreadable` and never as an index error or a huge allocation.
"""

from __future__ import annotations

import os
import stat
import struct
import weakref
from typing import TYPE_CHECKING, Callable

from hogwalk.errors import BadInput, Unreadable

if TYPE_CHECKING:
    import mmap

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")

DUMPS = (b"PAGEDUMP", b"PAGEDU64", b"MDMP", b"USERDU64")  # the first bytes of each kind of dump
PACKED = (b"PK\x03\x04", b"\x1f\x8b", b"MSCF")  # of .zip, .gz, .cab
STRING_CAP = 4096  # bytes of a name; longer ones are cut, whatever the file says
READ_CAP = 1 << 28  # bytes of one read: no count in a file makes us ask for more


class ByteSource:
    """Bytes that can be read by offset; `read` is the one thing a kind of source must give."""

    def read(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes from `offset`; raises Unreadable unless all are there."""
        raise NotImplementedError

    def u8(self, offset: int) -> int:
        """The byte at `offset`; raises Unreadable."""
        return self.read(offset, 1)[0]

    def u16(self, offset: int) -> int:
        """The little-endian 16-bit word at `offset`; raises Unreadable."""
        value: int = _U16.unpack(self.read(offset, 2))[0]
        return value

    def u32(self, offset: int) -> int:
        """The little-endian 32-bit word at `offset`; raises Unreadable."""
        value: int = _U32.unpack(self.read(offset, 4))[0]
        return value

    def u64(self, offset: int) -> int:
        """The little-endian 64-bit word at `offset`; raises Unreadable."""
        value: int = _U64.unpack(self.read(offset, 8))[0]
        return value

    def pointer(self, offset: int, size: int) -> int:
        """The pointer of `size` bytes (4 or 8) at `offset`; raises Unreadable."""
        return self.u32(offset) if size == 4 else self.u64(offset)

    def upto(self, offset: int, count: int) -> bytes:
        """The longest readable piece of [offset, offset+count) found by halving; b"" when nothing can be read."""
        while count > 0:
            try:
                return self.read(offset, count)
            except Unreadable:
                count //= 2
        return b""

    def text(self, offset: int) -> str:
        """The zero-terminated byte string at `offset`, at most STRING_CAP long; raises Unreadable when none is."""
        raw = bytearray()
        while len(raw) < STRING_CAP:
            piece = self.upto(offset + len(raw), 64)
            if not piece:
                raise Unreadable(offset, 1)
            raw += piece
            if 0 in piece:
                break
        return decode(bytes(raw).split(b"\0", 1)[0])


def decode(raw: bytes) -> str:
    """A symbol or file name as text: UTF-8 where it is, each other byte as its Latin-1 letter."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


class Memory(ByteSource):
    """Bytes already at hand."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes from `offset`; raises Unreadable unless all are there."""
        if offset < 0 or count < 0 or offset + count > len(self._data):
            raise Unreadable(offset, count)
        return self._data[offset : offset + count]


def _mapped(descriptor: int) -> mmap.mmap:
    import mmap  # here, for inside the debugger no file is opened

    return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)


class MappedFile(ByteSource):
    """A file opened for reading: opening costs the same for any size, only what is asked is loaded.

    Raises BadInput when the file is missing, empty or cannot be opened, and when it becomes shorter while it is read.
    On Windows it is mapped, and cannot be cut then; elsewhere a mapped page that is gone would end the process.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = os.path.basename(path)
        try:
            # Not blocking: a pipe without a writer would be waited for.
            self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
            self.close = weakref.finalize(self, os.close, self._descriptor)
            found = os.fstat(self._descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise BadInput(f"{path} is no file but a folder, a pipe or a device", "pass a file")
            self.size = found.st_size
            if self.size == 0:
                raise BadInput(f"{self.name} is empty", "copy the file again")
            self._map = None if hasattr(os, "pread") else _mapped(self._descriptor)
        except FileNotFoundError:
            raise BadInput(f"{path} does not exist", "check the path") from None
        except (OSError, ValueError, OverflowError) as error:
            raise BadInput(f"{path} cannot be opened: {error}", "pass a readable file") from None

    def read(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes from `offset`; raises Unreadable unless all are in the file."""
        if offset < 0 or count < 0 or count > READ_CAP or offset + count > self.size:
            raise Unreadable(offset, count)
        if self._map is not None:
            return self._map[offset : offset + count]
        try:
            data = os.pread(self._descriptor, count, offset)
            while len(data) < count:
                more = os.pread(self._descriptor, count - len(data), offset + len(data))
                if not more:
                    raise BadInput(f"{self.name} has become shorter while it was read", "copy it, and pass the copy")
                data += more
        except OSError as error:
            raise BadInput(f"{self.name} cannot be read: {error.strerror}", "copy it, and pass the copy") from error
        return data


class Window(ByteSource):
    """Another reader's bytes seen from a base: offset 0 is `base`, nothing at or past `size` is read."""

    def __init__(self, read: Callable[[int, int], bytes], base: int, size: int) -> None:
        self._read = read
        self._base = base
        self._size = size

    def read(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes from `base + offset`; raises Unreadable."""
        if offset < 0 or count < 0 or offset + count > self._size:
            raise Unreadable(self._base + offset, count)
        return self._read(self._base + offset, count)
