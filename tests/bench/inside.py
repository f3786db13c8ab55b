"""Runs inside Windows Python on the real engine: triage against the engine's own `dps` of the range plus `kf=`.

python -m tests.bench.inside DUMP SYMBOLS: each is the least of many, in turn, in one session of the engine.
python -m tests.bench.inside DUMP SYMBOLS first [COMMAND ..]: the seconds of the first triage of a session, or of the
commands where these are asked first of all.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from hogwalk.analysis import Run, seldom_collected
from hogwalk.answer.render.triage import render
from hogwalk.earlier import Earlier
from hogwalk.targets.attach import open_engine
from hogwalk.targets.engine import EngineTarget
from hogwalk.walk.evidence import Request

ROUNDS = 30


class Counting(EngineTarget):
    """The engine target, counting what is read."""

    reads: List[Tuple[int, int]]

    def read(self, address: int, count: int) -> bytes:
        """As EngineTarget.read."""
        self.reads.append((address, count))
        return super().read(address, count)


def least(*jobs: Callable[[], object]) -> List[float]:
    """Seconds of one call of each job, the least of many, in turn: all that a busy machine does to a job is add."""
    spent: List[List[float]] = [[] for _ in jobs]
    for _ in range(ROUNDS):
        for seconds, job in zip(spent, jobs):
            gc.collect()
            started = time.perf_counter()
            job()
            seconds.append(time.perf_counter() - started)
    return [min(seconds) for seconds in spent]


def triage(pykd: Any, earlier: Optional[Earlier] = None) -> Counting:
    """One triage, its lines made but not printed."""
    fresh = Counting(pykd)
    fresh.reads = []
    with seldom_collected():  # as around every command
        list(render(Run(fresh, Request(), None, lambda doing: None, earlier=earlier).report()))
    return fresh


def first(dump: str, symbols: str, commands: Sequence[str]) -> float:
    """Seconds of the session's first triage, or of the commands if there are any."""
    pykd = open_engine(dump, "", symbols, "")._pykd
    started = time.perf_counter()
    if commands:
        for command in commands:
            pykd.dbgCommand(command)
    else:
        triage(pykd)
    return time.perf_counter() - started


def measure(dump: str, symbols: str) -> Dict[str, Any]:
    """The figures of one dump."""
    target = open_engine(dump, "", symbols, "")
    pykd = target._pykd

    session = Earlier()
    triage(pykd, session)

    once = triage(pykd)
    run = Run(EngineTarget(pykd), Request(), None, lambda doing: None)
    region, command = run.evidence().region, run.report().tried[0].command
    dps = f"dps {region.limit:x} {region.base:x}"
    own, whole, again = least(
        lambda: (pykd.dbgCommand(dps), pykd.dbgCommand(command)), lambda: triage(pykd), lambda: triage(pykd, session)
    )
    return {
        "asked": [dps, command],
        "own": own,
        "triage": whole,
        "again": again,
        "commands": len(once.commands()),
        "stack_reads": sum(1 for address, _ in once.reads if address in region),
        "reads": len(once.reads),
        "bytes": sum(count for _, count in once.reads),
    }


if __name__ == "__main__":
    given, (how, *asked) = sys.argv[1:3], sys.argv[3:] or ["many"]
    found = first(given[0], given[1], asked) if how == "first" else measure(given[0], given[1])
    sys.stdout.write(json.dumps(found) + "\n")
