"""Finds the stack range of a thread: the options, the _KTHREAD, `!thread`'s text, the KPCR's NT_TIB, the TEB, what the
source itself states.

Each source is one function with the same shape, asked in that order; the first range that makes sense wins and the
report says which source it came from.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Callable, List, Optional, Tuple

from hogwalk.errors import BadInput, CommandFailed, NoDebugger, NotRecorded
from hogwalk.machine import windows
from hogwalk.machine.words import X86, Words, shown
from hogwalk.model import Region
from hogwalk.targets.parsers.thread import parse_threads
from hogwalk.targets.protocol import CUT_SHORT, OTHER_MACHINE, Target
from hogwalk.walk.facts import kernel

TYPED = "the command line"  # the source of a range that the user gave
MAX_RESERVED = 1 << 30  # no thread reserves more
MAX_BYTES = 16 << 20  # no Windows stack is larger; a larger range is a typing error


def find_region(target: Target, limit: Optional[int], base: Optional[int], thread: Optional[int]) -> Region:
    """The stack range to analyse; raises BadInput with the reason when no source gives a sensible one."""
    words = target.about().words
    if limit is not None or base is not None:
        return _given(target, limit, base, thread)
    who = thread if thread is not None else _default_thread(target)
    refused: List[str] = []
    for source in _sources(target):
        region = source(target, who)
        if region is None or (thread is not None and region.thread != thread):
            continue  # a thread that was asked for is that very thread or an error
        reason = nonsense(region, words) or _elsewhere(target, region)
        if reason is None:
            return region
        refused.append(f"{region.source} says {shown(region.limit)}..{shown(region.base)}: {reason}")
    whose = "" if thread is None else f" of thread {shown(thread)}"
    with contextlib.suppress(NotRecorded):
        for note in target.notes:
            if note.startswith(OTHER_MACHINE) or (note.startswith(CUT_SHORT) and not refused):
                raise BadInput(*note.split("; ", 1))
    if refused:
        raise BadInput(f"no usable stack range{whose}: {'; '.join(refused)}", _remedy(target, thread))
    raise BadInput(f"no stack range found{whose}: {_silent(target, thread)}", _remedy(target, thread))


def _silent(target: Target, thread: Optional[int]) -> str:
    """Why no source says anything."""
    if target.about().kind == "text":
        alone = ", and no memory that it prints looks like a stack" if thread is None else ""
        return f"the text states no Base and Limit{alone}"
    return "no thread, no types, no !thread answer" if target.about().kernel else "no TEB that can be read"


def _default_thread(target: Target) -> Optional[int]:
    return kernel.crashed_thread(target) if target.about().kernel else target.thread()


def _remedy(target: Target, thread: Optional[int]) -> str:
    # With this target's own range, where it has one; a remedy's example must not be another machine's.
    found = None
    with contextlib.suppress(BadInput):
        found = find_region(target, None, None, None) if thread is not None else None
    if found is not None:
        whose = "the known stack is" if found.thread is None else f"the current thread is {shown(found.thread)}:"
        return f"{whose} --limit {shown(found.limit)} --base {shown(found.base)}"
    return f"pass --limit and --base as {'!thread' if target.about().kernel else '!teb'} prints them"


def nonsense(region: Region, words: Words) -> Optional[str]:
    """Why a range cannot be a stack, or None when it can."""
    if not (words.aligned(region.limit) and words.aligned(region.base)):
        return f"not aligned to {words.word} bytes"
    if region.base <= region.limit:
        return "Base is not above Limit"
    if region.size > MAX_BYTES:
        return f"{region.size} bytes are more than any stack has (16 MB)"
    if region.limit < 0 or region.base > words.mask + 1:
        return f"outside the {8 * words.word}-bit address space"
    return None


def _elsewhere(target: Target, region: Region) -> Optional[str]:
    about = target.about()
    if about.kernel and about.kind != "text" and region.limit <= about.words.mask >> 1:
        return "not in the kernel's half of the address space"
    return None


def _given(target: Target, limit: Optional[int], base: Optional[int], thread: Optional[int]) -> Region:
    words = target.about().words
    if limit is None or base is None:
        raise BadInput("one end of the stack range is missing", _own_range(target))
    region = Region(limit, base, thread, TYPED)
    reason = nonsense(region, words)
    if reason is not None:
        raise BadInput(f"the range {shown(limit)}..{shown(base)} cannot be a stack: {reason}", _own_range(target))
    return region


def _own_range(target: Target) -> str:
    try:
        found = find_region(target, None, None, None)
    except BadInput as error:
        return error.remedy
    return f"this target's is --limit {shown(found.limit)} --base {shown(found.base)}"


def remedy_for(target: Target, region: Region) -> str:
    """What to do where a range cannot be read: the target's own one, where another was given."""
    if region.source == TYPED:
        return _own_range(target)
    return "pass the right range with --limit and --base, or a dump that holds the stack"


def _sources(target: Target) -> Tuple[Callable[[Target, Optional[int]], Optional[Region]], ...]:
    if target.about().kernel:
        return (_thread_types, _thread_data_block, _thread_text, _processor, _stated)
    return (_thread_environment, _stated)


def _thread_types(target: Target, thread: Optional[int]) -> Optional[Region]:
    if thread is None:
        return None
    limit_at = target.field("_KTHREAD", "StackLimit")
    base_at = target.field("_KTHREAD", "StackBase")
    if base_at is None:
        base_at = target.field("_KTHREAD", "InitialStack")
    if limit_at is None or base_at is None:
        return None
    return _region_at(target, thread, limit_at, base_at, "nt!_KTHREAD")


def _thread_data_block(target: Target, thread: Optional[int]) -> Optional[Region]:
    # The data block has only InitialStack's offset; StackLimit has followed it in every _KTHREAD from NT 5.1 on.
    block = target.debugger_block()
    initial = kernel.data_block_ushort(block, windows.Kdbg.INITIAL_STACK) if block is not None else None
    if thread is None or initial is None:
        return None
    words = target.about().words
    found = _region_at(target, thread, initial + words.word, initial, "the debugger data block's _KTHREAD offsets")
    if found is None or words is X86:
        return found
    # On x64 InitialStack points into the stack's last page, below what the thread started with.
    return replace(found, base=(found.base + windows.PAGE - 1) // windows.PAGE * windows.PAGE)


def _thread_text(target: Target, thread: Optional[int]) -> Optional[Region]:
    try:
        text = target.command("!thread" if thread is None else f"!thread {target.about().words.typed(thread)}")
    except (CommandFailed, NoDebugger, NotRecorded):
        return None
    found = next(iter(parse_threads(text, target.about().pointer_bytes)), None)
    if found is None or found.limit is None or found.base is None:
        return None
    return Region(found.limit, found.base, found.thread if found.thread is not None else thread, "!thread")


def _processor(target: Target, thread: Optional[int]) -> Optional[Region]:
    pcr = kernel.processor_control_region(target, thread)
    if pcr is None:
        return None
    found = _region_at(target, pcr, *kernel.tib(target), "the KPCR's NT_TIB")
    if found is None:
        return None
    found = replace(found, thread=kernel.current_thread(target, pcr))
    # There StackBase leaves out the room for the FPU state (0x210 bytes on x86) at the very end of the last page.
    return replace(found, base=(found.base + windows.PAGE - 1) // windows.PAGE * windows.PAGE)


def _thread_environment(target: Target, thread: Optional[int]) -> Optional[Region]:
    if thread is None:
        return None
    found = _region_at(target, thread, *kernel.tib(target), "the TEB")
    return None if found is None else replace(found, reserved=reserved_from(target, thread, found.limit))


def reserved_from(target: Target, teb: int, limit: int) -> Optional[int]:
    """The lowest address that is reserved for the stack of the thread with this TEB; None where it cannot be read."""
    found = kernel.word(target, teb + windows.TEB_DEALLOCATION_STACK[target.about().words.word])
    return found if found and limit - MAX_RESERVED < found <= limit else None


def _stated(target: Target, thread: Optional[int]) -> Optional[Region]:
    # The current thread's is asked for without its name, as sources have it that know no other.
    return target.stack_hint(None if thread == target.thread() else thread)


def _region_at(target: Target, address: int, limit_at: int, base_at: int, source: str) -> Optional[Region]:
    limit, base = kernel.word(target, address + limit_at), kernel.word(target, address + base_at)
    if limit is None or base is None:
        return None
    return Region(limit, base, address, source)
