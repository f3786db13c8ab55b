"""Debugger logs and pasted text, opened as a target."""

from __future__ import annotations

import os
from collections import Counter
from typing import BinaryIO, Callable, Sequence, Union

from hogwalk.errors import BadInput, NothingFound
from hogwalk.machine.windows import SYSTEM
from hogwalk.machine.words import shown
from hogwalk.targets.parsers.usage import BARE
from hogwalk.targets.text.decode import read_lines
from hogwalk.targets.text.facts import Facts
from hogwalk.targets.text.reader import read_facts
from hogwalk.targets.text.stacks import ANY, Choose, place
from hogwalk.targets.text.target import TextTarget

__all__ = ["Choose", "TextTarget", "open_text"]

REMEDY = "in WinDbg run `!thread` and `dps LIMIT BASE` with its Limit and Base, and pass that text"
UNREAD = {"arm": "a 32-bit ARM machine", "ia64": "an Itanium (IA-64) machine"}  # frames lie otherwise there
MOST_CALLS = 12  # names in a refusal


def open_text(
    source: Union[str, os.PathLike[str], BinaryIO],
    progress: Callable[[int], None] = lambda _: None,
    wanted: Choose = ANY,
) -> TextTarget:
    """The target that a log file (a path) or a binary stream (a pipe) describes; `progress` hears of bytes read.

    Of a log of several dumps the last one with a stack in it counts, of its stack tables the `wanted` one.  Raises
    BadInput when the file cannot be read or holds no such table, NothingFound when the text shows neither stack memory
    nor a stack table; it names what was recognised.
    """
    if isinstance(source, (str, os.PathLike)):
        try:
            with open(source, "rb") as stream:
                return _opened(stream, os.fspath(source), progress, wanted)
        except OSError as error:
            raise BadInput(f"cannot read {os.fspath(source)} ({error.strerror})", "check the path") from error
    return _opened(source, "", progress, wanted)


def _opened(stream: BinaryIO, name: str, progress: Callable[[int], None], wanted: Choose) -> TextTarget:
    sessions = read_facts(read_lines(stream, progress))
    useful = [facts for facts in sessions if facts.words or place(facts, facts.tables)]
    if not useful:
        raise _refusal(sessions[-1])
    target = TextTarget(useful[-1], name, wanted)
    machine = target.about().machine
    if machine in UNREAD:
        raise BadInput(f"this text is of {UNREAD[machine]}", "hogwalk reads the stacks of x86 and x64")
    if target.printed_walk() is None and wanted.table is not None:
        count = len(useful[-1].tables)
        raise BadInput(f"the text holds no stack table number {wanted.table}", f"it holds {count}, counted from 1")
    if target.printed_walk() is None and wanted.thread is not None and not useful[-1].words:
        raise BadInput(f"the text holds no stack table of thread {shown(wanted.thread)}", "choose one with --table N")
    return target


def _refusal(facts: Facts) -> NothingFound:
    bare = next((table for table in facts.tables if table.rows), None)
    if bare is not None:
        last = facts.symbols.get(bare.rows[-1].return_address or 0)
        symbols = [*(row.symbol for row in bare.rows), last]
        names = [symbol.text() for symbol in symbols if symbol is not None]
        calls = " < ".join(names[:MOST_CALLS]) + (" < .." if len(names) > MOST_CALLS else "")
        return NothingFound(
            f"{_bug_check(facts)}the stack table prints no Child-SP, so no bytes can be counted; its calls, newest "
            f"first: {calls}{_entered(names)}",
            "run `kf` (or `kn`) of the same thread and pass that",
        )
    seen = list(dict.fromkeys(facts.recognised))
    seen = [name for name in seen if name != BARE] or seen
    what = f": what is there is {' and '.join(seen)}" if seen else ""
    sums = sorted(facts.usage.items(), key=lambda item: -item[1][0])
    if sums:
        shares = ", ".join(f"{module} {size} in {count}" for module, (size, count) in sums[:MOST_CALLS])
        said = f", its Total Size says {facts.usage_total}" if facts.usage_total is not None else ""
        what += f" ({shares}; {sum(size for _, (size, _) in sums)} bytes in all{said})"
    return NothingFound(f"the text holds no dps, dds, dd or dc of a stack and no stack table{what}", REMEDY)


def _bug_check(facts: Facts) -> str:
    found = facts.bugcheck.found
    if found is None:
        return ""
    return f"bug check {found.code:X} ({', '.join(f'{argument:x}' for argument in found.arguments)}); "


def _entered(names: Sequence[str]) -> str:
    # The module that is called again and again through the system's dispatch: what recursion looks like without bytes.
    modules = [name.partition("!")[0].partition("+")[0] for name in names]
    entries = Counter(
        (module, caller.partition("+0x")[0])
        for module, older, caller in zip(modules, modules[1:], names[1:])
        if module not in SYSTEM and older in SYSTEM
    )
    if not entries:
        return ""
    (module, caller), times = entries.most_common(1)[0]
    return f"; {module} is entered {times} times from {caller}" if times > 1 else ""
