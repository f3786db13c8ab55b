"""From a finished run to a crash dump file, by the fixtures' dump writer."""

from __future__ import annotations

from fixtures.build.machine import BugCheck, Image, Machine, Region, Registers, Thread
from tests.lab import abi
from tests.lab.damage import Damage
from tests.lab.emulate import Run
from tests.lab.truth import Truth
from tests.lab.world import World


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
