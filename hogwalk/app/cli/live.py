"""What a report from a live machine says of the line it came over."""

from __future__ import annotations

import argparse
import contextlib
import re
from typing import Callable, Iterator, List, Optional

from hogwalk.analysis import Run
from hogwalk.answer.render.first import render_first
from hogwalk.answer.render.table import Look, counted, wrapped
from hogwalk.answer.report.notes import unlisted_words
from hogwalk.app.cli.host import door_of
from hogwalk.app.cli.output import complain, show
from hogwalk.errors import BadInput, CommandFailed, HogwalkError, Unreadable
from hogwalk.machine.words import X86, shown
from hogwalk.targets.line import CACHE_LINE, INTERRUPTED, WALK_INTERRUPTED, Line
from hogwalk.targets.protocol import Target
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.facts.modules import Unlisted
from hogwalk.walk.kf.first import first_look

DETACH = ".detach"  # of a live kernel: it goes on, and the engine holds nothing any more (dbgeng 10.0.15063)
NEEDLESS = ("frame",)  # commands to which the debugger's walk adds nothing
LONG = 5.0  # seconds that nobody should wait without having been asked
REPORTS = ("triage", "walk", "usage", "verdict", "charge")  # commands that the first answer is a first answer to
# What a walk of the debugger's costs, by a byte of the stack: requests, bytes on the wire.  Of x86 as measured with
# StackHog (2,664 and 577,961 for 12,288 bytes: it looks around stack words), of x64 as in eight generated overflows
# (2.4 requests and 680 bytes a row).
WALK_COST = {4: (0.22, 47.0), 8: (0.012, 3.4)}
PLACES, PLACE_BYTES = 3, 64  # a look at each costs two requests, 500 bytes on the wire


def line_of(target: Target) -> Optional[Line]:
    """The line to a live machine; None where nothing crosses one."""
    found: Optional[Line] = getattr(target, "line", None)
    return found if found is not None and target.about().live else None


def kf_policy(target: Target, options: argparse.Namespace) -> Callable[[int], str]:
    """Says why the debugger's walk of a stack of so many bytes is not made; "" where it is cheap or asked for."""

    line = line_of(target)

    def unasked(size: int) -> str:
        if line is None or not target.about().kernel:  # a program of this very machine is at no wire's end
            return ""
        requests, count = WALK_COST[target.about().pointer_bytes]
        seconds = line.seconds(int(size * requests), int(size * count)) or 0.0
        line.walk_seconds = seconds
        if options.kf:
            if seconds > LONG:
                complain(f"kf takes about {seconds:.0f} s on this line; without --kf hogwalk's own walk comes alone")
            return ""
        if seconds > LONG:
            return f"kf not run; --kf adds about {seconds:.0f} s on this line"
        return "kf not run, for it adds nothing here; --kf runs it" if options.command in NEEDLESS else ""

    return unasked


# What a report's own reads cost: requests and bytes on the wire, of an address's code (on x64 with unwind data), by the
# size of a pointer, and of a module's version data.
CODE_COST = {4: (1.0, 350.0), 8: (1.3, 450.0)}
VERSION_COST = (3.5, 1500.0)


def first_lines(run: Run, look: Look) -> List[str]:
    """The first answer: what is known before any code is read."""
    seen = run.seen()
    found = first_look(seen.image, seen.registers, seen.modules)
    return [*unlisted(seen.unlisted, look), *render_first(seen.image, found, look)]


def beforehand(run: Run, line: Line, options: argparse.Namespace, look: Look) -> None:
    """Prints the first answer where the line is slow, and says how long the rest takes, and what is cheaper."""
    seen = run.seen()
    if not seen.about.kernel:
        return
    found = first_look(seen.image, seen.registers, seen.modules)
    if line.seconds(1, 1) is None and found.addresses:  # the engine held all: one of the lines to come tells the speed
        with contextlib.suppress(Unreadable):
            run.target.read(found.addresses[0] & -CACHE_LINE, CACHE_LINE)
    requests, count = CODE_COST[seen.about.pointer_bytes]
    addresses, modules = len(found.addresses), len(found.pointing)
    code = line.seconds(int(addresses * requests), int(addresses * count)) or 0.0
    versions = line.seconds(int(modules * VERSION_COST[0]), int(modules * VERSION_COST[1])) or 0.0
    if code + versions <= LONG:
        return
    if options.command in REPORTS:
        show(first_lines(run, look), door_of(options))
    unwind = "" if seen.image.machine is X86 else " and unwind data"
    complain(
        f"on this line the code{unwind} of {addresses} addresses takes about {code:.0f} s, the versions of "
        f"{counted(modules, 'module')} {versions:.0f} s; `triage --first` reads none of it"
    )


def cost(line: Line, look: Look) -> List[str]:
    """Below a report: what crossed the line."""
    requests, count = line.small.requests + line.large.requests, line.small.bytes + line.large.bytes
    seconds = line.small.seconds + line.large.seconds
    words = (
        f"{requests} round trips for memory, {count} bytes on the wire, {seconds:.1f} s; {line.commands} commands of "
        f"the debugger, {line.command_seconds:.1f} s, whose bytes only the debugger knows"
    )
    return list(wrapped("Cost", words, look.prose))


@contextlib.contextmanager
def said(line: Optional[Line]) -> Iterator[None]:
    """An error that comes of a line that has ended speaks of the line."""
    try:
        yield
    except HogwalkError as error:
        if line is None or line.ended is None:
            raise
        raise BadInput(f"{line.ended.wrong}: {error.wrong}", line.ended.remedy) from error


@contextlib.contextmanager
def going_on(target: Target, line: Optional[Line], options: argparse.Namespace) -> Iterator[None]:
    """A machine that ran until -k stopped it runs again at the end, whatever happens, unless it is to stay stopped."""
    try:
        yield
    finally:
        if line is not None and line.stopped_here and not options.stay:
            _let_go(target, line)


def _let_go(target: Target, line: Line) -> None:
    # The engine's last request is then a Continue.  A line that no longer answers is left alone: it would never return.
    if line.ended not in (None, INTERRUPTED, WALK_INTERRUPTED):
        complain(f"the machine was not let go: {line.ended.wrong}")
        return
    line.ended = None
    try:
        target.command(DETACH)
    except CommandFailed as error:
        complain(f"the machine was not let go ({error.wrong}); connect a debugger and type g")


def partial(line: Line, look: Look) -> List[str]:
    """Above a report: that and why it is not whole."""
    if line.ended is None:
        return []
    words = f"{line.ended.wrong}; this is made of what had been read by then; {line.ended.remedy}"
    return list(wrapped("Partial", words, look.prose))


def unlisted(found: Optional[Unlisted], look: Look) -> List[str]:
    """Above a report: that the debugger has not read the machine's list of modules yet."""
    return [] if found is None else list(wrapped("Modules", unlisted_words(found), look.prose))


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
        if not re.search(rf"^{shown(address)}\b", found, re.MULTILINE):
            line = line_of(target)
            if line is None or line.ended is not None:
                return []
            words_said = (
                f"the stack at {shown(address)} is no longer what was read: the machine runs, or memory changes"
            )
            return list(wrapped("Changed", f"{words_said}; stop it, and run this again", look.prose))
    return []
