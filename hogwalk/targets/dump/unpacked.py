"""A dump inside a .zip, .gz or .cab file, unpacked into a temporary file that goes away with its reader.

Why not a library for cabinets: cabarchive (0.2.5) takes whole files into memory, and like this one no LZX.
"""

from __future__ import annotations

import gzip
import os
import struct
import tempfile
import weakref
import zipfile
import zlib
from functools import partial
from typing import BinaryIO, Callable, Iterator, List, Optional, Tuple

from hogwalk.errors import BadInput, Unreadable
from hogwalk.printable import printable
from hogwalk.targets.images.source import MappedFile, decode

DUMPS = (b"PAGEDUMP", b"PAGEDU64", b"MDMP", b"USERDU64")
PACKED = (b"PK\x03\x04", b"\x1f\x8b", b"MSCF")
MOST_BYTES = 8 << 30  # unpacked; larger dumps are unpacked by hand
_MAGIC = 8
_PIECE = 1 << 20
_MEMBERS, _NAMED = 1000, 5  # files in an archive that are looked at, and named in an error
_CAB_HEADER = struct.Struct("<4s4xI4xI4xBBHHHHH")
_RESERVED = 4  # a cabinet's flag: sizes of reserved areas follow the header
_CAB_KINDS = {2: "Quantum", 3: "LZX"}
_STORED, _MSZIP = 0, 1
_WINDOW = 0x8000

Member = Tuple[str, Callable[[], Iterator[bytes]]]


def unpacked(path: str) -> MappedFile:
    """The one dump that a packed file holds; raises BadInput where it holds none, several, or cannot be unpacked."""
    name = os.path.basename(path)
    with open(path, "rb") as file:
        try:
            members = _members(file, name)
            dumps = [member for member in members if next(member[1](), b"").startswith(DUMPS)]
            if not dumps:
                raise BadInput(f"{name} holds no dump", "name a file with a MEMORY.DMP or a minidump in it")
            if len(dumps) > 1:
                shown = ", ".join(printable(found) for found, _ in dumps[:_NAMED])
                more = f" and {len(dumps) - _NAMED} more" if len(dumps) > _NAMED else ""
                raise BadInput(f"{name} holds {len(dumps)} dumps: {shown}{more}", "unpack it and name one of them")
            return _written(dumps[0][1](), name)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            RuntimeError,
            NotImplementedError,
            struct.error,
        ) as error:
            raise BadInput(f"{name} cannot be unpacked: {error}", "unpack it by hand, and pass the dump") from None


def _members(file: BinaryIO, name: str) -> List[Member]:
    magic = file.read(4)
    file.seek(0)
    if magic.startswith(PACKED[0]):
        archive = zipfile.ZipFile(file)
        infos = [info for info in archive.infolist()[:_MEMBERS] if not info.is_dir()]
        return [(info.filename, partial(_unzipped, archive, info)) for info in infos]
    if magic.startswith(PACKED[1]):
        return [(name, partial(_gunzipped, file))]
    return _cabinet(file, name)


def _unzipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(member) as stream:
        yield from _pieces(stream.read)


def _gunzipped(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    with gzip.open(file) as stream:
        yield from _pieces(stream.read)


def _pieces(read: Callable[[int], bytes]) -> Iterator[bytes]:
    piece = read(_PIECE)
    while piece:
        yield piece
        piece = read(_PIECE)


def _written(pieces: Iterator[bytes], name: str) -> MappedFile:
    """A temporary file with the pieces, opened; it is removed when its reader goes."""
    descriptor, path = tempfile.mkstemp(prefix="hogwalk-", suffix=".dmp")
    found: Optional[MappedFile] = None
    try:
        total = 0
        with os.fdopen(descriptor, "wb") as out:
            for piece in pieces:
                total += len(piece)
                if total > MOST_BYTES:
                    raise BadInput(f"{name} unpacks to more than {MOST_BYTES >> 30} GB", "unpack it by hand")
                out.write(piece)
        found = MappedFile(path)
        found.name = name
    finally:
        if found is None or os.name == "posix":
            os.remove(path)  # an open file stays readable without its name
    if os.name != "posix":
        weakref.finalize(found, _remove, path)
    return found


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError:
        return


def _cabinet(file: BinaryIO, name: str) -> List[Member]:
    """The files of a cabinet; each starts somewhere in what its folder unpacks to."""
    header = _CAB_HEADER.unpack(file.read(_CAB_HEADER.size))
    magic, _, files_at, _, _, folders, files, flags, _, _ = header
    if magic != PACKED[2]:
        raise Unreadable(0, 4)
    reserved = folder_reserved = data_reserved = 0
    if flags & _RESERVED:
        reserved, folder_reserved, data_reserved = struct.unpack("<HBB", file.read(4))
    if flags & 3:
        raise BadInput(f"{name} is one of a set of cabinets", "unpack them together, and pass the dump")
    file.seek(reserved, os.SEEK_CUR)
    places = [struct.unpack("<IHH", file.read(8 + folder_reserved)[:8]) for _ in range(folders)]
    file.seek(files_at)
    found: List[Member] = []
    for _ in range(min(files, _MEMBERS)):
        size, start, folder, _ = struct.unpack("<IIH6s", file.read(16))
        title = _title(file)
        if folder < len(places):
            place, blocks, kind = places[folder]
            found.append((title, _content(file, name, (place, blocks, kind & 0xF), data_reserved, (start, size))))
    return found


def _title(file: BinaryIO) -> str:
    raw = bytearray()
    while len(raw) < 256:
        letter = file.read(1)
        if letter in (b"", b"\0"):
            break
        raw += letter
    return decode(bytes(raw))


def _content(
    file: BinaryIO, name: str, folder: Tuple[int, int, int], reserved: int, part: Tuple[int, int]
) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        at, blocks, kind = folder
        if kind not in (_STORED, _MSZIP):
            raise BadInput(
                f"{name} is packed by {_CAB_KINDS.get(kind, 'an unknown method')}, which hogwalk does not unpack",
                f"unpack it (on Windows `expand {name} -F:* FOLDER`), and pass the dump",
            )
        skip, left, window = *part, b""
        for _ in range(blocks):
            file.seek(at)
            _, packed, size = struct.unpack("<IHH", file.read(8))
            raw = file.read(reserved + packed)[reserved:]
            at += 8 + reserved + packed
            if kind == _MSZIP:
                if raw[:2] != b"CK":
                    raise EOFError("a block is damaged")
                raw = zlib.decompressobj(-zlib.MAX_WBITS, zdict=window).decompress(raw[2:], size)
            if len(raw) != size:
                raise EOFError("it ends inside a block")
            window = raw[-_WINDOW:]
            piece = raw[skip : skip + left]
            skip, left = max(0, skip - len(raw)), left - len(piece)
            if piece:
                yield piece
            if left <= 0:
                return

    return pieces
