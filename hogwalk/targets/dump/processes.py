"""All threads of a kernel dump: PsActiveProcessHead, then each process's list of threads."""

from __future__ import annotations

from typing import Iterator, NamedTuple, Optional, Set

from hogwalk.errors import Unreadable
from hogwalk.model import ThreadStack
from hogwalk.targets.dump.crash import FieldOf
from hogwalk.targets.dump.layout import Layout
from hogwalk.targets.images.source import ByteSource

_PROCESS_CAP = 65536
_THREAD_CAP = 1 << 18
_NAME_BYTES = 15


class _Offsets(NamedTuple):
    process_links: int
    process_name: int
    thread_head: int
    thread_links: int
    stack_base: int
    stack_limit: int
    kernel_stack: int


_FIELDS = (
    ("_EPROCESS", "ActiveProcessLinks"),
    ("_EPROCESS", "ImageFileName"),
    ("_KPROCESS", "ThreadListHead"),
    ("_KTHREAD", "ThreadListEntry"),
    ("_KTHREAD", "StackBase"),
    ("_KTHREAD", "StackLimit"),
    ("_KTHREAD", "KernelStack"),
)


def _offsets(field: FieldOf) -> Optional[_Offsets]:
    found = [field(*names) for names in _FIELDS]
    known = [offset for offset in found if offset is not None]
    return _Offsets(*known) if len(known) == len(found) else None


def process_threads(memory: ByteSource, head: int, where: Layout, field: FieldOf) -> Iterator[ThreadStack]:
    """Every thread of every process in list order; nothing where the types do not give the offsets."""
    offsets = _offsets(field)
    if offsets is None:
        return
    cid = field("_ETHREAD", "Cid")
    seen: Set[int] = set()
    for links in _ring(memory, head, where.pointer, _PROCESS_CAP):
        process = links - offsets.process_links
        raw = memory.upto(process + offsets.process_name, _NAME_BYTES)
        name = "".join(chr(byte) if 32 <= byte < 127 else "_" for byte in raw.split(b"\0", 1)[0])
        for entry in _ring(memory, process + offsets.thread_head, where.pointer, _THREAD_CAP):
            thread = entry - offsets.thread_links
            if thread in seen:
                break
            seen.add(thread)
            yield _thread(memory, thread, name, where.pointer, offsets, cid)
        if len(seen) >= _THREAD_CAP:
            return


def _thread(
    memory: ByteSource, thread: int, process: str, pointer: int, offsets: _Offsets, cid: Optional[int]
) -> ThreadStack:
    """One thread's stack; what cannot be read is None."""

    def word(offset: Optional[int]) -> Optional[int]:
        try:
            return memory.pointer(thread + offset, pointer) if offset is not None else None
        except Unreadable:
            return None

    identifier = word(cid + pointer if cid is not None else None)
    limit, base = word(offsets.stack_limit), word(offsets.stack_base)
    return ThreadStack(thread, identifier, process, limit, base, word(offsets.kernel_stack))


def _ring(memory: ByteSource, head: int, pointer: int, cap: int) -> Iterator[int]:
    """The entries of a LIST_ENTRY ring after its head; stops at a repetition, an unreadable link or `cap`."""
    seen: Set[int] = {head}
    try:
        entry = memory.pointer(head, pointer)
        while entry not in seen and len(seen) <= cap:
            seen.add(entry)
            yield entry
            entry = memory.pointer(entry, pointer)
    except Unreadable:
        return
