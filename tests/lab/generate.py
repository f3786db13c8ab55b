"""One case from a style and a seed: build, run, damage, and write memory.dmp, symbols/ and truth.json."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Dict, List, Optional, Tuple

from fixtures.build.kdump32 import write_dump
from tests.lab import abi, image
from tests.lab.damage import Damage, plan_damage
from tests.lab.dumping import case_machine, program_dump
from tests.lab.emulate import Emulator, Run, RunError
from tests.lab.plan import ModulePlan, plan_modules
from tests.lab.scan import call_returns
from tests.lab.source import module_source
from tests.lab.styles import STYLES, Style
from tests.lab.toolchain import Built, build
from tests.lab.truth import Truth, make_frames, module_record
from tests.lab.world import World, make_pool, place_modules, place_program, place_stack

_EXPORTERS = ("nt", "fltmgr", "shlpr")
_ATTEMPTS = 24


@dataclass(frozen=True)
class Case:
    """One finished case on disk."""

    style: str
    seed: int
    dump: Path
    symbols: Path
    truth: Truth


def generate(style_name: str, seed: int, folder: Path) -> Case:
    """Write memory.dmp, symbols/ and truth.json into folder; the same style and seed give the same bytes.

    Raises KeyError for an unknown style, ToolError without the compilers, RunError when no run overflows as planned.
    """
    style = STYLES[style_name]
    rng = Random(f"{style_name}/{seed}")
    built = build_modules(style, rng)
    world, run, bottom = _run(style, seed, built, rng)
    damage = plan_damage(style, world, run, rng)
    truth = _truth(style, seed, world, run, damage, bottom)
    folder.mkdir(parents=True, exist_ok=True)
    dump, symbols = folder / "memory.dmp", folder / "symbols"
    if style.has("user"):
        dump.write_bytes(program_dump(style, run, truth))
    else:
        write_dump(dump, case_machine(world, run, damage, truth))
    _copy_symbols(symbols, built)
    (folder / "truth.json").write_text(json.dumps(truth.as_json(), indent=1) + "\n", "utf-8")
    return Case(style_name, seed, dump, symbols, truth)


def build_modules(style: Style, rng: Random) -> Tuple[Built, ...]:
    """The 8 linked modules; those that export to others are linked first."""
    plans = plan_modules(style, rng)
    bases = (place_program if style.has("user") else place_modules)([plan.name for plan in plans], rng)
    sources = {plan.name: module_source(plan, style, rng) for plan in plans}
    done: Dict[str, Built] = {}

    def make(plan: ModulePlan) -> Built:
        libraries = [done[name].library for name in _EXPORTERS if name != plan.name and name in done]
        return build(plan, sources[plan.name], bases[plan.name], libraries)

    for plan in (plan for name in _EXPORTERS for plan in plans if plan.name == name):
        done[plan.name] = make(plan)
    rest = [plan for plan in plans if plan.name not in done]
    with ThreadPoolExecutor(2) as pool:
        for plan, result in zip(rest, pool.map(make, rest)):
            done[plan.name] = result
    return tuple(done[plan.name] for plan in plans)


def _run(style: Style, seed: int, built: Tuple[Built, ...], rng: Random) -> Tuple[World, Run, str]:
    """Run until a run ends at the guard page with the style's event in its live frames."""
    images = tuple(image.load(module.plan.name, module.image) for module in built)
    by_file = {one.file: one for one in images}
    for one in images:
        image.bind(one, by_file)
    area = abi.PROGRAM_STACKS if style.has("user") else abi.KERNEL_STACKS
    segments = place_stack(style.stack_bytes, 2 if style.has("segment") else 1, rng, area)
    decoys = rng.sample(call_returns(images), 600) if style.has("decoy") else []
    bottom = "thread" if style.has("user") else rng.choice(("syscall", "thread"))
    last: Optional[RunError] = None
    for attempt in range(_ATTEMPTS):
        pool = bytearray(make_pool(built, images, decoys, 64 * seed + attempt, rng))
        world = World(built, images, segments, bytes(pool))
        emulator = Emulator(world)
        try:
            _rehearse(emulator, world, bottom, style, rng)
            run = emulator.run(_start(emulator, world, bottom, style, rng), *_stop(world, style, rng))
        except RunError as error:
            last = error
            continue
        if _wanted(style, world, run):
            return world, run, bottom
    raise RunError(f"no run of style {style.name}, seed {seed} ended as planned ({last})")


def _rehearse(emulator: Emulator, world: World, bottom: str, style: Style, rng: Random) -> None:
    """One to three earlier runs by other ways, of which whole chains of dead frames stay on the stack."""
    segment = world.segments[0]
    for _ in range(rng.randint(1, 3)):
        start = _start(emulator, world, bottom, style, rng)
        emulator.write(abi.field_address("seed"), rng.getrandbits(32))
        lowest = max(segment.limit, segment.base - 0x20000) if not style.has("huge") else segment.base - 0x80000
        emulator.rehearse(start, rng.randrange(lowest, segment.base - 0x800))


def _stop(world: World, style: Style, rng: Random) -> Tuple[int, int, int]:
    """Where a program's run ends: it crashes or waits somewhere, with most of its stack unused."""
    if not style.has("user"):
        return 0, 0, 0
    deepest = 0x80000 if style.has("huge") else 0x6000
    floor = world.segments[0].base - rng.randrange(deepest // 8, deepest)
    return floor, rng.randint(0, 20), world.symbol("nt", "_KiFastSystemCallRet") if style.has("wait") else 0


def _start(emulator: Emulator, world: World, bottom: str, style: Style, rng: Random) -> Dict[str, int]:
    """Words in memory and registers with which the thread starts: at a system call or at its first instruction."""
    top = world.segments[0].base
    if style.has("interrupt"):
        floors = (rng.randrange(0x800, style.stack_bytes - 0x1000), rng.randrange(0x400, 0x800))
        emulator.interrupts = list(floors[: rng.randint(1, 2)])
    if style.has("trap") or style.has("segment"):
        emulator.write(abi.field_address("countdown"), rng.randint(2, 10))
    if style.has("segment"):
        emulator.write(abi.field_address("seg_base"), world.segments[1].base, world.segments[1].limit)
    emulator.write(abi.field_address("esp0"), top - abi.NPX_BYTES - 0x10)
    emulator.write(
        abi.field_address("services"), world.symbol("nt", "_KiServiceTable"), world.symbol("nt", "_KiArgumentTable")
    )
    if bottom == "syscall":
        emulator.write(abi.USER_PAGE + 0x808, *[rng.randrange(0x400) for _ in range(12)])
        return {
            "eip": world.symbol("nt", "_KiFastCallEntry"),
            "esp": top - 0x300,
            "ebp": abi.USER_PAGE + 0x840,
            "eax": rng.randrange(6),
            "edx": abi.USER_PAGE + 0x800,
        }
    esp = top - 0x14 if style.has("user") else top - abi.NPX_BYTES - 0x14
    emulator.write(
        esp,
        world.symbol("nt", "_PspSystemThreadStartup@8"),
        world.symbol("nt", "_PspStartRoutine@4"),
        rng.choice((0, abi.IRPS)),
    )
    return {"eip": world.symbol("nt", "_KiThreadStartup"), "esp": esp, "ebp": 0}


def _wanted(style: Style, world: World, run: Run) -> bool:
    """The overflow happened in the main line, with trap frame or second segment live where the style says so.

    A program's run ended before its stack did.
    """
    if style.has("user"):
        return world.segments[0].holds(run.registers["esp"])
    kinds = [live.kind for live in run.live]
    if style.has("trap"):
        service = world.symbol("nt", "_KiSystemService")
        return "trap" in kinds and any(live.entry == service for live in run.live)
    if style.has("interrupt"):
        return "trap" in kinds
    if style.has("segment"):
        return world.segments[1].holds(run.live[-1].slot)
    return True


def _truth(style: Style, seed: int, world: World, run: Run, damage: Damage, bottom: str) -> Truth:
    current = next(s for s in world.segments if s.limit - 0x1000 <= run.registers["esp"] <= s.base)
    limit = current.limit
    if style.has("user"):
        limit = run.registers["esp"] if style.has("context") else run.registers["esp"] & ~0xFFF
    records = tuple(
        module_record(built, one.base, one.end, one.code, not style.has("user") and one.name not in damage.missing_code)
        for built, one in zip(world.built, world.images)
    )
    return Truth(
        style.name,
        seed,
        limit,
        current.base,
        world.segments,
        run.registers,
        style.has("regs") or style.has("context"),
        bottom,
        run.events,
        damage.unreadable_pages,
        make_frames(world, run),
        records,
    )


def _copy_symbols(folder: Path, built: Tuple[Built, ...]) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    files: List[Path] = [module.pdb for module in built if module.pdb is not None]
    for file in files:
        shutil.copyfile(str(file), str(folder / file.name))
