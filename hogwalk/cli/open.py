"""Chooses the target: the debugger's own, a dump or connection, a recording, a log, pasted text, or the demo."""

from __future__ import annotations

import argparse
import os
import sys

from hogwalk.errors import BadInput, NoDebugger, UsageError
from hogwalk.target.engine import inside_debugger, open_engine
from hogwalk.target.protocol import Target
from hogwalk.target.recording import FORMAT, open_recording

DEMO = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "demo", "stackhog.recording")
DUMP_MAGIC = (b"PAGEDUMP", b"PAGEDU64", b"MDMP")


def open_target(options: argparse.Namespace) -> Target:
    """The target the command line names; raises a HogwalkError with a remedy when it cannot be opened."""
    if inside_debugger() and (options.z or options.k):
        raise UsageError("-z and -k are for use outside the debugger", "inside it its own target is looked at")
    if options.k:
        return open_engine("", options.k, options.y, options.i)
    if options.z:
        return _dump(options.z, options)
    if options.file is not None:
        return _file(options.file, options)
    return open_engine() if inside_debugger() else open_recording(DEMO)


def _file(path: str, options: argparse.Namespace) -> Target:
    from hogwalk.target.text import open_text

    if path == "-":
        return open_text(sys.stdin.buffer)
    try:
        with open(path, "rb") as file:
            head = file.read(64)
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror})", "check the path") from error
    if head.startswith(DUMP_MAGIC):
        return _dump(path, options)
    return open_recording(path) if FORMAT.encode() in head else open_text(path)


def _dump(path: str, options: argparse.Namespace) -> Target:
    if not os.path.isfile(path):
        raise BadInput(f"there is no dump file {path}", "check the path after -z")
    if options.engine != "own":
        try:
            return open_engine(path, "", options.y, options.i)
        except NoDebugger:
            if options.engine == "pykd":
                raise
    from hogwalk.target.dump import open_dump

    return open_dump(path, options.y, options.i)
