"""Chooses the target: the debugger's own, a dump or connection, a recording, a log, pasted text, or the demo.

Each kind of target is brought in only when it is the one.
"""

from __future__ import annotations

import argparse
import os
import stat
import sys
from typing import BinaryIO, Callable, Union

from hogwalk.app.cli.host import has_pykd, inside_debugger
from hogwalk.app.cli.output import complain
from hogwalk.app.cli.progress import Progress
from hogwalk.app.cli.watch import ATTACHING, LOADING, Watch
from hogwalk.errors import BadInput, NoDebugger, UsageError
from hogwalk.targets.images.source import DUMPS, PACKED
from hogwalk.targets.protocol import Target

DEMO = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "demo", "stackhog.recording")
STAYS = "it stays stopped (--stay)"
GOES_ON = "one that ran goes on when this is done (--stay leaves it stopped)"
HEAD = 64  # bytes that tell a dump, a recording and a text apart


def open_target(options: argparse.Namespace, progress: Progress, watch: Watch) -> Target:
    """The target the command line names; raises a HogwalkError with a remedy when it cannot be opened."""
    if inside_debugger() and (options.z or options.k):
        raise UsageError("-z and -k are for use outside the debugger", "inside it its own target is looked at")
    if options.k:
        complain(f"attaching stops the machine at {options.k}; {STAYS if options.stay else GOES_ON}")
        watch.within(ATTACHING, f" at {options.k}")
        return _engine("", options, lambda: watch.within(LOADING, f" at {options.k}"))
    if options.z:
        return _dump(options.z, options, progress)
    if options.file is not None:
        return _file(options.file, options, progress)
    if getattr(options, "demo", False) and not (options.command == "triage" and _piped()):
        return _recording(DEMO)
    if inside_debugger():
        return _engine("", options)
    if _piped():
        return _file("-", options, progress)
    raise UsageError(
        "no dump, log or recording is named, and nothing is piped in",
        f"`hogwalk demo {options.command}{' 51' * (options.command == 'frame')}` shows it on the demo",
    )


def _piped() -> bool:
    """Whether a program's or a file's text stands ready on stdin."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # the debugger's stdin has no descriptor, a closed one neither
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def _engine(dump: str, options: argparse.Namespace, attached: Callable[[], None] = lambda: None) -> Target:
    from hogwalk.targets.attach import open_engine

    return open_engine(dump, options.k or "", options.y, options.i, attached)


def _recording(path: str) -> Target:
    from hogwalk.targets.recording import open_recording

    return open_recording(path)


def _file(path: str, options: argparse.Namespace, progress: Progress) -> Target:
    from hogwalk.targets.recorder import FORMAT

    if path == "-":
        if inside_debugger():
            raise UsageError(
                "nothing can be piped in inside the debugger", "leave the - out: its own target is looked at"
            )
        return _text(sys.stdin.buffer, 0, options, progress)
    head = _head(path)
    if head.startswith(DUMPS + PACKED):
        return _dump(path, options, progress)
    return _recording(path) if FORMAT.encode() in head else _text(path, os.path.getsize(path), options, progress)


def _head(path: str) -> bytes:
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise BadInput(f"{path} is a folder", "name a dump, a log or a recording in it")
        if not stat.S_ISREG(mode):
            raise BadInput(f"{path} is a pipe or a device, not a file", f"to read a pipe: `hogwalk - < {path}`")
        with open(path, "rb") as file:
            return file.read(HEAD)
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror})", "check the path") from error


def _text(source: Union[str, BinaryIO], size: int, options: argparse.Namespace, progress: Progress) -> Target:
    from hogwalk.targets.text import Choose, open_text

    progress("reading the log", size)
    wanted = Choose(options.table, options.thread, options.limit, options.base)
    return open_text(source, progress.advance, wanted)


def _dump(path: str, options: argparse.Namespace, progress: Progress) -> Target:
    if os.path.isdir(path):
        raise BadInput(f"{path} is a folder", "name a dump in it after -z")
    if not os.path.isfile(path):
        raise BadInput(f"there is no dump file {path}", "check the path after -z")
    progress(f"opening {os.path.basename(path)}")
    own = options.command == "threads" or _head(path).startswith(PACKED)
    usual = options.engine is None and not own and has_pykd()
    if options.engine == "pykd" or usual:
        try:
            return _engine(path, options)
        except NoDebugger:
            if options.engine == "pykd":
                raise
    from hogwalk.targets.dump import open_dump

    return open_dump(path, options.y, options.i)
