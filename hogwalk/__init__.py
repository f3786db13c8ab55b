"""hogwalk: who ate the kernel stack.

The same job from Python as on the command line; nothing is read before it is asked for:

>>> from hogwalk import analyze, open_dump
>>> report = analyze(open_dump("fixtures/stackhog/memory.dmp", symbols="fixtures/stackhog/symbols"))
>>> report.hog.product.name, report.hog.share.bytes
('StackHog', 4496)
>>> report.region.size == sum(frame.bytes or 0 for frame in report.frames) + sum(gap.bytes for gap in report.gaps)
True
>>> frame = report.biggest(1)[0]
>>> hex(frame.frame_ptr), frame.bytes, frame.symbol.text()
('0xb8ae8238', 708, 'MamaHog+0x422a')

Addresses are ints, sizes bytes, frames newest first.  What goes wrong is a HogwalkError with one line of what is wrong
(`wrong`) and what to try (`remedy`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from hogwalk.answer.report.document import Report
    from hogwalk.targets.protocol import Target

__all__ = ["analyze", "open_dump", "open_engine", "open_log"]
__version__ = "0.2.0"


def open_dump(path: str, symbols: str = "", images: str = "") -> Target:
    """A crash dump or user minidump, read by hogwalk itself.

    `symbols` and `images` are debugger search paths: folders, `srv*` stores on disk, `;` between; nothing is fetched.
    Raises BadInput where the file is missing, cut short, damaged or no dump.
    """
    from hogwalk.targets.dump import open_dump as opened

    return opened(path, symbols, images)


def open_log(path: str) -> Target:
    """A debugger's log, pasted text, or a recording of hogwalk's.

    Raises BadInput where the file cannot be read, NothingFound where it shows neither stack memory nor a stack table.
    """
    from hogwalk.targets.recording import is_recording, open_recording
    from hogwalk.targets.text import open_text

    return open_recording(path) if is_recording(path) else open_text(path)


def open_engine(dump: str = "", connect: str = "", symbols: str = "", images: str = "") -> Target:
    """The debugger's engine through pykd: its current target, or one that it opens.

    `dump` is a file, `connect` a kernel's connection string as `kd -k` takes it; neither inside the debugger.
    Raises NoDebugger where pykd is missing or holds no target, BadInput where the engine cannot open it.
    """
    from hogwalk.targets.attach import open_engine as opened

    return opened(dump, connect, symbols, images)


def analyze(
    target: Target, limit: Optional[int] = None, base: Optional[int] = None, thread: Optional[int] = None
) -> Report:
    """The report on one stack: the current thread's, another `thread`'s, or [`limit`, `base`).

    Raises BadInput where there is no usable stack, NothingFound where no frame can be found in it.
    """
    from hogwalk.analysis import Run
    from hogwalk.walk.evidence import Request

    return Run(target, Request(limit, base, thread), None, _quiet).report()


def _quiet(doing: str) -> None:
    """Progress that nobody asked for."""
