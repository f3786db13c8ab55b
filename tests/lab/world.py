"""Where everything lies before the run: modules, stack segments, pool with driver objects, tables and strings."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from random import Random
from typing import Dict, List, Sequence, Tuple

from tests.lab import abi
from tests.lab.image import Image
from tests.lab.ntinterrupt import CODE
from tests.lab.toolchain import Built

_STRINGS = (
    "\\Device\\HarddiskVolume2\\Documents and Settings\\All Users\\ntuser.pol",
    "\\??\\C:\\WINDOWS\\system32\\config\\system",
    "\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services",
    "FileInfo-Minifilter",
    "\\Device\\LanmanRedirector\\;Z:0\\srv\\share",
    "S-1-5-21-854245398-1078081533-839522115-500",
    "*.tmp",
    "\\SystemRoot\\System32\\Drivers\\mup.sys",
)


@dataclass(frozen=True)
class Segment:
    """One stack segment: limit is its lowest address, base the first address behind it."""

    limit: int
    base: int

    def holds(self, address: int) -> bool:
        """True when the address lies in the segment."""
        return self.limit <= address < self.base


@dataclass(frozen=True)
class World:
    """Modules and memory at the start of the run; segments[0] is the one the thread starts on."""

    built: Tuple[Built, ...]
    images: Tuple[Image, ...]
    segments: Tuple[Segment, ...]
    pool: bytes

    def module_at(self, address: int) -> str:
        """Name of the module that holds the address, or ""."""
        for image in self.images:
            if image.base <= address < image.end:
                return image.name
        return ""

    def symbol(self, module: str, name: str) -> int:
        """Address of a linker symbol of a module; raises KeyError."""
        for built in self.built:
            if built.plan.name == module:
                return built.symbols[name]
        raise KeyError(module)


def place_modules(names: Sequence[str], rng: Random) -> Dict[str, int]:
    """A base for every module: nt where Windows puts it, drivers at random pages that never overlap."""
    slots = rng.sample(range(0xB8000000, 0xBA000000, 0x20000), len(names))
    bases = {name: slot + 0x1000 * rng.randrange(8) for name, slot in zip(names, slots)}
    bases["nt"] = 0x80800000
    return bases


def place_program(names: Sequence[str], rng: Random) -> Dict[str, int]:
    """A base for every module of a program, with room for the resources that a minidump's list counts to each."""
    slots = list(range(abi.PROGRAM, abi.PROGRAM + len(names) * abi.PROGRAM_ROOM, abi.PROGRAM_ROOM))
    rng.shuffle(slots)
    return dict(zip(names, slots))


def place_stack(stack_bytes: int, count: int, rng: Random, area: int) -> Tuple[Segment, ...]:
    """count segments of stack_bytes each, apart from the modules, with room for a guard page below each."""
    slots = rng.sample(range(area, area + 0x2000000, max(0x20000, 2 * stack_bytes)), count)
    starts = [slot + 0x1000 * rng.randrange(1, 8) for slot in slots]
    return tuple(Segment(start, start + stack_bytes) for start in starts)


def make_pool(built: Sequence[Built], images: Sequence[Image], decoys: Sequence[int], seed: int, rng: Random) -> bytes:
    """Initial bytes of the nonpaged pool at abi.IO: struct io, devices, drivers, IRP, strings and decoys."""
    pool = bytearray(abi.POOL_BYTES)

    def put(address: int, *words: int) -> None:
        struct.pack_into(f"<{len(words)}I", pool, address - abi.IO, *words)

    dispatch, callbacks = _entry_tables(built, images)
    drivers = sorted(dispatch)
    for i, name in enumerate(drivers):
        driver = abi.DRIVERS + 0x100 * i
        put(driver, 0x00A80004, abi.DEVICES + 0x20 * i)
        put(driver + 0x38, *[rng.choice(dispatch[name]) for _ in range(28)])
        put(abi.DEVICES + 0x20 * i, 0x00B80003, 1, driver, 0)
    put(abi.IRPS, 0x01000006, 0, 0, 0x09090000)
    put(abi.array_address("devices"), *[abi.DEVICES + 0x20 * (i % len(drivers)) for i in range(abi.DEVICE_SLOTS)])
    put(abi.array_address("callbacks"), *[rng.choice(callbacks) for _ in range(abi.CALLBACK_SLOTS)])
    code = _interrupt_code(built, images)
    put(abi.INTERRUPT, 0x01E40016, 0, 0, rng.choice(dispatch[rng.choice(drivers)]), abi.DEVICES)
    pool[abi.INTERRUPT - abi.IO + CODE : abi.INTERRUPT - abi.IO + CODE + len(code)] = code
    at = abi.STRINGS
    for i, text in enumerate(_STRINGS):
        data = text.encode("utf-16-le") + b"\0\0"
        pool[at - abi.IO : at - abi.IO + len(data)] = data
        put(abi.array_address("strings") + 4 * i, at)
        at += (len(data) + 7) & ~7
    words = list(decoys) or [0]
    put(abi.TABLES, *words)
    values = {
        "seed": seed * 2654435761 + 12345,
        "budget": 0x40000000,
        "paged": abi.STRINGS,
        "countdown": 0x7FFFFFFF,
        "irp": abi.IRPS,
        "decoy": abi.TABLES,
        "decoys": len(words),
    }
    for name, value in values.items():
        put(abi.field_address(name), value & 0xFFFFFFFF)
    return bytes(pool)


def _interrupt_code(built: Sequence[Built], images: Sequence[Image]) -> bytes:
    """nt's interrupt template as it stands in the KINTERRUPT object: with the object's address and a jump to nt."""
    module, image = next((one, image) for one, image in zip(built, images) if image.name == "nt")
    start, end = (module.symbols["_KiInterruptTemplate" + part] for part in ("", "End"))
    code = bytearray(image.data[start - image.base : end - image.base])
    code[-9:-5] = struct.pack("<I", abi.INTERRUPT)
    behind = abi.INTERRUPT + CODE + len(code)
    code[-4:] = struct.pack("<I", module.symbols["_KiInterruptDispatch"] - behind & 0xFFFFFFFF)
    return bytes(code)


def _entry_tables(built: Sequence[Built], images: Sequence[Image]) -> Tuple[Dict[str, List[int]], List[int]]:
    """Dispatch routines by driver and all callbacks, read from the tables inside the images."""
    dispatch: Dict[str, List[int]] = {}
    callbacks: List[int] = []
    for module, image in zip(built, images):
        roles = [function.role for function in module.plan.functions]
        table = module.symbols["_CallbackTable"]
        callbacks += [image.word(table + 4 * i) for i in range(roles.count("callback"))]
        if roles.count("dispatch"):
            table = module.symbols["_DispatchTable"]
            dispatch[image.name] = [image.word(table + 4 * i) for i in range(roles.count("dispatch"))]
    return dispatch, callbacks
