"""Runs inside Windows Python on the real engine: the debugger's own walk of a dump as triage would ask for it."""

from __future__ import annotations

import json
import sys
from typing import List, Optional

from hogwalk.targets.attach import open_engine
from hogwalk.walk.evidence import Request, gather
from hogwalk.walk.kf.choose import choose
from hogwalk.walk.kf.frames import FrameReader


def return_slots(dump: str, symbols: str) -> Optional[List[int]]:
    """The return slots of the walk that triage would use; None where there is none."""
    target = open_engine(dump, "", symbols)
    evidence = gather(target, Request(), lambda doing: None)
    reader = FrameReader(evidence.image, evidence.sites, evidence.judge, evidence.traps)
    choice = choose(target, reader, evidence.image, evidence.candidates)
    return None if choice is None else [frame.return_slot for frame in choice.frames]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(return_slots(*sys.argv[1:])))
