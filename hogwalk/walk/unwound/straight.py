"""The walk that unwind data name exactly, from the start's registers to the stack's end: it leaves nothing to weigh."""

from __future__ import annotations

from typing import Mapping, Optional, Set

from hogwalk.machine.x64.unwind import RBP, Registers
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.sites import SiteKind
from hogwalk.walk.facts.unwinding import Unwinding
from hogwalk.walk.unwound.slots import MachineFrame


def straight(evidence: Evidence, unwinding: Unwinding, pushed: Mapping[int, MachineFrame]) -> Optional[Set[int]]:
    """The return slots of such a walk; None where a step leaves the least doubt.

    Each return address follows a call, not one of another function, up to a zero or to where the walk leaves the
    stack by what the processor `pushed`.  All other candidates of the stack are dead then.
    """
    start, region, image = evidence.registers, evidence.region, evidence.image
    if start is None or evidence.about.kind == "text" or evidence.shadow:
        return None
    found: Set[int] = set()
    rip, rsp, interrupted = start.ip, start.sp, True
    known: Registers = {RBP: start.bp}
    while True:
        caller = unwinding.caller(rip, rsp, known, interrupted)
        slot = None if caller is None else caller.slot
        if caller is None or slot is None or not max(rsp, region.limit) <= slot < region.base:
            return None
        known = caller.registers
        if caller.machine:
            frame = pushed.get(slot)
            if frame is None:
                return None
            found.add(slot)
            if not slot < frame.rsp < region.base:
                return found
            rip, rsp, interrupted = frame.rip, frame.rsp, True
            continue
        word = image.word(slot)
        if word == 0 and found:
            return found
        if word is None or not image.machine.aligned(slot) or not _calls(evidence, unwinding, word, rip):
            return None
        found.add(slot)
        rip, rsp, interrupted = word, caller.rsp, False


def _calls(evidence: Evidence, unwinding: Unwinding, return_address: int, running: int) -> bool:
    """Whether a call before a return address can have called the function that runs."""
    site = evidence.sites.at(return_address)
    if site.kind is not SiteKind.CALL:
        return False
    return site.target is None or unwinding.function(running) in (None, site.target)
