"""Damaged dumps and symbol files, by the thousand: `python -m tests.dump.fuzz COUNT [FIRST]`.

Case number N is always the same damage.  Every case must end in an answer or in one clear line (BadInput), within 5
seconds of processor time, and the whole run within 300 MB.
"""

from __future__ import annotations

import random
import struct
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from hogwalk.errors import BadInput, Unreadable
from hogwalk.targets.dump import DumpTarget, open_dump
from tests.dump import machine64
from tests.dump.contents import STACKHOG, stackhog
from tests.dump.minidumps import user32, wow64
from tests.dump.small import triage32
from tests.dump.small64 import triage64
from tests.dump.writers import BITMAP_KERNEL, FULL, SUMMARY, kernel32

SECONDS, MEGABYTES = 5.0, 300
_EXTREMES = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
_HEADS = (0x100, 0x400, 0x1000, 0x2100)
_READ_CAP = 64  # modules, threads asked
_ADDRESSES = 12  # per module


class Slow(Exception):
    """A case took too long."""


@dataclass(frozen=True)
class Seed:
    """A sound dump with the folder of its symbols; `files` are what is damaged: the dump, or its symbols."""

    dump: Path
    symbols: Path
    files: Tuple[Path, ...]


def seeds(folder: Path) -> List[Seed]:
    """Writes the sound files into `folder`."""
    contents = stackhog()
    symbols, wide = folder / "symbols", folder / "wide"
    symbols.mkdir()
    wide.mkdir()
    for path in (STACKHOG / "symbols").iterdir():
        (symbols / path.name).write_bytes(path.read_bytes())
    (wide / "ntkrnlmp.pdb").write_bytes(machine64.nt_pdb())
    (wide / "tiny-64.sys").write_bytes(machine64.DRIVER_IMAGE)
    written: Dict[str, Tuple[bytes, Path]] = {
        "full": (kernel32(contents, FULL), symbols),
        "pae": (kernel32(contents, FULL, pae=True), symbols),
        "summary": (kernel32(contents, SUMMARY), symbols),
        "small": (triage32(contents), symbols),
        "user": (user32(contents, full=False), symbols),
        "whole": (user32(contents, full=True), symbols),
        "wow": (wow64(contents), symbols),
        "full64": (machine64.kernel64(FULL), wide),
        "small64": (triage64(), wide),
        "bitmap64": (machine64.kernel64(BITMAP_KERNEL), wide),
    }
    found: List[Seed] = []
    for name, (data, place) in written.items():
        path = folder / f"{name}.dmp"
        path.write_bytes(data)
        found.append(Seed(path, place, (path,)))
    found.append(Seed(folder / "full64.dmp", wide, tuple(wide.iterdir())))
    found.append(Seed(folder / "full.dmp", symbols, tuple(symbols.iterdir())))
    return found


def damage(data: bytes, chance: random.Random) -> bytes:
    """The same file with some of it changed, cut off or doubled."""
    if chance.random() < 0.08:
        return data[: chance.choice((0, 1, 8, chance.randrange(len(data)), chance.choice(_HEADS)))]
    raw = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 3, 8, 40))):
        near = chance.choice(_HEADS) if chance.random() < 0.6 else len(raw)
        at = chance.randrange(min(near, len(raw)))
        kind = chance.randrange(4)
        if kind == 0:
            raw[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            value = chance.choice((*_EXTREMES, len(raw), chance.getrandbits(32), at))
            width = chance.choice((2, 4, 4, 4, 8))
            raw[at & ~3 : (at & ~3) + width] = (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")
        elif kind == 2:
            size = chance.choice((4, 8, 64, 4096))
            source = chance.randrange(len(raw))
            raw[at : at + size] = raw[source : source + size]
        else:
            size = chance.choice((1, 4, 256))
            raw[at : at + size] = chance.getrandbits(8 * size).to_bytes(size, "little")
    return bytes(raw)


def ask(target: DumpTarget) -> None:
    """Every question of the protocol; raises what the target raises."""
    target.about()
    target.thread()
    target.registers()
    target.debugger_block()
    modules = target.modules()
    for module in modules[:_READ_CAP]:
        step = max((module.end - module.start) // _ADDRESSES, 1)
        target.symbols(range(module.start, module.end, step))
    target.versions([module.name for module in modules[:_READ_CAP]])
    target.field("_KTHREAD", "StackLimit")
    for count, stack in enumerate(target.threads()):
        if stack.limit is None or count > _READ_CAP:
            break
    limit, base = target.stack() or (0xB8AE6000, 0xB8AE9000)
    for address in range(limit, min(base, limit + 0x10000), 0x1000):
        try:
            struct.unpack("<1024I", target.read(address, 0x1000))
        except Unreadable:
            continue
    assert all("\n" not in note for note in target.notes)


def run_case(number: int, sound: Sequence[Seed]) -> str:
    """Runs one case; "answered" or "refused".  Raises Slow, or whatever escaped."""
    chance = random.Random(number)
    seed = chance.choice(sound)
    path = chance.choice(seed.files)
    original = path.read_bytes()
    started = time.process_time()
    path.write_bytes(damage(original, chance))
    outcome = ""
    try:
        outcome = _outcome(seed)
    finally:
        path.write_bytes(original)
        if not outcome:
            print(f"case {number}: {path.name} damaged, opening {seed.dump.name}")
    if time.process_time() - started > SECONDS:
        raise Slow(f"case {number} took {time.process_time() - started:.1f} s")
    return outcome


def _outcome(seed: Seed) -> str:
    try:
        ask(open_dump(str(seed.dump), str(seed.symbols), str(seed.symbols)))
    except BadInput as error:
        refusal = error
    else:
        return "answered"
    assert refusal.remedy
    assert "\n" not in refusal.line()
    return "refused"


def peak_megabytes() -> float:
    """The most memory this process ever held; 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0.0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: Sequence[str]) -> int:
    """Runs COUNT cases from number FIRST on and stops at the first that escapes; 0 when all ended well."""
    count = int(arguments[0]) if arguments else 1000
    first = int(arguments[1]) if len(arguments) > 1 else 0
    tally = {"answered": 0, "refused": 0}
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        sound = seeds(Path(folder))
        for number in range(first, first + count):
            tally[run_case(number, sound)] += 1
    print(f"{count} cases in {time.perf_counter() - started:.0f} s: {tally}; peak {peak_megabytes():.0f} MB")
    return 1 if peak_megabytes() > MEGABYTES else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
