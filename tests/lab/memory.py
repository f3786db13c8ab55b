"""The emulated machine's memory: modules, stack segments, pool, KPCR, KTHREAD, one user page; flat segments."""

from __future__ import annotations

import importlib
import struct
from typing import Any

from tests.lab import abi
from tests.lab.world import World

x86: Any = importlib.import_module("unicorn.x86_const")  # its annotations are too partial for mypy --strict


def map_world(machine: Any, world: World) -> None:
    """Maps everything and fills it; segments as a kernel has them."""
    for image in world.images:
        machine.mem_map(image.base, len(image.data))
    for segment in world.segments:
        machine.mem_map(segment.limit, segment.base - segment.limit)
    machine.mem_map(abi.IO, abi.POOL_BYTES)
    for page in (abi.PCR, abi.THREAD & ~0xFFF, abi.GDT & ~0xFFF, abi.USER_PAGE):
        machine.mem_map(page, 0x1000)
    fill(machine, world)
    _set_segments(machine)


def fill(machine: Any, world: World) -> None:
    """Modules, pool, KPCR and KTHREAD as they are when the thread starts; the stack stays as it is."""
    for image in world.images:
        machine.mem_write(image.base, bytes(image.data))
    machine.mem_write(abi.IO, world.pool)
    first = world.segments[0]
    _write(machine, abi.PCR, 0xFFFFFFFF, first.base, first.limit)
    _write(machine, abi.PCR + 0x1C, abi.PCR, abi.PCR + 0x120)
    _write(machine, abi.PCR + 0x124, abi.THREAD)
    _write(machine, abi.THREAD + 0x18, first.base, first.limit)


def _set_segments(machine: Any) -> None:
    """A GDT with ring 0 code and data, user data, and fs on the KPCR."""
    entries = [(0, 0), (0, 0x9B), (0, 0x93), (0, 0xFB), (0, 0xF3), (0, 0x8B), (abi.PCR, 0x93)]
    for i, (base, access) in enumerate(entries):
        if access:
            low = (base & 0xFFFF) << 16 | 0xFFFF
            high = base & 0xFF000000 | 0x00CF0000 | access << 8 | base >> 16 & 0xFF
            _write(machine, abi.GDT + 8 * i, low, high)
    machine.reg_write(x86.UC_X86_REG_GDTR, (0, abi.GDT, 0x3FF, 0))
    for register, selector in (
        (x86.UC_X86_REG_CS, 0x08),
        (x86.UC_X86_REG_SS, 0x10),
        (x86.UC_X86_REG_DS, 0x23),
        (x86.UC_X86_REG_ES, 0x23),
        (x86.UC_X86_REG_FS, 0x30),
    ):
        machine.reg_write(register, selector)


def _write(machine: Any, address: int, *words: int) -> None:
    machine.mem_write(address, struct.pack(f"<{len(words)}I", *words))
