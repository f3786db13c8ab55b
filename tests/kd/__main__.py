"""Serve a kernel dump to a debugger by hand: python -m tests.kd DUMP [--port N] [--baud N]."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.kd import __doc__ as about
from tests.kd.faults import Faults
from tests.kd.machine import opened
from tests.kd.serve import Served


def main() -> int:
    """Serves until interrupted, then prints what crossed the wire."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("dump", type=Path, help="a full kernel dump, x86 or x64")
    parser.add_argument("--port", type=int, default=0, help="a free one if not given")
    parser.add_argument("--baud", type=int, default=0, help="as slow as such a serial line")
    options = parser.parse_args()
    machine = opened(options.dump)
    machine.fill()
    machine.tell_bugcheck()
    one = Served(machine, Faults(baud=options.baud), options.port)
    one.start()
    print(one.connection, flush=True)
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        one.stop()
    for section in one.counts.sections:
        print(
            f"section {section.name}: {section.round_trips} round trips, {section.bytes} bytes on the wire "
            f"({section.seconds(115200):.1f} s at 115,200 baud), {section.memory} bytes of memory, "
            f"{section.again} of them again, {section.failed} failed reads, changes {section.changes or 'none'}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
