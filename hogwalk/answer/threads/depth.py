"""How deep each thread's stack is: by the stack pointer it was left with, else by the lowest word that is not 0."""

from __future__ import annotations

from typing import Iterator, Optional

from hogwalk.answer.threads.records import Depth
from hogwalk.errors import Unreadable
from hogwalk.machine.windows import GUARD, PAGE, RUNNING
from hogwalk.machine.words import X86
from hogwalk.model import Region, ThreadStack
from hogwalk.targets.protocol import Target
from hogwalk.walk.facts import kernel
from hogwalk.walk.facts.faults import fault_registers
from hogwalk.walk.facts.region import MAX_RESERVED, reserved_from
from hogwalk.walk.facts.segments import older_segments

MOST_REGISTERS = 16  # the current thread's come first
MAX_SEARCH = 16 << 20  # bytes searched for the first word that is not 0
MOST_SEARCHED = 1 << 30  # bytes searched for it on all stacks together: nothing keeps a dump from naming one many times


class Depths:
    """Measures the threads of one dump."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._about = target.about()
        self._left = MOST_SEARCHED
        self._current = kernel.crashed_thread(target) if self._about.kernel else target.thread()
        self._state_at = target.field("_KTHREAD", "State") if self._about.kernel else None

    def of(self, thread: ThreadStack) -> Optional[Depth]:
        """How deep a thread's stack is, None where its range is missing or makes no sense."""
        limit, base = thread.limit, thread.base
        if limit is None or base is None or not 0 < base - limit <= MAX_RESERVED:
            return None
        floor = self._floor(thread, limit) if thread.bounded else limit
        older = older_segments(self._target, Region(limit, base, thread.thread, ""))
        size = sum(one.region.size for one in older)
        used = sum(one.region.base - (one.pointer or one.region.limit) for one in older)
        for pointer in self._pointers(thread, limit, base):
            if floor - GUARD <= pointer < base:
                return Depth(floor, base, max(pointer, floor), True, size, used, thread.bounded)
        return Depth(floor, base, self._lowest(limit, base), False, size, used, thread.bounded)

    def _floor(self, thread: ThreadStack, limit: int) -> int:
        if self._about.kernel:
            return limit
        return reserved_from(self._target, thread.thread, limit) or limit

    def _pointers(self, thread: ThreadStack, limit: int, base: int) -> Iterator[int]:
        if thread.thread == self._current:
            if self._about.words is not X86 and self._about.kernel:
                fault = fault_registers(self._target, Region(limit, base, thread.thread, ""))
                if fault is not None:
                    yield fault.sp
            registers = kernel.double_fault_registers(self._target, thread.thread)
            if registers is not None:
                yield registers.sp
            yield from (held.sp for held in self._target.registers()[:MOST_REGISTERS])
        if thread.pointer is not None and not self._running(thread):
            yield thread.pointer

    def _running(self, thread: ThreadStack) -> bool:
        if self._state_at is None:
            return False
        try:
            return self._target.read(thread.thread + self._state_at, 1)[0] == RUNNING
        except Unreadable:
            return True

    def _lowest(self, limit: int, base: int) -> Optional[int]:
        for start in range(limit, min(base, limit + MAX_SEARCH), PAGE):
            size = min(PAGE, base - start)
            self._left -= size
            if self._left < 0:
                return None
            try:
                raw = self._target.read(start, size)
            except Unreadable:
                continue
            kept = len(raw.lstrip(b"\0"))
            if kept:
                return start + (size - kept) // self._about.pointer_bytes * self._about.pointer_bytes
        return None
