"""The candidate return slots of an x64 stack: words behind calls at 8 modulo 16, and what the processor pushed."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import AbstractSet, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence

from hogwalk.machine.x64.prologue import MACHINE_FRAME
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.sites import SiteKind
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.nodes import Node

KERNEL_CODE, USER_CODE = 0x10, 0x33  # code segments (ntddk.h: KGDT64_R0_CODE, KGDT64_R3_CODE | RPL_MASK)
SEGMENTS = frozenset((KERNEL_CODE, USER_CODE))
KERNEL_STACK_SEGMENTS, USER_STACK_SEGMENTS = (0x18, 0), (0x2B,)
ALWAYS_SET, NEVER_SET = 0x2, 0xFFFFFFFFFFC08028  # RFLAGS
USER_END = 1 << 47
KERNEL_START = 0xFFFF800000000000
FUNCTION_ALIGNMENT = 16
GENERATED, GENERATED_BITS, FEWEST_GENERATED = 1 << 32, 20, 3  # the least address; 1 MB; how many lie together


class MachineFrame(NamedTuple):
    """What the processor pushed: the slot of RIP, RIP, the RSP it had, and whether that was user mode."""

    slot: int
    rip: int
    rsp: int
    user: bool


def machine_frames(evidence: Evidence) -> Dict[int, MachineFrame]:
    """The machine frames of a stack by the slot of RIP: RIP, CS, RFLAGS, RSP, SS."""
    words, image = evidence.image.words, evidence.image
    found: Dict[int, MachineFrame] = {}
    segments = sorted(at for segment in SEGMENTS for at in _places(words, segment))
    for index in [at - 1 for at in segments if 0 < at < len(words) - 3]:
        segment = words[index + 1]
        rip, flags, rsp, stack_segment = words[index], words[index + 2], words[index + 3], words[index + 4]
        if not flags & ALWAYS_SET or flags & NEVER_SET:
            continue
        user = segment == USER_CODE
        slot = image.region.limit + image.machine.word * index
        if user and rip < USER_END and rsp < USER_END and stack_segment in USER_STACK_SEGMENTS:
            found[slot] = MachineFrame(slot, rip, rsp, True)
        elif not user and stack_segment in KERNEL_STACK_SEGMENTS and rip >= USER_END and rsp >= USER_END:
            if slot < rsp < slot + MACHINE_FRAME:
                continue  # it would lie on what it pushed
            found[slot] = MachineFrame(slot, rip, rsp, False)
    return found


def _places(words: Sequence[int], wanted: int) -> Iterator[int]:
    """The indices of a word that few of a stack's words are."""
    at = -1
    with contextlib.suppress(ValueError):
        while True:
            at = words.index(wanted, at + 1)
            yield at


def nodes(
    evidence: Evidence,
    frames: Dict[int, MachineFrame],
    kf_slots: AbstractSet[int],
    known: Optional[AbstractSet[int]] = None,
) -> List[Node]:
    """The candidates of a stack, lowest slot first; where the live ones are `known`, these alone."""
    image = evidence.image
    machine, limit = image.machine, image.region.limit
    found: List[Node] = []
    foreign, symbols = _foreign(evidence), evidence.symbols
    size, kernel = machine.word, evidence.about.kernel
    every, first = machine.slot_step // size, (machine.slot_at - limit) % machine.slot_step // size
    framed = {(slot - limit) // size for slot in (frames if known is None else known & frames.keys())}
    indices: Iterable[int] = range(first, len(image.words), every)
    if known is not None:
        indices = [(slot - limit) // size for slot in known]
    words = image.words
    if kernel:  # as below, but this is what nearly every word is
        indices = [at for at in indices if words[at] >= KERNEL_START or words[at] in symbols]
    for index in sorted({*indices, *framed}) if framed or known is not None else indices:
        word = words[index]
        slot = limit + size * index
        frame = frames.get(slot)
        if frame is not None:
            mask = int(Clue.TRAP_FRAME) | (int(Clue.KF) if slot in kf_slots else 0)
            found.append(Node(slot, word, mask, None, frame.rsp, 0, 0, False))
            continue
        if word in foreign:
            node: Optional[Node] = _unread(evidence, slot, word, int(Clue.FOREIGN))
        elif word in evidence.symbols or _elsewhere(evidence, word):
            node = _called(evidence, slot, word)
        else:
            continue
        if node is not None:
            found.append(node._replace(clues=node.clues | int(Clue.KF)) if slot in kf_slots else node)
    return found


def _elsewhere(evidence: Evidence, word: int) -> bool:
    """Whether a word can be an address in code of no module: generated, or of a driver that was unloaded."""
    return word >= KERNEL_START and word not in evidence.region and evidence.modules.at(word) is None


def _foreign(evidence: Evidence) -> AbstractSet[int]:
    """Words of a program's stack that can be addresses in generated code, which lies in no module and cannot be read.

    Data begin at multiples of 8, and one such address does not come alone.
    """
    if evidence.about.kernel:
        return frozenset()
    region = evidence.region
    found = {
        word
        for word in evidence.image.words
        if GENERATED <= word < USER_END and word % 8 and word not in region and evidence.modules.at(word) is None
    }
    near = Counter(word >> GENERATED_BITS for word in found)
    return {word for word in found if near[word >> GENERATED_BITS] >= FEWEST_GENERATED}


def _called(evidence: Evidence, slot: int, word: int) -> Optional[Node]:
    site = evidence.sites.at(word)
    behind = slot + evidence.image.machine.word
    if site.kind is SiteKind.CALL and evidence.about.kind == "text":
        # A log shows the call alone; how its function keeps its frame is not known.
        return _unread(evidence, slot, word, int(Clue.CALLED))._replace(target=site.target)
    if site.kind is SiteKind.CALL:
        return Node(slot, word, int(Clue.CALL), site.target, behind, 0, 0, False)
    if site.kind is not SiteKind.UNREAD or evidence.modules.in_headers(word):
        return None
    return _unread(evidence, slot, word, 0)


def _unread(evidence: Evidence, slot: int, word: int, clues: int) -> Node:
    looks = int(Clue.ALIGNED) if word % FUNCTION_ALIGNMENT == 0 else 0
    looks |= int(Clue.ALIGNED_8) if word % evidence.image.machine.word == 0 else 0
    behind = slot + evidence.image.machine.word
    return Node(slot, word, int(Clue.UNREAD) | looks | clues, None, behind, 0, looks, False)
