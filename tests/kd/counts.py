"""What crossed the wire, in sections: a read of MARK + n * 1000h begins section n (`db ee001000 L1`)."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Counter as CounterOf
from typing import Dict, List, Tuple

from tests.kd.wire import CHANGES, CHANGES_AT_PROMPT

MARK, MARK_STEP, MOST_MARKS = 0xEE000000, 0x1000, 0x1000
ATTACH = "attach"
BITS_A_BYTE = 10  # start bit, eight bits, stop bit


@dataclass
class Section:
    """Bytes and packets of both directions, requests by name, reads as (address, bytes asked for, bytes given)."""

    name: str
    last: str = ""  # the name of the last request
    bytes: int = 0
    packets: int = 0
    calls: CounterOf[str] = field(default_factory=Counter)
    reads: List[Tuple[int, int, int]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def round_trips(self) -> int:
        return sum(self.calls.values())

    @property
    def memory(self) -> int:
        """Bytes of memory given."""
        return sum(given for _, _, given in self.reads)

    @property
    def failed(self) -> int:
        """Reads that were given less than they asked for."""
        return sum(given < asked for _, asked, given in self.reads)

    @property
    def again(self) -> int:
        """Bytes of memory that had been given before in this section."""
        given_at: CounterOf[int] = Counter()
        for address, _, given in self.reads:
            given_at.update(range(address, address + given))
        return sum(times - 1 for times in given_at.values())

    @property
    def changes(self) -> Dict[str, int]:
        """Requests that would change the target; at the attachment the engine's own clearing of breakpoints is none."""
        forbidden = CHANGES if self.name == ATTACH else CHANGES_AT_PROMPT
        return {name: times for name, times in self.calls.items() if name in forbidden}

    def seconds(self, baud: int) -> float:
        """How long the bytes take on a serial line: KD stops and waits, so both directions add up."""
        return self.bytes * BITS_A_BYTE / baud


class Counts:
    """The sections so far; the last one is open."""

    def __init__(self) -> None:
        self.sections: List[Section] = [Section(ATTACH)]
        self.notes: List[str] = []

    @property
    def now(self) -> Section:
        return self.sections[-1]

    def attach(self) -> None:
        """A debugger connects; what it asks until its first mark is counted as its attachment."""
        if self.now.name != ATTACH or self.now.calls:
            self.sections.append(Section(ATTACH))

    def begin(self, number: int) -> None:
        """Opens a section."""
        self.sections.append(Section(str(number)))

    def of(self, number: int) -> Section:
        """A section by its number; raises KeyError where no such mark was read."""
        return {section.name: section for section in self.sections}[str(number)]

    def packet(self, size: int) -> None:
        """A packet of so many bytes went either way."""
        self.now.bytes += size
        self.now.packets += 1

    def changes(self) -> Dict[str, int]:
        """Every request of the whole session that would have changed the target."""
        found: CounterOf[str] = Counter()
        for section in self.sections:
            found.update(section.changes)
        return dict(found)


def mark_of(address: int) -> int:
    """The section that a read of an address begins, 0 for none; the engine sign-extends a number of 32 bits."""
    if address >> 32 not in (0, 0xFFFFFFFF):
        return 0
    number, rest = divmod((address & 0xFFFFFFFF) - MARK, MARK_STEP)
    return number if not rest and 0 < number < MOST_MARKS else 0
