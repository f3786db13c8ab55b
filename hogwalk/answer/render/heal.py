"""The debugger's walk under FPO overrides, row by row, with what hogwalk's own walk says of each."""

from __future__ import annotations

from typing import FrozenSet, Iterator, List, Sequence, Tuple

from hogwalk.answer.render.table import PLAIN, Look, hexa, paragraphs, table
from hogwalk.machine.words import shown
from hogwalk.model import Frame
from hogwalk.walk.heal.heal import Healed, slots_of

SAME, PASSED_OVER, OTHER = "same", "passed over", "absent"


def render_heal(healed: Healed, look: Look = PLAIN) -> Iterator[str]:
    """What the overrides change, the walk under them, and how to undo them or that they are gone."""
    yield from paragraphs(_sums(healed), look)
    if healed.overrides:
        yield ""
        heads = ("Memory", "ChildEBP", "RetAddr", "hogwalk", "function")
        yield from table(heads, _rows(healed), ("hogwalk", "function"), look.width)
        yield ""
    yield from paragraphs(_state(healed), look)


def _sums(healed: Healed) -> Iterator[Tuple[str, str]]:
    slots = slots_of(healed.own[1:])
    yield "Before", f"the debugger's best walk has {_count(healed.before, slots)}"
    yield "Healed", f"with {healed.overrides} FPO overrides it has {_count(healed.after.frames, slots)}"
    yield "Start", healed.after.command


def _count(rows: Sequence[Frame], slots: FrozenSet[int]) -> str:
    found = slots_of(rows)
    others = len(found - slots)
    return f"{len(found & slots)} of hogwalk's {len(slots)} frames and {others} other row{'s' * (others != 1)}"


def _rows(healed: Healed) -> List[List[str]]:
    """kf's rows and, between them, the frames that it passes over, newest first."""
    shown, known = slots_of(healed.after.frames), slots_of(healed.own)
    missing = [frame for frame in healed.own[1:] if frame.return_slot not in shown]
    rows = [
        *((frame, SAME if frame.return_slot in known else OTHER) for frame in healed.after.frames),
        *((frame, PASSED_OVER) for frame in missing),
    ]
    return [_row(frame, mark) for frame, mark in sorted(rows, key=lambda row: row[0].return_slot)]


def _row(frame: Frame, mark: str) -> List[str]:
    memory = "" if frame.bytes is None else f"{frame.bytes:x}"
    name = frame.symbol.text() if frame.symbol is not None else f"0x{shown(frame.instruction)}"
    return [memory, hexa(frame.frame_ptr), hexa(frame.return_address), mark, name]


def _state(healed: Healed) -> Iterator[Tuple[str, str]]:
    if healed.kept:
        yield "Kept", "the overrides stay in force for k, kv and the stack windows; the Start line walks again"
        yield "Undo", "; ".join(healed.undo)
        return
    if healed.better:
        yield "Removed", "the overrides are gone again; --keep leaves them in force"
    else:
        yield "Removed", "the overrides bring kf no closer to hogwalk's walk, so they are gone again"
