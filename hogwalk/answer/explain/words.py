"""What each word of the stack is: the annotated `dps`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Iterator, Optional, Set

from hogwalk.machine.windows import TRAP_MARK
from hogwalk.model import Symbol
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.sites import SiteKind


class WordKind(Enum):
    """The kinds of words; the value is what `stack` prints."""

    LINK = "link"  # a saved EBP: points up to the next one, with a return address behind it
    RETURN = "return"  # right behind a call instruction
    UNCHECKED = "return?"  # in code that cannot be read
    CODE = "code"  # in a module's code, but no call before it
    TRAP = "trap"  # the mark of a trap frame
    STACK = "stack"  # points into this stack
    MODULE = "module"  # points into a module outside its code
    DATA = "data"
    UNREADABLE = "unreadable"


MATTERS = (WordKind.LINK, WordKind.RETURN, WordKind.UNCHECKED, WordKind.TRAP)


@dataclass(frozen=True)
class Word:
    """One word of the stack: its address and value (0 when unreadable), what it is, its symbol."""

    address: int
    value: int
    kind: WordKind
    symbol: Optional[Symbol]


def words(evidence: Evidence) -> Iterator[Word]:
    """Every word of the stack, lowest address first."""
    image = evidence.image
    links = _links(evidence)
    for index, value in enumerate(image.words):
        at = evidence.region.limit + evidence.image.machine.word * index
        if image.holes and image.unreadable(at):
            yield Word(at, 0, WordKind.UNREADABLE, None)
        else:
            yield Word(at, value, _kind(evidence, links, at, value), evidence.symbols.get(value))


def _links(evidence: Evidence) -> Set[int]:
    # A lone pair may be chance; a slot that another one leads to, or that leads on, is a link of a chain.
    links: Set[int] = set()
    for chain in evidence.chains.values():
        if chain.successor is not None:
            links.update((chain.slot, chain.successor))
    return links


def _kind(evidence: Evidence, links: Set[int], at: int, value: int) -> WordKind:
    if at in links:
        return WordKind.LINK
    if value == TRAP_MARK:
        return WordKind.TRAP
    if value in evidence.region:
        return WordKind.STACK
    if value in evidence.symbols:
        kind = evidence.sites.at(value).kind
        if kind is SiteKind.CALL:
            return WordKind.RETURN
        return WordKind.UNCHECKED if kind is SiteKind.UNREAD else WordKind.CODE
    return WordKind.MODULE if evidence.modules.at(value) is not None else WordKind.DATA
