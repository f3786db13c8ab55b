"""Overflowed kernel stacks of real code: downloaded files as drivers, run in an emulator down to the guard page.

python -m tests.real.stacks -o DIR [-n SEEDS] [-f FOLDER]

Writes DIR/real/SEED (no registers) and DIR/real-regs/SEED (the double fault's registers in the dump), each with
memory.dmp, symbols and truth.json as tests.lab writes them, so that `python -m tests.rebuild.calibrate DIR` measures
them.  One to three earlier runs on the same stack leave what they leave; every live frame's return address is compared
with the emulator's at the end.  About a minute a seed; what the files' functions take is measured first (python -m
tests.real), where it is not kept.  FOLDER holds other PE files to run, such as drivers, instead of those.
"""

from __future__ import annotations

import argparse
import json
import shutil
import struct
import sys
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, Dict, List, Optional, Sequence, Tuple

from fixtures.build.kdump32 import write_dump
from fixtures.build.machine import Image as Loaded
from fixtures.build.machine import Machine, Region, Registers, Thread
from tests.lab import abi
from tests.lab import image as lab_image
from tests.lab.__main__ import seeds
from tests.lab.plan import plan_modules
from tests.lab.source import module_source
from tests.lab.styles import STYLES
from tests.lab.toolchain import Built, ToolError, build
from tests.lab.truth import SCHEMA, Frame
from tests.real.__main__ import MOST_FUNCTIONS
from tests.real.drivers import HEAP, STUBS, Driver, driver, first_returns, stubs
from tests.real.pe import PAGE
from tests.real.threads import ALL, EIP, ESP, NAMES, RunError, Runner
from tests.real.wheels import FILES, RealFile, UnreachableError, cache_root, content, own_files

NT, STACK_BYTES = 0x80800000, 0x3000
NEAR, FEWEST = 0x1000, 20  # live frames: else it is no case
FEWEST_FUNCTIONS = 3
LARGEST = 0x180000  # bytes of a file: dumps stay small
DRIVERS = ("avflt", "fsmon", "volenc", "netmon", "kbdmon", "dfsrv", "hbadrv")
ATTEMPTS = 40


@lru_cache(maxsize=None)
def kernel(seed: int) -> Built:
    """The lab's nt, with its PDB."""
    style, rng = STYLES["drivers"], Random(seed)
    plan = next(plan for plan in plan_modules(style, rng) if plan.name == "nt")
    return build(plan, module_source(plan, style, rng), NT, [])


def finished(seed: int, of: Sequence[RealFile], functions: int) -> Tuple[Runner, List[Driver], Built, lab_image.Image]:
    """A run that ended at the guard page with every return address in its place; raises RunError."""
    rng = Random(f"real/{seed}")
    files = rng.sample(of, min(len(of), len(DRIVERS)))
    places = rng.sample(range(0xB8000000, 0xBA000000, 0x200000), len(DRIVERS))
    drivers = [driver(name, file, at, functions) for name, file, at in zip(DRIVERS, files, places)]
    built = kernel(1)
    nt = lab_image.load("nt", built.image)
    limit = 0xBA000000 + PAGE * rng.randrange(0x100, 0x1000)
    for _ in range(ATTEMPTS):
        runner = Runner(drivers, nt, (limit, limit + STACK_BYTES), rng)
        try:
            for _ in range(rng.randint(1, 3)):
                start(runner, built, rng.randrange(limit, limit + STACK_BYTES - 0x800))
            start(runner, built, 0)
        except RunError:
            continue
        deep = runner.machine.reg_read(ESP) < limit + NEAR  # farther off an alloca of a made-up size ended the run
        if deep and runner.sound() and len(runner.live) >= FEWEST:
            return runner, drivers, built, nt
    raise RunError(f"seed {seed}: no run came to its end")


def small() -> List[RealFile]:
    """The downloaded files that are no programs and not large."""
    return [file for file in FILES if file.path.endswith((".pyd", ".dll")) and is_small(file)]


def is_small(file: RealFile) -> bool:
    """Whether dumps that hold the file stay small."""
    return len(content(file, cache_root())) <= LARGEST


def with_functions(files: Sequence[RealFile]) -> List[RealFile]:
    """The files that are not large and of which enough functions are known to make a stack."""
    return [file for file in files if is_small(file) and len(first_returns(file, MOST_FUNCTIONS)) >= FEWEST_FUNCTIONS]


def start(runner: Runner, built: Built, floor: int) -> None:
    """A system thread from its first instruction on."""
    esp = runner.base - abi.NPX_BYTES - 0x14
    words = built.symbols["_PspSystemThreadStartup@8"], 0, HEAP  # what it calls is one of those that lead nowhere
    runner.run(built.symbols["_KiThreadStartup"], {ESP: esp, ALL[5]: 0}, words, floor)


def frames(runner: Runner, drivers: Sequence[Driver]) -> List[Frame]:
    """The live frames, newest first, as tests.lab has them."""
    found: List[Frame] = []
    running: int = runner.machine.reg_read(EIP)
    newer: Optional[int] = None
    for live in reversed(runner.live):
        module = next((one.name for one in drivers if one.image.base <= running < one.end), "nt")
        if STUBS <= running < STUBS + 2 * PAGE:
            module = "hal"
        size = None if newer is None else live.slot - newer
        found.append(Frame(live.slot, live.returns, module, live.entry, "", live.entry, "call", size, False))
        running, newer = live.returns - 1, live.slot
    return found


def write(seed: int, root: Path, of: Sequence[RealFile], functions: int = MOST_FUNCTIONS) -> None:
    """The cases of a seed, with some of the files; raises RunError, ToolError, UnreachableError."""
    runner, drivers, built, nt = finished(seed, of, functions)
    read = runner.machine.mem_read
    images = [_loaded(nt.file, nt.base, bytes(nt.data)), _loaded("hal.dll", STUBS, stubs())]
    for one in drivers:  # a run from a made-up state may write into its own header: that is as the file has it
        start, size = one.image.base, len(one.image.memory)
        held = bytes(one.image.memory[:PAGE]) + bytes(read(start + PAGE, size - PAGE))
        images.append(_loaded(f"{one.name}.sys", start, held))
    registers = {name.lower(): runner.machine.reg_read(register) for name, register in zip(NAMES, ALL)}
    registers["eip"] = runner.machine.reg_read(EIP)
    stack = bytes(read(runner.limit, runner.base - runner.limit))
    truth: Dict[str, Any] = {
        "schema": SCHEMA,
        "seed": seed,
        "limit": runner.limit,
        "base": runner.base,
        "registers": registers,
        "unreadable_pages": [],
        "modules": _modules(drivers, nt),
        "frames": [asdict(frame) for frame in frames(runner, drivers)],
    }
    for style, known in (("real", False), ("real-regs", True)):
        folder = root / style / str(seed)
        (folder / "symbols").mkdir(parents=True, exist_ok=True)
        machine = Machine(
            images=tuple(images),
            thread=Thread(runner.limit, runner.base, address=abi.THREAD),
            stack=(Region(runner.limit, stack),),
            context=Registers(eip=built.symbols["_KiTrap08"] + 1, esp=abi.DOUBLE_FAULT_STACK),
            tss=Registers(**registers) if known else None,
        )
        write_dump(folder / "memory.dmp", machine)
        if built.pdb is not None:
            shutil.copy(str(built.pdb), str(folder / "symbols" / built.pdb.name))
        document = {**truth, "style": style, "registers_known": known}
        (folder / "truth.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def _loaded(name: str, base: int, data: bytes) -> Loaded:
    header = struct.unpack_from("<I", data, 0x3C)[0]
    return Loaded(name, base, data, timestamp=struct.unpack_from("<I", data, header + 8)[0])


def _modules(drivers: Sequence[Driver], nt: lab_image.Image) -> List[Dict[str, Any]]:
    """What truth.json says of the modules."""
    common = {"readable": True, "functions": []}
    found: List[Dict[str, Any]] = [
        {"name": "nt", "file": nt.file, "base": nt.base, "end": nt.end, "code": [*nt.code], "symbols": True,
         "third_party": False, "kind": "lab", **common}
    ]  # fmt: skip
    for one in drivers:
        code = [*one.image.code[0]]
        found.append(
            {"name": one.name, "file": one.file.name, "base": one.image.base, "end": one.end, "code": code,
             "symbols": False, "third_party": True, "kind": f"linker {one.image.linker}", **common}
        )  # fmt: skip
    return found


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Writes the cases of all seeds; 3 where a compiler or a wheel is missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.real.stacks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder that the cases go to")
    parser.add_argument("-n", "--seeds", type=seeds, default=seeds("1-30"), help="like 1-30")
    parser.add_argument(
        "-f", "--files", type=Path, help="a folder of PE files (drivers, say) in place of downloaded ones"
    )
    options = parser.parse_args(arguments)
    try:
        files = small() if options.files is None else with_functions(own_files(options.files))
        for seed in options.seeds:
            try:
                write(seed, options.output, files)
            except RunError as error:
                print(f"real stacks: {error}", file=sys.stderr)
    except (ToolError, UnreachableError) as error:
        print(f"real stacks: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
