"""How scan, score and hogwalk's own walk grow with the stack: 12 KB against 1 MB, time per KB and memory."""

from __future__ import annotations

import gc
import random
import struct
import time
import tracemalloc
from dataclasses import dataclass
from typing import Dict, Optional, Sequence, Tuple

from hogwalk.analysis import Wanted, gather
from hogwalk.errors import Unreadable
from hogwalk.model import About, Module, Symbol
from hogwalk.rebuild import rebuild
from tests.silent import SilentTarget

BASE = 0xB8AE9000
MODULE = Module("driver", 0xB0000000, 0xB0010000, "none")
CALL = bytes.fromhex("e800000000")  # ends at every tenth byte of the module


@dataclass(frozen=True)
class Plain(SilentTarget):
    """A target that holds one module full of calls and one stack; it answers nothing else."""

    stack: bytes

    def about(self) -> About:
        """A kernel dump without a bug check."""
        return About("kernel dump", "x86", 4, 0x1000, None, "")

    def read(self, address: int, count: int) -> bytes:
        """The stack or the module's code."""
        limit = BASE - len(self.stack)
        if limit <= address and address + count <= BASE:
            return self.stack[address - limit : address - limit + count]
        if MODULE.start <= address and address + count <= MODULE.end:
            whole = b"\x90" * 5 + CALL
            return (whole * (count // 10 + 2))[(address - MODULE.start) % 10 :][:count]
        raise Unreadable(address, count)

    def modules(self) -> Tuple[Module, ...]:
        """The one module."""
        return (MODULE,)

    def symbols(self, addresses: Sequence[int]) -> Tuple[Optional[Symbol], ...]:
        """The nearest symbol: the module's start."""
        return tuple(Symbol("driver", "", address - MODULE.start) for address in addresses)


def stack_of(size: int) -> bytes:
    """A stack of chained frames of 96 bytes with noise between, the same kind at any size."""
    noise = random.Random(size)
    words = [noise.choice((0, 1, noise.randrange(1 << 32))) for _ in range(size // 4)]
    limit = BASE - size
    for index in range(16, len(words) - 64, 24):
        words[index] = limit + 4 * (index + 24)
        words[index + 1] = MODULE.start + 10 * noise.randrange(1, 6000)
    return struct.pack(f"<{len(words)}I", *words)


def measure(size: int) -> Dict[str, float]:
    """Seconds per KB (best of three) and peak bytes of memory of scan and score."""
    target = Plain(stack_of(size))
    wanted = Wanted(BASE - size, BASE)
    times = []
    for _ in range(3):
        gc.collect()
        started = time.perf_counter()
        gather(target, wanted, lambda doing: None)
        times.append(time.perf_counter() - started)
    tracemalloc.start()
    gather(target, wanted, lambda doing: None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"per_kb": min(times) / (size / 1024), "peak": peak}


def measure_walk(size: int) -> float:
    """Processor seconds per KB (best of three) of hogwalk's own walk."""
    evidence = gather(Plain(stack_of(size)), Wanted(BASE - size, BASE), lambda doing: None)
    times = []
    for _ in range(3):
        gc.collect()
        started = time.process_time()
        rebuild(evidence)
        times.append(time.process_time() - started)
    return min(times) / (size / 1024)
