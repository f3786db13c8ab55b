"""The process that owns a kernel thread: its _EPROCESS, its image's file name, what the image's version says.

As the source itself says it, else by the symbols' types or the debugger data block.
"""

from __future__ import annotations

import contextlib
from typing import Optional

from hogwalk.errors import BadInput, NotRecorded, Unreadable
from hogwalk.machine import windows
from hogwalk.model import Process, Region, Version
from hogwalk.targets.images.pe import Pe
from hogwalk.targets.images.source import Window
from hogwalk.targets.images.version import version_of
from hogwalk.targets.protocol import Target
from hogwalk.walk.facts import kernel

IMAGE_BYTES = 15  # _EPROCESS.ImageFileName: 14 letters at most
LARGEST_IMAGE = 1 << 28


def owning_process(target: Target, region: Region) -> Optional[Process]:
    """The process of the region's thread; None in user mode, without a thread, and where nothing says so."""
    if not target.about().kernel:
        return None
    try:
        return target.process() or _by_memory(target, region.thread)
    except NotRecorded:  # by an older hogwalk
        return None


def _by_memory(target: Target, thread: Optional[int]) -> Optional[Process]:
    if thread is None:
        return None
    address = None
    for kind, field in (("_ETHREAD", "ThreadsProcess"), ("_KTHREAD", "Process")):
        offset = target.field(kind, field)
        if offset is not None:
            address = kernel.word(target, thread + offset)
            break
    else:
        address = kernel.attached_process(target, thread)
    if not address or address < windows.USER_END:
        return None
    return Process(address, _image(target, address), _version(target, address, thread))


def _image(target: Target, process: int) -> str:
    offset = target.field("_EPROCESS", "ImageFileName")
    if offset is None:
        return ""
    try:
        raw = target.read(process + offset, IMAGE_BYTES)
    except Unreadable:
        return ""
    return raw.split(b"\0", 1)[0].decode("latin-1")


def _version(target: Target, process: int, thread: int) -> Optional[Version]:
    # Addresses of the current process alone are mapped.
    offset = target.field("_EPROCESS", "SectionBaseAddress")
    base = kernel.word(target, process + offset) if offset is not None else None
    if not base or thread != kernel.crashed_thread(target):
        return None
    with contextlib.suppress(Unreadable, BadInput):
        return version_of(Pe(Window(target.read, base, LARGEST_IMAGE)))
    return None
