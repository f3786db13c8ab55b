"""All threads of a kernel: PsActiveProcessHead, then each process's list of threads, in a dump or a live machine."""

from __future__ import annotations

import contextlib
from typing import Callable, Iterator, NamedTuple, Optional, Set

from hogwalk.errors import Unreadable
from hogwalk.machine.windows import Kdbg
from hogwalk.machine.words import X86
from hogwalk.model import ThreadStack
from hogwalk.targets.images.source import ByteSource, Window
from hogwalk.targets.parsers.thread import parse_user_threads
from hogwalk.targets.protocol import Target
from hogwalk.targets.teb import teb32

FieldOf = Callable[[str, str], Optional[int]]
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


def process_threads(memory: ByteSource, head: int, pointer: int, field: FieldOf) -> Iterator[ThreadStack]:
    """Every thread of every process in list order, pointers of so many bytes; nothing where the types give no offsets.

    `head` is the address of PsActiveProcessHead.
    """
    offsets = _offsets(field)
    if offsets is None:
        return
    cid = field("_ETHREAD", "Cid")
    seen: Set[int] = set()
    for links in _ring(memory, head, pointer, _PROCESS_CAP):
        process = links - offsets.process_links
        raw = memory.upto(process + offsets.process_name, _NAME_BYTES)
        name = "".join(chr(byte) if 32 <= byte < 127 else "_" for byte in raw.split(b"\0", 1)[0])
        for entry in _ring(memory, process + offsets.thread_head, pointer, _THREAD_CAP):
            thread = entry - offsets.thread_links
            if thread in seen:
                break
            seen.add(thread)
            yield _thread(memory, thread, name, pointer, offsets, cid)
        if len(seen) >= _THREAD_CAP:
            return


def _thread(
    memory: ByteSource, thread: int, process: str, pointer: int, offsets: _Offsets, cid: Optional[int]
) -> ThreadStack:
    """One thread's stack, by one read where that can be; what cannot be read is None."""
    places = (offsets.stack_limit, offsets.stack_base, offsets.kernel_stack, *([] if cid is None else [cid + pointer]))
    low, high = min(places), max(places) + pointer
    whole: Optional[bytes] = None
    with contextlib.suppress(Unreadable):
        whole = memory.read(thread + low, high - low)

    def word(offset: int) -> Optional[int]:
        if whole is not None:
            return int.from_bytes(whole[offset - low : offset - low + pointer], "little")
        try:
            return memory.pointer(thread + offset, pointer)
        except Unreadable:
            return None

    identifier = None if cid is None else word(cid + pointer)
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


def listed_threads(target: Target) -> Iterator[ThreadStack]:
    """All threads of a debugger's target: a kernel's by its own lists and types, a program's as `~` lists them."""
    words = target.about().words
    if target.about().kernel:
        block, at = target.debugger_block() or b"", Kdbg.PROCESS_LIST
        head = int.from_bytes(block[at : at + words.word], "little") or target.evaluate("nt!PsActiveProcessHead")
        if head:
            memory = Window(lambda place, count: target.read(place & words.mask, count), 0, words.mask + 1)
            yield from process_threads(memory, head, words.word, target.field)
        return

    def word(address: int, size: int) -> Optional[int]:
        try:
            return int.from_bytes(target.read(address, size), "little")
        except Unreadable:
            return None

    for identifier, teb in parse_user_threads(target.command("~")):
        own = (teb32(teb, word) or teb) if words is X86 else teb
        limit, base = word(own + 2 * words.word, words.word), word(own + words.word, words.word)
        yield ThreadStack(own, identifier, "", limit, base, None)
