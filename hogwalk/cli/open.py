"""Chooses the target: the debugger's own, a dump or connection opened in the engine, a recording, or the demo."""

from __future__ import annotations

import argparse
import os

from hogwalk.errors import BadInput
from hogwalk.target.engine import inside_debugger, open_engine
from hogwalk.target.protocol import Target
from hogwalk.target.recording import open_recording

DEMO = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "demo", "stackhog.recording")


def open_target(options: argparse.Namespace) -> Target:
    """The target the command line names; raises a HogwalkError with a remedy when it cannot be opened."""
    if options.z or options.k:
        if options.z and not os.path.isfile(options.z):
            raise BadInput(f"there is no dump file {options.z}", "check the path after -z")
        return open_engine(options.z or "", options.k or "", options.y, options.i)
    if options.file is not None:
        return open_recording(options.file)
    return open_engine() if inside_debugger() else open_recording(DEMO)
