"""What the walks of one stack come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from hogwalk.model import Frame, Triple
from hogwalk.walk.kf.frames import Walk
from hogwalk.walk.merge.compare import Difference
from hogwalk.walk.rebuild import Rebuilt


@dataclass(frozen=True)
class Walks:
    """What the report is made of.

    `tried` and `segments` are the debugger's walks (none without a debugger), `own` hogwalk's (None where the user
    gave the triple, or nothing was found), `frames` the stitched list, newest first, from `start` on;
    `mostly_unverified`: kf's rows stand in the reconstruction's place; `unasked`: why the debugger's walk was not made,
    else "".
    """

    tried: Tuple[Walk, ...]
    segments: Tuple[Walk, ...]
    own: Optional[Rebuilt]
    frames: Tuple[Frame, ...]
    start: Triple
    comparison: Tuple[Difference, ...] = ()
    dropped: Tuple[Frame, ...] = ()
    mostly_unverified: bool = False
    unasked: str = ""
