"""The truth of a case: the live frames, whose bytes are whose, and how every module was made.

A frame record is one return slot.  `module` and `function` name the code that runs in the frame, that is, the code
that will return through the slot: at the fault for the newest frame, at the newer frame's return address for all
others.  `bytes` is the distance to the newer frame's slot (null for the newest of a segment): (newer slot, own
slot] belongs to the frame's module, as kf charges it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from tests.lab.emulate import Run
from tests.lab.toolchain import Built, versions
from tests.lab.world import Segment, World

SCHEMA = "hogwalk-lab-truth/1"
DEBUG_EIP = 0x68 - 0x04  # from a trap frame's Eip down to its DbgEip, the copy an EBP walk sees


@dataclass(frozen=True)
class Frame:
    """One live frame, newest first in Truth; addresses in bytes; kind is call, int (int 2eh) or trap (page fault)."""

    return_slot: int
    return_address: int
    module: str
    function: int
    function_name: str
    called: int
    kind: str
    bytes: Optional[int]
    saved_ebp_slot: bool
    also: Tuple[int, ...] = ()


@dataclass(frozen=True)
class Truth:
    """Everything known about a case; as_json gives the document of truth.json."""

    style: str
    seed: int
    limit: int
    base: int
    segments: Tuple[Segment, ...]
    registers: Dict[str, int]
    registers_known: bool
    bottom: str
    events: Tuple[str, ...]
    unreadable_pages: Tuple[int, ...]
    frames: Tuple[Frame, ...]
    modules: Tuple[Dict[str, Any], ...]

    def frames_in_current_segment(self) -> List[Frame]:
        """Frames whose slot lies in [limit, base), newest first."""
        return [frame for frame in self.frames if self.limit <= frame.return_slot < self.base]

    def bytes_by_module(self) -> Dict[str, int]:
        """Bytes of the current segment's frames by module (the newest frame has none)."""
        sums: Dict[str, int] = {}
        for frame in self.frames_in_current_segment():
            sums[frame.module] = sums.get(frame.module, 0) + (frame.bytes or 0)
        return sums

    def as_json(self) -> Dict[str, Any]:
        """The document of truth.json: addresses and bytes are plain numbers."""
        document: Dict[str, Any] = {"schema": SCHEMA, **asdict(self)}
        document["bytes_by_module"] = self.bytes_by_module()
        document["tools"] = dict(versions())
        return document


def make_frames(world: World, run: Run) -> Tuple[Frame, ...]:
    """The live frames of the run, newest first."""
    frames: List[Frame] = []
    service = world.symbol("nt", "_KiSystemService")
    running, newer = run.registers["eip"], None
    for live in reversed(run.live):
        module = world.module_at(running)
        entry, name = function_at(world.built, running)
        same = newer is not None and _segment(world, newer) == _segment(world, live.slot)
        below = _word(world, run, live.slot - 4)
        frames.append(
            Frame(
                live.slot,
                live.return_address,
                module,
                entry,
                name,
                live.entry,
                live.kind,
                live.slot - newer if same and newer is not None else None,
                live.kind == "call" and live.slot < below < live.slot + 0x3000,
                (live.slot - DEBUG_EIP,) if live.kind == "trap" or live.entry == service else (),
            )
        )
        running, newer = live.return_address, live.slot
        if live.kind != "trap":
            running -= 1
    return tuple(frames)


def function_at(built: Sequence[Built], address: int) -> Tuple[int, str]:
    """(entry, linker name) of the code symbol at or below the address; (0, "") outside every module's code."""
    best = (0, "")
    for module in built:
        symbols = module.code_symbols
        at = bisect_right(symbols, (address, "\x7f")) - 1
        if at >= 0 and symbols[at][0] > best[0] and address - symbols[at][0] < 0x40000:
            best = symbols[at]
    return best


def module_record(built: Built, base: int, end: int, code: Tuple[int, int], readable: bool) -> Dict[str, Any]:
    """How one module was made, and its function entries, so that errors can be analysed."""
    plan = built.plan
    return {
        "name": plan.name,
        "file": plan.file,
        "base": base,
        "end": end,
        "code": list(code),
        "kind": plan.kind,
        "flags": list(plan.flags),
        "symbols": plan.symbols,
        "third_party": plan.third_party,
        "readable": readable,
        "functions": [[address, name] for address, name in built.code_symbols],
    }


def _segment(world: World, address: int) -> int:
    for index, segment in enumerate(world.segments):
        if segment.holds(address):
            return index
    raise ValueError(f"slot {address:08x} lies in no segment")


def _word(world: World, run: Run, address: int) -> int:
    for segment, data in zip(world.segments, run.stacks):
        if segment.holds(address):
            at = address - segment.limit
            return int.from_bytes(data[at : at + 4], "little")
    return 0
