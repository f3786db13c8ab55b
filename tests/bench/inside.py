"""Runs inside Windows Python on the real engine: triage against the engine's own `dps` of the range plus `kf=`.

Both in processor seconds of the process: what else the machine does stretches the longer of two jobs more.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from hogwalk.analysis import Earlier, Run
from hogwalk.answer.render.triage import render
from hogwalk.targets.attach import open_engine
from hogwalk.targets.engine import EngineTarget
from hogwalk.walk.evidence import Request

ROUNDS, AT_A_TIME = 8, 4  # the clock of a process ticks every 10 ms: one call of some jobs takes less


class Counting(EngineTarget):
    """The engine target, counting what is read."""

    reads: List[Tuple[int, int]]

    def read(self, address: int, count: int) -> bytes:
        """As EngineTarget.read."""
        self.reads.append((address, count))
        return super().read(address, count)


def means(*jobs: Callable[[], object]) -> List[float]:
    """Processor seconds of one call of each job, the mean of some; in turn, so that a busy minute hits them all."""
    spent = [0.0] * len(jobs)
    for _ in range(ROUNDS):
        for number, job in enumerate(jobs):
            gc.collect()
            started = time.process_time()
            for _ in range(AT_A_TIME):
                job()
            spent[number] += time.process_time() - started
    return [seconds / ROUNDS / AT_A_TIME for seconds in spent]


def measure(dump: str, symbols: str) -> Dict[str, Any]:
    """The figures of one dump."""
    target = open_engine(dump, "", symbols, "")
    pykd = target._pykd

    def triage(earlier: Optional[Earlier] = None) -> Counting:
        fresh = Counting(pykd)
        fresh.reads = []
        run = Run(fresh, Request(), None, lambda doing: None, earlier=earlier)
        list(render(run.report()))
        return fresh

    session = Earlier()
    triage(session)

    once = triage()
    run = Run(EngineTarget(pykd), Request(), None, lambda doing: None)
    region, command = run.evidence().region, run.report().tried[0].command
    dps = f"dps {region.limit:x} {region.base:x}"
    own, whole, again = means(lambda: (pykd.dbgCommand(dps), pykd.dbgCommand(command)), triage, lambda: triage(session))
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
