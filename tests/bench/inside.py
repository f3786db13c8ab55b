"""Runs inside Windows Python on the real engine: triage against the engine's own `dps` of the range plus `kf=`.

Each is the least of many, in turn.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

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


def measure(dump: str, symbols: str) -> Dict[str, Any]:
    """The figures of one dump."""
    target = open_engine(dump, "", symbols, "")
    pykd = target._pykd

    def triage(earlier: Optional[Earlier] = None) -> Counting:
        fresh = Counting(pykd)
        fresh.reads = []
        with seldom_collected():  # as around every command
            list(render(Run(fresh, Request(), None, lambda doing: None, earlier=earlier).report()))
        return fresh

    session = Earlier()
    triage(session)

    once = triage()
    run = Run(EngineTarget(pykd), Request(), None, lambda doing: None)
    region, command = run.evidence().region, run.report().tried[0].command
    dps = f"dps {region.limit:x} {region.base:x}"
    own, whole, again = least(lambda: (pykd.dbgCommand(dps), pykd.dbgCommand(command)), triage, lambda: triage(session))
    return {
        "own": own,
        "triage": whole,
        "again": again,
        "commands": len(once.commands()),
        "stack_reads": sum(1 for address, _ in once.reads if address in region),
        "reads": len(once.reads),
        "bytes": sum(count for _, count in once.reads),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(sys.argv[1], sys.argv[2])) + "\n")
