"""What a report from a live machine says of the line it came over."""

from __future__ import annotations

import contextlib
import re
from typing import Iterator, List, Optional

from hogwalk.answer.render.table import Look, wrapped
from hogwalk.errors import BadInput, CommandFailed, HogwalkError
from hogwalk.machine.words import shown
from hogwalk.targets.line import Line
from hogwalk.targets.protocol import Target
from hogwalk.walk.facts.image import StackImage

PLACES, PLACE_BYTES = 4, 64  # a look at each costs two requests, 500 bytes on the wire


def line_of(target: Target) -> Optional[Line]:
    """The line to a live machine; None where nothing crosses one."""
    found: Optional[Line] = getattr(target, "line", None)
    return found if found is not None and target.about().live else None


@contextlib.contextmanager
def said(line: Optional[Line]) -> Iterator[None]:
    """An error that comes of a line that has ended speaks of the line."""
    try:
        yield
    except HogwalkError as error:
        if line is None or line.ended is None:
            raise
        raise BadInput(f"{line.ended.wrong}: {error.wrong}", line.ended.remedy) from error


def partial(line: Line, look: Look) -> List[str]:
    """Above a report: that and why it is not whole."""
    if line.ended is None:
        return []
    words = f"{line.ended.wrong}; this is made of what had been read by then; {line.ended.remedy}"
    return list(wrapped("Partial", words, look.prose))


def changed(target: Target, image: Optional[StackImage], look: Look) -> List[str]:
    """Above a report: that the stack is no longer what was read, where a look at a few places of it says so.

    The debugger's search asks the machine itself; its reads would answer from the engine's cache.
    """
    if image is None or not target.about().kernel:
        return []
    region, machine = image.region, image.machine
    step = max(PLACE_BYTES, region.size // PLACES // PLACE_BYTES * PLACE_BYTES)
    for address in range(region.limit, region.base - PLACE_BYTES + 1, step):
        words = [image.word(at) for at in range(address, address + PLACE_BYTES, machine.word)]
        if None in words or not any(words):
            continue
        raw = b"".join((word or 0).to_bytes(machine.word, "little") for word in words)
        pattern = " ".join(f"{byte:02x}" for byte in raw)
        try:
            found = target.command(f"s -b {machine.typed(address)} L{PLACE_BYTES:x} {pattern}")
        except CommandFailed:
            return []
        if not re.search(rf"^{shown(address)}\b", found.replace("`", ""), re.MULTILINE):
            line = line_of(target)
            if line is None or line.ended is not None:
                return []
            words_said = (
                f"the stack at {shown(address)} is no longer what was read: the machine runs, or memory changes"
            )
            return list(wrapped("Changed", f"{words_said}; stop it, and run this again", look.prose))
    return []
