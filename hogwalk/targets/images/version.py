"""A module's VS_VERSION_INFO resource."""

from __future__ import annotations

import struct
from typing import Dict, Iterator, Optional, Tuple

from hogwalk.errors import Unreadable
from hogwalk.model import Version
from hogwalk.targets.images.pe import RESOURCE, Pe
from hogwalk.targets.images.source import ByteSource

_VERSION_TYPE = 16
_ENTRY_CAP = 512
_SIZE_CAP = 1 << 16
_DEPTH = 3  # StringFileInfo, StringTable, String
_FIXED_MAGIC = 0xFEEF04BD


def version_of(pe: Pe) -> Optional[Version]:
    """What the image's version resource says, and when it was linked; None where nothing of it can be read."""
    linked = pe.linked()
    bare = Version("", "", "", "", linked) if linked is not None else None
    try:
        at, size = pe.directory(RESOURCE)
        place = _leaf(pe.image, at) if at and size else None
        if place is None:
            return bare
        raw = pe.image.read(place[0], min(place[1], _SIZE_CAP))
        return _parse(raw, linked)
    except (Unreadable, struct.error):
        return bare


def _leaf(image: ByteSource, root: int) -> Optional[Tuple[int, int]]:
    """RVA and bytes of the first version resource: type 16, then the first name and the first language."""
    at = root
    for level in range(3):
        named, numbered = struct.unpack("<HH", image.read(at + 12, 4))
        step = None
        for entry in range(at + 16, at + 16 + 8 * min(named + numbered, _ENTRY_CAP), 8):
            key, place = struct.unpack("<II", image.read(entry, 8))
            if level or key == _VERSION_TYPE:
                step = place
                break
        if step is None:
            return None
        at = root + (step & 0x7FFFFFFF)
        if not step & 0x80000000:
            break
    rva, size = struct.unpack("<II", image.read(at, 8))
    return rva, size


def _parse(raw: bytes, linked: Optional[int]) -> Version:
    strings: Dict[str, str] = {}
    _strings(raw, 0, len(raw), 0, strings)
    fixed = ""
    at = _align(6 + 2 * len("VS_VERSION_INFO\0"))
    if len(raw) >= at + 16 and struct.unpack_from("<I", raw, at)[0] == _FIXED_MAGIC:
        high, low = struct.unpack_from("<II", raw, at + 8)
        fixed = f"{high >> 16}.{high & 0xFFFF}.{low >> 16}.{low & 0xFFFF}"
    return Version(
        strings.get("CompanyName", ""),
        strings.get("ProductName", ""),
        strings.get("FileDescription", ""),
        strings.get("FileVersion", "") or fixed,
        linked,
    )


def _align(offset: int) -> int:
    return (offset + 3) & ~3


def _blocks(raw: bytes, start: int, end: int) -> Iterator[Tuple[str, int, int, int]]:
    """The nodes in [start, end): key, where the value starts, the value's length field, where the node ends."""
    while start + 6 <= end:
        length, value_length, _ = struct.unpack_from("<HHH", raw, start)
        if length < 6 or start + length > end:
            return
        stop = start + 6
        while stop + 2 <= start + length and raw[stop : stop + 2] != b"\0\0":
            stop += 2
        key = raw[start + 6 : stop].decode("utf-16-le", "replace")
        yield key, _align(stop + 2), value_length, start + length
        start = _align(start + length)


def _strings(raw: bytes, start: int, end: int, depth: int, found: Dict[str, str]) -> None:
    """Collects the strings of all string tables; `depth` 0 is the root node."""
    for key, value, length, stop in _blocks(raw, start, end):
        if depth == _DEPTH:
            text = raw[value : min(stop, value + 2 * length)].decode("utf-16-le", "replace")
            found.setdefault(key, text.split("\0", 1)[0].strip())
        elif depth != 1 or key == "StringFileInfo":
            _strings(raw, _align(value + length) if depth == 0 else value, stop, depth + 1, found)
