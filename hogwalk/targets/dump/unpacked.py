"""A dump inside a .zip, .gz or .cab file, unpacked into a temporary file that goes away with its reader.

Why no library for all cabinets: cabarchive (0.2.5) takes whole files into memory, and no LZX; pylibmspack (0.4.0),
that takes LZX, needs Python 3.9 and a wheel for the platform: it is asked where it is installed (`hogwalk[cab]`).
"""

from __future__ import annotations

import gzip
import os
import shutil
import struct
import tempfile
import weakref
import zipfile
import zlib
from functools import partial
from typing import BinaryIO, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional

from hogwalk.errors import BadInput
from hogwalk.printable import printable
from hogwalk.targets.images.source import DUMPS, PACKED, MappedFile, decode

# What one archive may write: so many times its own size, at least and at most so many bytes, and half of the free disk.
MOST_TIMES, LEAST_BYTES, MOST_BYTES = 100, 1 << 30, 8 << 30
_HEAD = 8  # bytes that say whether a file is a dump
_PIECE = 1 << 20
_MEMBERS, _NAMED = 1000, 5  # files in an archive that are looked at, and named in an error
_CAB_HEADER = struct.Struct("<4s4xI4xI4xBBHHHHH")
_RESERVED = 4  # a cabinet's flag: sizes of reserved areas follow the header
_CAB_KINDS = {2: "Quantum", 3: "LZX"}
_STORED, _MSZIP = 0, 1
_WINDOW = 0x8000  # bytes: what a block of MSZIP unpacks to at most, and may refer back to
_BY_HAND = "unpack it by hand, and pass the dump"
_ENDINGS = (".dmp", ".mdmp", ".hdmp", ".kdmp")  # of dumps' names: an LZX cabinet is not looked into
# What damage raises in the libraries; RuntimeError: a password; ValueError: a name that is no text.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, struct.error)


class Member(NamedTuple):
    """A file in an archive: its name there, its first bytes, all of them piece by piece, how many it says there are."""

    title: str
    head: bytes
    pieces: Callable[[], Iterator[bytes]]
    size: int = 0


class _Part(NamedTuple):
    """A file of a cabinet: where it starts in what its folder unpacks to, its bytes, its name."""

    start: int
    size: int
    title: str


def unpacked(path: str) -> MappedFile:
    """The one dump that a packed file holds; raises BadInput where it holds none, several, or cannot be unpacked."""
    name = os.path.basename(path)
    with open(path, "rb") as file:
        try:
            dumps = [member for member in _members(file, name) if member.head.startswith(DUMPS)]
            if not dumps:
                raise BadInput(f"{name} holds no dump", "name a file with a MEMORY.DMP or a minidump in it")
            if len(dumps) > 1:
                shown = ", ".join(printable(found.title) for found in dumps[:_NAMED])
                more = f" and {len(dumps) - _NAMED} more" if len(dumps) > _NAMED else ""
                raise BadInput(f"{name} holds {len(dumps)} dumps: {shown}{more}", "unpack it and name one of them")
            most = _most_bytes(path)
            _within(dumps[0].size, most, name)
            return _written(dumps[0].pieces(), name, most)
        except _DAMAGED as error:
            raise BadInput(f"{name} cannot be unpacked: {error}", _BY_HAND) from None


def _members(file: BinaryIO, name: str) -> List[Member]:
    magic = file.read(4)
    file.seek(0)
    if magic.startswith(PACKED[0]):
        archive = zipfile.ZipFile(file)
        infos = [info for info in archive.infolist()[:_MEMBERS] if not info.is_dir()]
        return [_member(info.filename, partial(_unzipped, archive, info, name), info.file_size) for info in infos]
    if magic.startswith(PACKED[1]):
        return [_member(name, partial(_gunzipped, file))]
    return _cabinet(file, name)


def _member(title: str, pieces: Callable[[], Iterator[bytes]], size: int = 0) -> Member:
    return Member(title, next(pieces(), b""), pieces, size)


def _most_bytes(path: str) -> int:
    """How much this archive may write."""
    free = shutil.disk_usage(tempfile.gettempdir()).free
    return min(max(MOST_TIMES * os.path.getsize(path), LEAST_BYTES), MOST_BYTES, free // 2)


def _within(size: int, most: int, name: str) -> None:
    if size > most:
        raise BadInput(f"{name} unpacks to more than the {most:,} bytes that hogwalk writes for it", _BY_HAND)


def _unzipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Iterator[bytes]:
    # Only these two are unpacked piece by piece: of the others a few hundred bytes may become hundreds of megabytes.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadInput(f"{name} is packed by a method that hogwalk does not unpack", _BY_HAND)
    with archive.open(member) as stream:
        yield from _pieces(stream.read)


def _gunzipped(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    with gzip.open(file) as stream:
        yield from _pieces(stream.read)


def _pieces(read: Callable[[int], bytes]) -> Iterator[bytes]:
    piece = read(_HEAD)  # most files of an archive are asked for no more
    while piece:
        yield piece
        piece = read(_PIECE)


def _written(pieces: Iterator[bytes], name: str, most: int) -> MappedFile:
    """A temporary file with the pieces, opened; it is removed when its reader goes."""
    descriptor, path = tempfile.mkstemp(prefix="hogwalk-", suffix=".dmp")
    found: Optional[MappedFile] = None
    try:
        total = 0
        with os.fdopen(descriptor, "wb") as out:
            for piece in pieces:
                total += len(piece)
                _within(total, most, name)
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
    _, _, files_at, _, _, folders, files, flags, _, _ = header
    reserved = folder_reserved = data_reserved = 0
    if flags & _RESERVED:
        reserved, folder_reserved, data_reserved = struct.unpack("<HBB", file.read(4))
    if flags & 3:
        raise BadInput(f"{name} is one of a set of cabinets", "unpack them together, and pass the dump")
    file.seek(reserved, os.SEEK_CUR)
    places = [struct.unpack("<IHH", file.read(8 + folder_reserved)[:8]) for _ in range(folders)]
    file.seek(files_at)
    inside: Dict[int, List[_Part]] = {}
    for _ in range(min(files, _MEMBERS)):
        size, start, folder, _ = struct.unpack("<IIH6s", file.read(16))
        inside.setdefault(folder, []).append(_Part(start, size, _title(file)))
    left = [file.seek(0, os.SEEK_END)]
    found: List[Member] = []
    for folder, parts in inside.items():
        if folder < len(places):
            place, count, kind = places[folder]
            if kind & 0xF not in (_STORED, _MSZIP):
                found += [
                    _elsewhere(file.name, part, _CAB_KINDS.get(kind & 0xF, "an unknown method")) for part in parts
                ]
                continue
            blocks = partial(_blocks, file, place, count, kind & 0xF, data_reserved)
            heads = _heads(blocks(left), parts)
            found += [
                Member(part.title, heads.get(part, b""), partial(_content, blocks, part), part.size) for part in parts
            ]
    return found


def _elsewhere(path: str, part: _Part, method: str) -> Member:
    """A file that only another unpacker can read; it counts as a dump by its name."""
    head = DUMPS[0] if part.title.lower().endswith(_ENDINGS) else b""
    return Member(part.title, head, partial(_by_library, path, part.title, part.size, method), part.size)


def _by_library(path: str, title: str, size: int, method: str) -> Iterator[bytes]:
    name = os.path.basename(path)
    try:
        from pylibmspack import CabArchive, MspackError
    except ImportError:
        raise BadInput(
            f"{name} is packed by {method}, which hogwalk does not unpack by itself",
            "unpack it (Windows: `expand FILE -F:* FOLDER`) and pass the dump, or `pip install hogwalk[cab]`",
        ) from None
    with tempfile.TemporaryDirectory(prefix="hogwalk-") as folder:
        try:
            at = CabArchive(path).extract(title, folder, max_size=max(1, size))
        except MspackError as error:
            raise BadInput(f"{name} cannot be unpacked: {error}", _BY_HAND) from None
        with open(at, "rb") as stream:
            yield from _pieces(stream.read)


def _title(file: BinaryIO) -> str:
    raw = bytearray()
    while len(raw) < 256:
        letter = file.read(1)
        if letter in (b"", b"\0"):
            break
        raw += letter
    return decode(bytes(raw))


def _blocks(
    file: BinaryIO, at: int, count: int, kind: int, reserved: int, left: Optional[List[int]] = None
) -> Iterator[bytes]:
    """What a folder unpacks to, block by block.

    `left` holds how many bytes may be read yet for all folders; more than the file has are read where they overlap.
    """
    window = b""
    for _ in range(count):
        file.seek(at)
        _, packed, size = struct.unpack("<IHH", file.read(8))
        raw = file.read(reserved + packed)[reserved:]
        at += 8 + reserved + packed
        if left is not None:
            left[0] -= 8 + reserved + packed
            if left[0] < 0:
                raise EOFError("its folders overlap")
        if kind == _MSZIP:
            if raw[:2] != b"CK" or size > _WINDOW:
                raise EOFError("a block is damaged")
            raw = zlib.decompressobj(-zlib.MAX_WBITS, zdict=window).decompress(raw[2:], size)
        if len(raw) != size:
            raise EOFError("it ends inside a block")
        window = raw[-_WINDOW:]
        yield raw


def _heads(blocks: Iterator[bytes], parts: Iterable[_Part]) -> Dict[_Part, bytes]:
    """The first bytes of each file of a folder, in one pass over what it unpacks to."""
    found: Dict[_Part, bytes] = {}
    waiting = sorted(parts, reverse=True)
    open_parts: List[_Part] = []
    begin = 0
    while waiting or open_parts:
        raw = next(blocks, None)
        if raw is None:
            break
        end = begin + len(raw)
        while waiting and waiting[-1].start < end:
            open_parts.append(waiting.pop())
        for part in open_parts:
            have = found.get(part, b"")
            at = part.start + len(have) - begin
            found[part] = have + raw[at : at + min(_HEAD, part.size) - len(have)]
        open_parts = [part for part in open_parts if len(found[part]) < min(_HEAD, part.size)]
        begin = end
    return found


def _content(blocks: Callable[[], Iterator[bytes]], part: _Part) -> Iterator[bytes]:
    """A file's bytes."""
    skip, left = part.start, part.size
    for raw in blocks():
        piece = raw[skip : skip + left]
        skip, left = max(0, skip - len(raw)), left - len(piece)
        if piece:
            yield piece
        if left <= 0:
            return
