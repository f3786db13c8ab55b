"""What a log leaves out, in order of worth, each with the command to run and paste next."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Container, Iterator, List, Optional, Sequence

from hogwalk.machine.words import words_of
from hogwalk.model import Module, Region
from hogwalk.targets.parsers.lm import lmv_of
from hogwalk.targets.text.facts import Facts
from hogwalk.targets.text.memory import Memory
from hogwalk.targets.text.region import SAID, covered
from hogwalk.targets.text.stacks import KERNEL

MOST_NAMES = 8  # modules named in one suggested command


@dataclass(frozen=True)
class Missing:
    """Something the log does not say, and the debugger command whose output, pasted in, would say it."""

    what: str
    command: str


def missing(
    facts: Facts, region: Optional[Region], memory: Memory, inferred: Sequence[Module], functions: Container[str] = ()
) -> Iterator[Missing]:
    """Everything that would make the answer better, most important first; `functions` are names without a module."""
    digits = 2 * facts.pointer_bytes
    span = f"{region.limit:0{digits}x} {region.base:0{digits}x}" if region else "LIMIT BASE"
    there = covered(memory, region) if region else 0
    below = region is not None and region.base <= KERNEL[facts.pointer_bytes]
    if region is None or region.source != SAID:
        yield Missing("the thread's Base and Limit", "!teb" if below or facts.kernel is False else "!thread")
    if region is None or there < region.size:
        size = f"{region.size - there} of the stack's {region.size} bytes" if region else "the stack's memory"
        yield Missing(size, f"dps {span}")
    elif not facts.symbols:
        yield Missing("the symbols of the words on the stack", f"dps {span}")
    if inferred or not facts.modules:
        names = ", ".join(module.name for module in inferred[:MOST_NAMES])
        yield Missing(f"where these modules begin and end: {names}" if names else "the loaded modules", "lm")
    unversioned = _without_version(facts, functions)
    if unversioned:
        yield Missing("the makers of the modules on the stack", ";".join(unversioned))
    if facts.bugcheck.found is None and not (_user(facts) if below else facts.kernel is False):
        yield Missing("the bug check", ".bugcheck")
    for dropped, what in ((facts.runs.dropped, "bytes of memory"), (facts.symbols_dropped, "symbols")):
        if dropped:
            yield Missing(f"{dropped} {what}: the log holds too many to keep", f"dps {span}")


def _user(facts: Facts) -> bool:
    # Of a text with a user stack: whether it is of a user session, by its prompt or, without one, by all its rows.
    if facts.kernel is not None:
        return not facts.kernel
    rows = (row.frame_ptr or 0 for table in facts.tables for row in table.rows)
    return all(frame_ptr < KERNEL[facts.pointer_bytes] for frame_ptr in rows)


def _without_version(facts: Facts, functions: Container[str]) -> List[str]:
    # The commands, for the modules used most.
    names = (symbol.module for symbol in facts.symbols.values() if symbol.module not in functions)
    uses = Counter(name for name in names if name not in facts.details)
    ranked = [name for name in sorted(uses, key=lambda name: (-uses[name], name)) if name[:1].isalnum()][:MOST_NAMES]
    inside = {symbol.module: address for address, symbol in reversed(list(facts.symbols.items()))}
    words = words_of("", facts.pointer_bytes)
    return [lmv_of(name, inside[name], words) for name in ranked]
