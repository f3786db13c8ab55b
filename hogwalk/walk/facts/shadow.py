"""A thread's kernel shadow stack (x64, CET): the return addresses of the calls that have not returned, in order.

_KTHREAD.KernelShadowStackBase and KernelShadowStackLimit bound it (offsets by types); a guard page lies at each end.
One word for each call, the newest lowest; an interrupt or exception in kernel mode puts CS, RIP and the shadow stack
pointer there (Intel SDM, volume 1, "Control-flow Enforcement Technology").  What lies below the pointer are entries of
calls that have returned, and the pointer is not always known: so what is read may begin with such.
"""

from __future__ import annotations

from typing import Callable, FrozenSet, List, Optional, Sequence, Tuple

from hogwalk.errors import Unreadable
from hogwalk.machine.windows import PAGE
from hogwalk.machine.words import X86
from hogwalk.model import Region
from hogwalk.targets.protocol import Target
from hogwalk.walk.facts import kernel

MOST_BYTES = 64 << 10
FIELDS = ("KernelShadowStackBase", "KernelShadowStackLimit")


def shadow_entries(target: Target, region: Region) -> Tuple[int, ...]:
    """The words of the shadow stack of the region's thread, the newest first; none where the target holds none."""
    if target.about().words is X86 or not target.about().kernel or region.thread is None:
        return ()
    ends: List[Optional[int]] = []
    for name in FIELDS:
        at = target.field("_KTHREAD", name)
        ends.append(None if at is None else kernel.word(target, region.thread + at))
    base, limit = ends
    if not base or not limit:
        return ()
    low, high = (limit & -PAGE) + PAGE, (base & -PAGE) - PAGE  # the low bits of Limit hold its type
    if not 0 < high - low <= MOST_BYTES:
        return ()
    words: List[int] = []
    for start in range(low, high, PAGE):
        try:
            words.extend(target.about().words.unpack(target.read(start, PAGE)))
        except Unreadable:
            words.clear()  # what lies newer than a hole is not known to be linked with what lies older
    return tuple(words)


def neighbours(entries: Sequence[int], is_code: Callable[[int], bool]) -> FrozenSet[Tuple[int, int]]:
    """The pairs of return addresses that follow each other on a shadow stack, the newer one first."""
    order = [word for word in entries if is_code(word)]
    return frozenset(zip(order, order[1:]))
