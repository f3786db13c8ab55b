"""The first answer from a slow line, marked as such: what the stack's words say before any code is read."""

from __future__ import annotations

from typing import Iterator

from hogwalk.answer.charge.books import module_of, shares
from hogwalk.answer.render.line import Line
from hogwalk.answer.render.table import Look, Words, counted, paragraphs, percent, table
from hogwalk.machine.words import X86, shown
from hogwalk.walk.facts.gaps import gaps
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.kf.first import FirstLook

MARKED = "answer from saved EBPs and stack words only; code not read yet"
MARKED_X64 = "answer from stack words only; code not read yet, and only unwind data say how large a frame is"


def render_first(image: StackImage, found: FirstLook, look: Look) -> Iterator[Line]:
    """The first answer's lines."""
    region = image.region
    yield from paragraphs(_head(image, found), look)
    yield Line("")
    if image.machine is X86:
        held = shares(found.frames, module_of)
        rows = [[str(one.bytes), percent(one.bytes, region.size), str(one.frames), one.name] for one in held]
        yield from table(["bytes", "%", "frames", "module"], rows, ("module",), look.width)
        yield from paragraphs(_sum(image, found), look)
    else:
        most = sorted(found.pointing.items(), key=lambda one: (-one[1], one[0]))
        yield from table(["words", "module"], [[str(count), name] for name, count in most], ("module",), look.width)
    yield Line("")


def _head(image: StackImage, found: FirstLook) -> Words:
    region, frames = image.region, found.frames
    yield ("First", MARKED if image.machine is X86 else MARKED_X64)
    yield ("Stack", f"Limit {shown(region.limit)} Base {shown(region.base)}: {region.size} bytes")
    if frames:
        where = f"{shown(frames[0].return_slot)} to {shown(frames[-1].return_slot)}"
        yield (
            "Chain",
            f"{counted(len(frames), 'frame')}, return slots {where}; functions without EBP are missing",
        )
    elif image.machine is X86:
        yield ("Chain", "no chain of saved EBPs")
    else:
        pointing = sum(found.pointing.values())
        yield ("Words", f"{pointing} of {len(image.words)} point into modules, dead return addresses among them")


def _sum(image: StackImage, found: FirstLook) -> Words:
    unknown = sum(gap.bytes for gap in gaps(image.region, found.frames, image.holes, image.machine.word))
    walked = sum(frame.bytes or 0 for frame in found.frames)
    yield ("Sum", f"{walked} in the chain + {unknown} in gaps = {walked + unknown} = Base - Limit")
