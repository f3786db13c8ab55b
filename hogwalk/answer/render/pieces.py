"""The debugger's walk in pieces (x64): the kf commands, and their rows as one walk."""

from __future__ import annotations

from typing import Iterator, List

from hogwalk.answer.render.table import PLAIN, Look, hexa, paragraphs, table
from hogwalk.machine.words import shown
from hogwalk.model import Frame
from hogwalk.walk.heal.pieces import Pieces


def render_pieces(found: Pieces, look: Look = PLAIN) -> Iterator[str]:
    """What one walk found, what the pieces find, their commands, and all rows with those that kf passes over."""
    live = {frame.return_slot for frame in found.own}
    rows = {frame.return_slot: frame for frame in found.frames}
    before = len({frame.return_slot for frame in found.before} & live)
    words = [
        ("Before", f"the debugger's best walk has {before} of the reconstruction's {len(live)} frames"),
        ("Healed", f"in {len(found.walks)} pieces it has {len(rows.keys() & live)}"),
    ]
    for at, walk in enumerate(found.walks):
        words.append(("Pieces" if at == 0 else "", f"{walk.command}: {len(walk.frames)} frames; {walk.stop}"))
    yield from paragraphs(iter(words), look)
    yield ""
    heads = ("Memory", "Child-SP", "RetAddr", "who", "function")
    cells = [_row(rows.get(frame.return_slot, frame), frame.return_slot in rows) for frame in found.own]
    yield from table(heads, cells, ("who", "function"), look.width)


def _row(frame: Frame, shown_by_kf: bool) -> List[str]:
    memory = "" if frame.bytes is None else f"{frame.bytes:x}"
    name = frame.symbol.text() if frame.symbol is not None else f"0x{shown(frame.instruction)}"
    who = "kf" if shown_by_kf else "passed over"
    return [memory, hexa(frame.frame_ptr), hexa(frame.return_address), who, name]
