"""How scan, score and hogwalk's own walk grow with the stack: 12 KB against 1 MB, time per KB and memory."""

from __future__ import annotations

import gc
import random
import struct
import time
import tracemalloc
from dataclasses import dataclass
from typing import Dict, Optional, Sequence, Tuple

from hogwalk.errors import Unreadable
from hogwalk.model import About, Module, Symbol
from hogwalk.targets.null import NullTarget
from hogwalk.walk.evidence import Request, gather
from hogwalk.walk.rebuild import rebuild

BASE = 0xB8AE9000
MODULE = Module("driver", 0xB0000000, 0xB0010000, "none")
FUNCTION, FRAME = 0x40, 0x58  # bytes of a function's code and of its stack
COUNT = (MODULE.end - MODULE.start) // FUNCTION
BEHIND_CALL = 11  # bytes from a function's start to the return address of its call
STALE = 12  # one of so many words in the frames is a return address that is no longer live


def _image() -> bytes:
    code = bytearray()
    for number in range(COUNT):
        distance = FUNCTION * ((number + 1) % COUNT - number) - BEHIND_CALL
        # push ebp; mov ebp,esp; sub esp,50h; call the next function; leave; ret
        body = bytes.fromhex("558bec83ec50e8") + distance.to_bytes(4, "little", signed=True) + bytes.fromhex("c9c3")
        code += body.ljust(FUNCTION, b"\xcc")
    return bytes(code)


IMAGE = _image()


@dataclass(frozen=True)
class Plain(NullTarget):
    """A target that holds one module, whose functions call one another in a ring, and one stack."""

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
            return IMAGE[address - MODULE.start : address - MODULE.start + count]
        raise Unreadable(address, count)

    def modules(self) -> Tuple[Module, ...]:
        """The one module."""
        return (MODULE,)

    def symbols(self, addresses: Sequence[int]) -> Tuple[Optional[Symbol], ...]:
        """The nearest symbol: the module's start."""
        return tuple(Symbol("driver", "", address - MODULE.start) for address in addresses)


def stack_of(size: int) -> bytes:
    """A stack of the ring's frames, with stale return addresses and other words in them, the same kind at any size."""
    noise = random.Random(size)
    words = [_noise(noise) for _ in range(size // 4)]
    limit, step = BASE - size, FRAME // 4
    for number, index in enumerate(range(16, len(words) - step - 2, step)):
        words[index] = limit + 4 * (index + step)
        words[index + 1] = _return_address(-number)
    return struct.pack(f"<{len(words)}I", *words)


def _noise(noise: random.Random) -> int:
    if noise.randrange(STALE) == 0:
        return _return_address(noise.randrange(COUNT))
    return noise.choice((0, 1, noise.randrange(1 << 32)))


def _return_address(function: int) -> int:
    return MODULE.start + FUNCTION * (function % COUNT) + BEHIND_CALL


def measure(size: int) -> Dict[str, float]:
    """Seconds per KB (best of three) and peak bytes of memory of scan and score."""
    target = Plain(stack_of(size))
    wanted = Request(BASE - size, BASE)
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
    evidence = gather(Plain(stack_of(size)), Request(BASE - size, BASE), lambda doing: None)
    times = []
    for _ in range(3):
        gc.collect()
        started = time.process_time()
        rebuild(evidence)
        times.append(time.process_time() - started)
    return min(times) / (size / 1024)
