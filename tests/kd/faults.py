"""What can be wrong with a line and with the machine at its end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import FrozenSet, Optional, Tuple


@dataclass(frozen=True)
class Faults:
    """All off by default.

    `baud` delays each byte, `latency` (seconds) each packet; `refused` pages cannot be read, by their page table entry
    neither; of `hidden` pages the whole page table cannot be read.  `lose_every` and `spoil_every` lose and spoil every
    Nth packet that the target sends once it has sent `after_packets`.  In section `section` (0: the attachment), after
    `after_reads` reads of memory: `hang_up` closes the line, `silent` answers no more, `reset` says that the machine
    has restarted and runs, `changed` lays other bytes over memory from there on (address, bytes); the next answer is
    `late` by so many seconds, and before that the file `pressed` is made, for the program that interrupts hogwalk when
    it sees that.  `running` begins with a machine that runs until it is broken into, which `deaf` ignores.
    """

    baud: int = 0
    latency: float = 0.0
    refused: FrozenSet[int] = frozenset()
    hidden: FrozenSet[int] = frozenset()
    lose_every: int = 0
    spoil_every: int = 0
    after_packets: int = 200
    section: int = 1
    after_reads: Optional[int] = None
    hang_up: bool = False
    silent: bool = False
    reset: bool = False
    late: float = 0.0
    pressed: Optional[Path] = None
    changed: Tuple[Tuple[int, bytes], ...] = ()
    running: bool = False
    deaf: bool = False
    retry: float = 1.0  # seconds without an ack after which a packet is sent again
