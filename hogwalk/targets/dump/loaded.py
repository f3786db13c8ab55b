"""The kernel's list of loaded modules (PsLoadedModuleList), named as the debugger names them."""

from __future__ import annotations

import struct
from typing import Dict, Iterable, List, Optional, Set

from hogwalk.errors import Unreadable
from hogwalk.machine.words import hexa
from hogwalk.targets.dump.layout import Layout
from hogwalk.targets.images.image import Image
from hogwalk.targets.images.source import ByteSource
from hogwalk.targets.parsers.lm import MOST_UNLOADED, NOT_IN_NAMES, unnamed

MODULE_CAP = 8192
_NAME_CAP = 1024  # bytes of a file name
_SIZE_CAP = 1 << 31
_UNLOADED_BYTES, _SAVED_BYTES = 0x28, 56  # _UNLOADED_DRIVERS; a small dump's own form (x64)
_KERNELS = {"ntoskrnl", "ntkrnlpa", "ntkrnlmp", "ntkrpamp", "ntkrnlup"}


def unicode_string(memory: ByteSource, at: int, where: Layout) -> str:
    """The text of the UNICODE_STRING at `at`, "" where it cannot be read."""
    try:
        count = min(memory.u16(at), _NAME_CAP) & ~1
        buffer = memory.pointer(at + where.string_buffer, where.pointer)
        return memory.read(buffer, count).decode("utf-16-le", "replace")
    except Unreadable:
        return ""


def loaded_modules(memory: ByteSource, head: int, where: Layout, notes: List[str]) -> List[Image]:
    """The modules of the list at `head`, in list order; stops, with a note, where the list breaks off."""
    found: List[Image] = []
    seen: Set[int] = {head}
    try:
        entry = memory.pointer(head, where.pointer)
        while entry not in seen and len(found) < MODULE_CAP:
            seen.add(entry)
            image = loader_entry(memory, entry, where)
            if image is not None:
                found.append(image)
            entry = memory.pointer(entry, where.pointer)
    except Unreadable as error:
        notes.append(f"the list of loaded modules breaks off after {len(found)} modules: {error}")
    return found


def loader_entry(memory: ByteSource, at: int, where: Layout) -> Optional[Image]:
    """The module a loader entry describes, or None where it holds no sensible module; raises Unreadable."""
    start = memory.pointer(at + where.loader_base, where.pointer)
    size = memory.u32(at + where.loader_size)
    if not start or not 0 < size < _SIZE_CAP:
        return None
    file = unicode_string(memory, at + where.loader_name, where)
    file = file or unicode_string(memory, at + where.loader_full_name, where)
    return Image(file_name(file), file_name(file), start, size, memory.u32(at + where.loader_timestamp), None)


def unloaded_modules(memory: ByteSource, variable: int, count_at: int, where: Layout) -> List[Image]:
    """The drivers that MmUnloadedDrivers lists, the last one unloaded first; none where that cannot be read.

    `variable` holds the array's address, `count_at` how many were put into it, in turn, since the machine started.
    """
    found: List[Image] = []
    try:
        array, count = memory.pointer(variable, where.pointer), memory.u32(count_at)
        for number in range(count - 1, max(-1, count - 1 - MOST_UNLOADED), -1):
            at = array + number % MOST_UNLOADED * _UNLOADED_BYTES
            name = unicode_string(memory, at, where)
            found += _unloaded(name, *struct.unpack("<QQ", memory.read(at + 16, 16)))
    except Unreadable:
        return found
    return found


def saved_unloaded(file: ByteSource, at: int) -> List[Image]:
    """The same as a 64-bit small dump holds it: a count, then names of up to 12 letters and ranges."""
    found: List[Image] = []
    try:
        for number in range(min(file.u32(at), MOST_UNLOADED)):
            raw = file.read(at + 8 + number * _SAVED_BYTES, _SAVED_BYTES)
            length, name, start, end = struct.unpack("<H14x24sQQ", raw)
            found += _unloaded(name[: min(length, 24) & ~1].decode("utf-16-le", "replace"), start, end)
    except Unreadable:
        return found
    return found


def _unloaded(name: str, start: int, end: int) -> List[Image]:
    # None for a range that makes no sense.
    sound = start > 0 and 0 < end - start < _SIZE_CAP
    return [Image("", "Unloaded_" + file_name(name), start, end - start, 0, None)] if sound else []


def file_name(path: str) -> str:
    """The last part of a Windows path, printable ASCII only."""
    name = path.replace("/", "\\").rsplit("\\", 1)[-1]
    return "".join(letter if " " <= letter <= "~" else "_" for letter in name)


def named(images: Iterable[Image], kernel: bool) -> List[Image]:
    """The modules with the debugger's names, lowest start first.

    A name is the file's without its extension, odd characters as `_`; a kernel target's kernel is `nt`; a name that
    was taken already gets the module's address behind it.  Of two entries with one address the first is the module.
    """
    taken: Set[str] = set()
    done: List[Image] = []
    first: Dict[int, Image] = {}
    for image in images:
        first.setdefault(image.start, image)
    for number, image in enumerate(first.values()):
        stem = image.file.rsplit(".", 1)[0] if "." in image.file else image.file
        name = NOT_IN_NAMES.sub("_", stem) or unnamed(image.start)
        if kernel and (stem.lower() in _KERNELS or (number == 0 and not stem)):
            name = "nt"
        if name.lower() in taken:
            name = f"{name}_{hexa(image.start)}"
        taken.add(name.lower())
        done.append(image._replace(name=name))
    return sorted(done, key=lambda image: image.start)
