"""From a finished run to a crash dump file, by the fixtures' dump writer."""

from __future__ import annotations

import struct

from fixtures.build.machine import BugCheck, Image, Machine, Region, Registers, Thread
from tests.lab import abi
from tests.lab.damage import Damage
from tests.lab.emulate import Run
from tests.lab.minidump import write_minidump
from tests.lab.styles import Style
from tests.lab.truth import Truth
from tests.lab.world import World


def program_dump(style: Style, run: Run, truth: Truth) -> bytes:
    """The minidump of a program: the stack from ESP up, or from ESP's page, and what the style gives besides."""
    (segment,) = truth.segments
    modules = [{**module, "end": module["base"] + abi.PROGRAM_ROOM - 0x4000} for module in truth.modules]
    teb = struct.pack("<8I", 0xFFFFFFFF, segment.base, segment.limit, 0, 0, 0, abi.TEB, 0)
    return write_minidump(
        modules,
        (truth.limit, run.stacks[0][truth.limit - segment.limit :]),
        run.registers if truth.registers_known else None,
        (abi.TEB, teb) if style.has("teb") else None,
    )


def case_machine(world: World, run: Run, damage: Damage, truth: Truth) -> Machine:
    """The machine to dump: all modules and segments, with the style's damage, registers only where known."""
    images = tuple(
        Image(
            one.file,
            one.base,
            data,
            one.timestamp,
            one.checksum,
            "\\WINDOWS\\system32\\" if one.name == "nt" else "\\SystemRoot\\System32\\Drivers\\",
            damage.missing_code.get(one.name),
        )
        for one, data in zip(world.images, run.images)
    )
    stacks = tuple(Region(segment.limit, data) for segment, data in zip(world.segments, run.stacks))
    known = Registers(**run.registers)
    fault = world.symbol("nt", "_KiTrap08") + 1  # the double fault's own task, on a stack that is not in the dump
    return Machine(
        images=images,
        thread=Thread(truth.limit, truth.base, address=abi.THREAD),
        stack=stacks,
        context=Registers(eip=fault, esp=abi.DOUBLE_FAULT_STACK),
        bugcheck=BugCheck(0x7F, (8, 0x80042000, 0, 0)),
        tss=known if truth.registers_known else None,
        extra=(Region(abi.IO, run.pool),),
        unreadable=frozenset(damage.unreadable_pages),
    )
