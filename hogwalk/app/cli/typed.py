"""What the user typed, made into addresses, triples and frames of the target at hand."""

from __future__ import annotations

import argparse
import re
from typing import Any, List, Optional, Sequence, Tuple

from hogwalk.answer.report.document import Report
from hogwalk.app.cli.options import Expression, literal
from hogwalk.errors import BadInput, UsageError
from hogwalk.machine.words import X86, hexa, shown
from hogwalk.model import Frame, Triple
from hogwalk.targets.protocol import Target
from hogwalk.walk.facts.region import find_region

LENGTH = re.compile(r"l\??(?=.)", re.IGNORECASE)  # of a range: a count of words, not its end
WALK = re.compile(r"k[a-z]*\s*=\s*", re.IGNORECASE)


def resolve(options: argparse.Namespace, target: Target) -> None:
    """Puts numbers in the place of expressions, addresses without their sign's extension where pointers are short."""
    for name in ("limit", "base", "thread", "context"):
        setattr(options, name, number(getattr(options, name, None), target))


def number(typed: Any, target: Target) -> Optional[int]:
    """The address that a literal or an expression stands for; raises UsageError where it has no value."""
    if isinstance(typed, Expression):
        value = target.evaluate(typed)
        if value is None:
            raise UsageError(f"the debugger finds no value for {str(typed)!r}", "try it with `?`")
        return value
    if typed is None:
        return None
    words = target.about().words
    short = int(typed) & words.mask
    return short if words.typed(short) == hexa(typed) else int(typed)


def span(words: Sequence[str], thread: Optional[int], target: Target) -> Tuple[int, int]:
    """The range of a `stack` command line: LIMIT BASE, LIMIT L<words> as for `dps`, or LIMIT up to Base."""
    if len(words) > 2:
        raise UsageError(f"stack takes LIMIT BASE or nothing, not {len(words)} words")
    limit = number(one(words[0]), target)
    assert limit is not None
    if len(words) == 2:
        count = LENGTH.match(words[1])
        end = number(one(words[1][count.end() :] if count else words[1]), target)
        assert end is not None
        return limit, limit + end * target.about().words.word if count else end
    own = find_region(target, None, None, thread)
    if limit not in own:
        raise BadInput(
            f"{shown(limit)} is not on this stack ({shown(own.limit)}..{shown(own.base)})",
            "of another stack give both ends, or LIMIT L<words>",
        )
    return limit, own.base


def triple(words: Sequence[str], target: Target) -> Optional[Triple]:
    """The start of a `walk` command line: three words (x86), two (x64), or a whole `kf=` line; None without words."""
    if not words:
        return None
    pointers = ("BASEPTR STACKPTR INSTRUCTIONPTR", "STACKPTR INSTRUCTIONPTR")[target.about().words is not X86].split()
    plain = WALK.sub("", " ".join(words), count=1).split()
    count = len(pointers)
    if len(plain) not in (count, count + 1):  # the last is kf's own count of frames
        given = f"{len(plain)} word{'s' * (len(plain) != 1)}"
        raise UsageError(f"walk takes {' '.join(pointers)}, a kf= line, or nothing, not {given}")
    numbers: List[int] = []
    for word in plain[:count]:
        found = number(one(word), target)
        assert found is not None
        numbers.append(found)
    return Triple(numbers[0] if count > 2 else None, *numbers[-2:])


def one(word: str) -> Any:
    """A word as an address or an expression; raises UsageError where it can be neither."""
    from hogwalk.app.cli.options import address

    try:
        return address(word)
    except argparse.ArgumentTypeError as error:
        raise UsageError(str(error), "give addresses as the debugger prints them") from None


def chosen_frame(report: Report, which: str, target: Target) -> int:
    """The index of the frame with that number or ChildEBP, or that holds the address; raises BadInput without one."""
    frames = report.frames
    plain = which[1:] if which.startswith("#") else which
    wanted = literal(plain)
    if which.startswith("#"):
        if wanted is not None and wanted < len(frames):
            return wanted
    else:
        wanted = number(one(which), target)
        sized = [at for at, frame in enumerate(frames) if frame.frame_ptr == wanted]
        inside = [at for at, frame in enumerate(frames) if wanted is not None and _holds(frame, wanted, report)]
        if sized or inside:
            return max(sized or inside, key=lambda at: frames[at].bytes or 0)
        if wanted is not None and wanted < len(frames):
            return wanted
    last: Frame = frames[-1]
    raise BadInput(
        f"no frame {which}",
        f"give a ChildEBP of `walk`, or 0 to {len(frames) - 1:x} (the last is {shown(last.frame_ptr or 0)})",
    )


def _holds(frame: Frame, address: int, report: Report) -> bool:
    # A frame's bytes end with its return address.
    end = frame.top(report.about.words.word)
    return end - (frame.bytes or 0) <= address < end
