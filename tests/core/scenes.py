"""Scenes that several tests play on: a ring of functions that call each other, a kernel thread, whole runs."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import List, Optional, Tuple

from hogwalk.analysis import Run
from hogwalk.answer.report.document import Report
from hogwalk.machine.windows import Kdbg
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.model import BugCheck, Frame, Region, Source, Symbol, Triple, Trust, Version
from hogwalk.targets.protocol import Target
from hogwalk.walk.evidence import Evidence, Request, gather
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.facts.links import LinkJudge
from hogwalk.walk.facts.modules import ModuleMap
from hogwalk.walk.facts.sites import CallSites
from hogwalk.walk.kf.frames import FrameReader
from tests.drawn import FUNCTION, Code, DrawnTarget, Stack

LIMIT, BASE = 0xB8AE6000, 0xB8AE9000
THREAD = 0x8974AC00
REGION = Region(LIMIT, BASE, THREAD, "drawn")
RING = 24  # functions in the ring
SERVICE = Version("Drawn Software, Inc.", "Drawn Filter", "", "1.0")


def silent(doing: str) -> None:
    """Tells nobody."""


def ring(module: Code, count: int = RING, name: str = "Ring") -> List[int]:
    """Draws functions that each call the next, the last the first; the return addresses in calling order.

    A frame that runs at item k has the return address k-1: the call before that one targets the function k lies in.
    """
    offsets = [0x1000 + FUNCTION * number for number in range(count)]
    for number, offset in enumerate(offsets):
        module.function(offset, f"{name}{number}")
    onward = [module.start + offset for offset in offsets[1:] + offsets[:1]]
    return [module.call(offset + 0x20, called) for offset, called in zip(offsets, onward)]


@dataclass(frozen=True)
class Machine:
    """A kernel target with nt and hog (PDBs), both with a ring, and no stack yet.

    `bridge` is the return address of a `call eax` in nt!Ring0, as a dispatch into any driver.
    """

    target: DrawnTarget
    nt: Code
    hog: Code
    nt_ring: List[int]
    hog_ring: List[int]
    bridge: int


def machine(kind: str = "kernel dump", bugcheck: Optional[BugCheck] = None) -> Machine:
    """The usual machine."""
    target = DrawnTarget(kind, bugcheck)
    nt, hog = Code("nt", 0x80800000), Code("hog", 0xB9580000)
    rings = ring(nt), ring(hog)
    bridge = nt.call_register(0x1030)
    target.load(nt, hog)
    target.version_data["hog"] = SERVICE
    target.version_data["nt"] = Version("Microsoft Corporation", "Windows", "", "5.2")
    return Machine(target, nt, hog, *rings, bridge)


def with_thread(target: DrawnTarget, limit: int = LIMIT, base: int = BASE) -> None:
    """Draws a _KTHREAD and the types that tell its fields."""
    target.current_thread = THREAD
    target.fields = {("_KTHREAD", "StackLimit"): 0x1C, ("_KTHREAD", "StackBase"): 0x158}
    target.put_words(THREAD + 0x1C, limit)
    target.put_words(THREAD + 0x158, base)


def with_processor(target: DrawnTarget, limit: int, base: int, registers: Tuple[int, int, int]) -> None:
    """Draws a data block, a KPCR that runs THREAD, and TSS 28 with (eip, esp, ebp)."""
    pcr, array, gdt, tss = 0xFFDFF000, 0x808A0000, 0x8003F000, 0x80042000
    block = bytearray(0x340)
    struct.pack_into("<q", block, Kdbg.PROCESSOR_BLOCK, array - (1 << 32))
    target.block = bytes(block)
    target.put_words(array, pcr + 0x120, 0)
    target.put_words(pcr + 0x124, THREAD)
    target.put_words(pcr + 4, base, limit)
    target.put_words(pcr + 0x3C, gdt)
    target.put(gdt + 0x28, struct.pack("<HHBBBB", 0x20AB, tss & 0xFFFF, tss >> 16 & 0xFF, 0x89, 0, tss >> 24))
    target.put_words(tss + 0x20, registers[0])
    target.put_words(tss + 0x38, registers[1], registers[2])


def block_with_initial_stack(offset: int) -> bytes:
    """A data block that knows where _KTHREAD.InitialStack lies, and nothing else."""
    block = bytearray(0x340)
    struct.pack_into("<H", block, Kdbg.INITIAL_STACK, offset)
    return bytes(block)


def draw_chain(stack: Stack, slots: List[int], codes: List[int], last: int = 0) -> None:
    """Draws frames: each slot's saved EBP points to the next slot, the last one holds `last`."""
    for slot, onward, code in zip(slots, [*slots[1:], last], codes):
        stack.go(slot).word(onward, code)


def newest_first(addresses: List[int], count: int) -> List[int]:
    """Return addresses of a linked chain, newest frame first: calling order backwards, around the ring."""
    return [addresses[-1 - number % len(addresses)] for number in range(count)]


def evidence_of(target: Target, stack: Stack) -> Evidence:
    """What hogwalk gathers about a drawn stack."""
    return gather(target, Request(stack.limit, stack.base), silent)


def report_of(target: Target, wanted: Optional[Request] = None, triple: Optional[Triple] = None) -> Report:
    """The report of a whole run; the range from the thread unless wanted otherwise."""
    return Run(target, wanted or Request(), triple, silent).report()


def frame_reader(evidence: Evidence) -> FrameReader:
    """Reads walks over that evidence."""
    return FrameReader(evidence.image, evidence.sites, evidence.judge, evidence.traps)


def image_of(stack: Stack) -> StackImage:
    """A drawn stack as an image without holes."""
    raw = stack.image()
    return StackImage(Region(stack.limit, stack.base, None, "drawn"), struct.unpack(f"<{len(raw) // 4}I", raw), ())


def judge_for(target: DrawnTarget, words: List[int]) -> LinkJudge:
    """A judge who knows the symbols of these code words."""
    reader = CodeReader(target.read)
    sites = CallSites(ModuleMap(target.modules(), reader), reader)
    return LinkJudge(sites, dict(zip(words, target.symbols(words))), words)


def usual_stack(scene: Machine, frames: int = 12, size: int = 0x100) -> Stack:
    """A stack with one linked chain, hog above nt, drawn into the machine together with its thread."""
    stack = Stack(LIMIT, BASE)
    above = frames // 2
    codes = [*newest_first(scene.hog_ring, above), scene.bridge, *newest_first(scene.nt_ring, frames - above - 1)]
    draw_chain(stack, [LIMIT + 0x80 + size * number for number in range(frames)], codes)
    scene.target.put(LIMIT, stack.image())
    with_thread(scene.target)
    return stack


def frame(module: str, name: str, size: Optional[int], slot: int = LIMIT) -> Frame:
    """A frame of a function, for tests of sums."""
    symbol = Symbol(module, name, 4) if module else None
    return Frame(slot - 4, slot, 0, 0, size, symbol, Source.KF, Trust.CALL)
