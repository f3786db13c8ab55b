"""One case of the x64 lab: built, run, damaged, written; and how a walk of it scores."""

from __future__ import annotations

import json
import shutil
import struct
from bisect import bisect_left
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from hogwalk.targets.dump import DumpTarget, open_dump
from tests.lab64.build import Image, build
from tests.lab64.dump import SHADOW, SHADOW_BYTES, Loaded, Machine, Stack, context, write_bitmap, write_dump
from tests.lab64.emulate import CONTROL_BYTES, IST_TOP, POOL, Emulator, Run, RunError
from tests.lab64.small import write_small
from tests.lab64.styles import FIRST_PARTY, MODULES, STYLES, Style

WORD, MACHINE_FRAME = 8, 40
ATTEMPTS = 30
FEWEST = 30  # live frames that a case must have
VERSION = 5  # of the cases: a new number makes all of them anew


@dataclass(frozen=True)
class Case:
    """A case on disk and its truth (see `truth.json`: addresses are plain numbers, frames newest first)."""

    folder: Path
    truth: Dict[str, Any]

    @property
    def dump(self) -> Path:
        """The dump file."""
        return self.folder / "memory.dmp"

    @property
    def symbols(self) -> Path:
        """The folder of PDBs."""
        return self.folder / "symbols"

    @property
    def images(self) -> Path:
        """The folder of image files: what a small dump needs."""
        return self.folder / "images"

    def target(self) -> DumpTarget:
        """The dump, opened by the own reader."""
        return open_dump(str(self.dump), str(self.symbols), str(self.images) if self.images.exists() else "")


def case(style_name: str, seed: int, root: Path) -> Case:
    """The case of a style and a seed, made unless it lies under `root` already."""
    folder = root / f"{style_name}-{seed}"
    if not (folder / "truth.json").exists() or json.loads((folder / "truth.json").read_text())["version"] != VERSION:
        _generate(STYLES[style_name], seed, folder)
    return Case(folder, json.loads((folder / "truth.json").read_text("utf-8")))


def _generate(style: Style, seed: int, folder: Path) -> None:
    images = build(style, seed)
    rng = Random(f"{style.name}:{seed}")
    run = _run(images, style, rng)
    wiped = _wiped(style, run, rng)
    absent = _absent(style, rng)
    hidden = {image.base for image in images if image.name in absent or style.has("small")}
    memory = [(at, _overwritten(at, data, wiped, rng)) for at, data in run.memory if at not in hidden]
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "symbols").mkdir(parents=True)
    for image in images:
        if image.pdb is not None and image.name not in absent:
            shutil.copy(image.pdb, folder / "symbols")
    listed = [Loaded(i.name, i.file, i.base, len(i.data), i.timestamp, i.checksum) for i in images]
    gone = [one for one in listed if one.name in absent] if style.has("unloaded") else []
    fault = run.fault
    check = (0x7F, 8, run.trap_frame, fault["rsp"], fault["rip"])
    if style.has("shadow"):
        memory.append((SHADOW, _shadow(run, rng)))
    initial = run.base - (CONTROL_BYTES if style.has("segment") else 0x390)
    stack = Stack(run.limit, run.base, initial, IST_TOP, style.has("shadow"))
    loaded = [one for one in listed if one not in gone]
    machine = Machine(loaded, gone, memory, stack, context(run.crash), check)
    if style.has("small"):
        (folder / "images").mkdir()
        for image in images:
            if image.name in FIRST_PARTY:
                shutil.copy(image.folder / image.file, folder / "images")
        write_small(folder / "memory.dmp", machine)
    elif style.has("bitmap"):
        write_bitmap(folder / "memory.dmp", machine, bool(seed % 2))
    else:
        write_dump(folder / "memory.dmp", machine)
    truth = _truth(style, seed, images, run, absent, wiped)
    (folder / "truth.json").write_text(json.dumps(truth, indent=1), "utf-8")


def _shadow(run: Run, rng: Random) -> bytes:
    """The shadow stack between its guard pages: entries of calls that have returned below, the live ones at its end.

    What interrupted kernel code pushed CS, RIP and the shadow stack pointer.
    """
    words: List[int] = []
    for live in run.live:
        if live.kind != "user":
            words += [SHADOW, live.address, 0x10] if live.kind == "machine" else [live.address]
    stale = [rng.choice(run.live).address for _ in range(20)]
    return struct.pack(f"<{len(stale) + len(words)}Q", *stale, *words).rjust(SHADOW_BYTES, b"\0")


def _absent(style: Style, rng: Random) -> Set[str]:
    """The modules whose code the dump lacks and for which there is no file either."""
    if style.has("small"):
        return set(MODULES) - set(FIRST_PARTY)
    if style.has("unloaded"):
        return {rng.choice([name for name in MODULES if name not in FIRST_PARTY])}
    dark = 2 if style.has("dark2") else 4 if style.has("dark4") else 0
    return set(rng.sample(MODULES[1:], dark)) if dark else set()


def _run(images: Sequence[Image], style: Style, rng: Random) -> Run:
    last: Optional[RunError] = None
    for _ in range(ATTEMPTS):
        try:
            run = Emulator(images, style, rng).run()
        except RunError as error:
            last = error
            continue
        kinds = [live.kind for live in run.live]
        wanted = kinds.count("machine") >= 2 if style.has("trap") else "machine" in kinds or not style.has("segment")
        if len(run.live) >= FEWEST and wanted:
            return run
    raise RunError(f"no run of {style.name} ends as planned: {last}")


def _wiped(style: Style, run: Run, rng: Random) -> Tuple[int, int]:
    if not style.has("wiped"):
        return 0, 0
    size = 16 * rng.randrange(0x20, 0x80)
    start = run.limit + 16 * rng.randrange(0x60, (run.base - run.limit - size) // 16 - 0x60)
    return start, start + size


def _overwritten(at: int, data: bytes, wiped: Tuple[int, int], rng: Random) -> bytes:
    low, high = max(at, wiped[0]), min(at + len(data), wiped[1])
    if low >= high:
        return data
    filler = bytes(rng.getrandbits(8) for _ in range(64))
    return data[: low - at] + (filler * ((high - low) // 64 + 1))[: high - low] + data[high - at :]


def _truth(
    style: Style, seed: int, images: Sequence[Image], run: Run, absent: Set[str], wiped: Tuple[int, int]
) -> Dict[str, Any]:
    frames: List[Dict[str, Any]] = []
    running, newer = run.fault["rip"], run.fault["rsp"] - WORD
    for live in run.live:
        inside = run.limit <= live.slot < run.base
        same = inside == (run.limit <= newer < run.base)
        frames.append(
            {
                "slot": live.slot,
                "address": live.address,
                "kind": live.kind,
                "module": _named(style, module_at(images, running), absent),
                "function": function_at(images, running),
                "bytes": live.slot - newer if same else None,
                "gone": wiped[0] <= live.slot < wiped[1],
            }
        )
        running, newer = live.address, live.slot
    return {
        "version": VERSION, "style": style.name, "seed": seed, "limit": run.limit, "base": run.base,
        "fault": run.fault, "crash": run.crash, "trap_frame": run.trap_frame, "absent": sorted(absent),
        "wiped": list(wiped), "frames": frames,
        "modules": [{"name": i.name, "base": i.base, "end": i.end} for i in images],
    }  # fmt: skip


def _named(style: Style, module: str, absent: Set[str]) -> str:
    return f"Unloaded_{module}" if style.has("unloaded") and module in absent else module


def module_at(images: Sequence[Image], address: int) -> str:
    """The module that holds an address, "" for none."""
    return next((image.name for image in images if image.base <= address < image.end), "")


def function_at(images: Sequence[Image], address: int) -> str:
    """The function that holds an address, "" for none."""
    for image in images:
        if image.base <= address < image.end:
            at = bisect_left(image.functions, (address + 1, "")) - 1
            return image.functions[at][1] if at >= 0 else ""
    return "(jit)" if POOL <= address < POOL + 0x10000 else ""


@dataclass(frozen=True)
class Score:
    """Shares from 0 to 1, and whether the module with most bytes is the true one."""

    recall: float
    precision: float
    bytes_right: float
    right_hog: bool
    missed: int
    wrong: int


def score(truth: Mapping[str, Any], found: Sequence[Tuple[int, str]]) -> Score:
    """Scores (return slot, module charged) pairs against the current segment's frames."""
    limit, base, wiped = truth["limit"], truth["base"], truth["wiped"]
    live = {f["slot"]: f["module"] for f in truth["frames"] if limit <= f["slot"] < base}
    wanted = {slot for slot in live if not wiped[0] <= slot < wiped[1]}
    got = {slot: module for slot, module in found if limit <= slot < base}
    counted = {slot for slot in got if not wiped[0] <= slot < wiped[1]}
    hits = len(wanted & counted)
    want, have = _owners(live, limit, base), _owners(got, limit, base)
    words = range(min(live), max(live) + WORD, WORD)
    same = sum(want.get(at) == have.get(at) for at in words)
    return Score(
        hits / len(wanted),
        hits / len(counted) if counted else 0.0,
        same / len(words),
        _hog(want) == _hog(have),
        len(wanted) - hits,
        len(counted) - hits,
    )


def owners(truth: Mapping[str, Any]) -> Dict[str, int]:
    """The true bytes of each module in the current segment, from the newest frame's start on."""
    sums: Dict[str, int] = {}
    start = max(truth["limit"], truth["fault"]["rsp"])
    for frame in truth["frames"]:
        if truth["limit"] <= frame["slot"] < truth["base"]:
            end = frame["slot"] + (WORD if frame["kind"] == "call" else MACHINE_FRAME)
            held = end - start
            sums[frame["module"]] = sums.get(frame["module"], 0) + held
            start = end
    return sums


def _owners(slots: Mapping[int, str], limit: int, base: int) -> Dict[int, str]:
    """The owner of each word up to the oldest slot: the frame whose slot is the next at or above it."""
    found: Dict[int, str] = {}
    at = limit
    for slot in sorted(slots):
        for word in range(at, slot + WORD, WORD):
            found[word] = slots[slot]
        at = slot + WORD
    return found


def _hog(owners: Mapping[int, str]) -> str:
    sums: Dict[str, int] = {}
    for owner in owners.values():
        sums[owner] = sums.get(owner, 0) + WORD
    return min(sums, key=lambda name: (-sums[name], name)) if sums else ""


def as_json(found: Score) -> Dict[str, Any]:
    """A score as plain numbers."""
    return asdict(found)
