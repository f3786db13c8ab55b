"""The line to a live machine: what asking costs, whether it still answers, and what to do where it does not.

Seen in dbgeng 10.0.15063: an interrupt (Ctrl+Break, pykd.breakin) makes every read fail at once, of memory the engine
holds in its cache too, until the next command begins; a command that was interrupted answers with what it had, and the
commands behind it on its line do not run.  A machine that restarts or runs lets each read fail after 0.8 s.  To a line
that has gone dead the engine sends its request again and again, and nothing ends that but the engine's own resync.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, Dict, Optional, Tuple

from hogwalk.errors import Unreadable
from hogwalk.machine.windows import PAGE

SENTINEL = "hogwalk-end"
END = f"; .echo {SENTINEL}"
LONG = ("k", ".printf", "lm")  # commands that take a while and do not fail halfway
ROWS = "RetAddr"  # in the head of a walk: a refused one has none
CACHE_LINE, PACKET = 128, 3944  # bytes: what the engine caches, the most that one answer holds
REQUEST = 178  # bytes on the wire of each request besides its data: two packets of 73 and their acknowledgements
CACHED = 0.0005  # seconds a request: what comes faster did not cross a wire
SUSPICIOUS, MANY_TIMES, MOST_FAILED = 0.3, 6, 8
READ_PATIENCE, COMMAND_PATIENCE, TIMES_AS_LONG = 15.0, 120.0, 4.0  # seconds
AFTER_ALL = (".fpo", "!dbghelp")  # commands that put the debugger's own state back, whatever the machine does
RESYNC = "break in again (Ctrl+Break; a dead line: Ctrl+Alt+R in WinDbg, Ctrl+R and Enter in kd), then repeat"


@dataclass(frozen=True)
class Ended:
    """Why nothing more is asked, and what to do."""

    wrong: str
    remedy: str


INTERRUPTED = Ended("interrupted", "run it again for the whole answer")
# Every read that an interrupted kf still tries counts as held by the engine's cache, which so takes in nothing more
# (`.cache`: as good as full, with few regions): the next kf asks for each word, 15,000 requests instead of 2,700.
WALK_INTERRUPTED = Ended(
    INTERRUPTED.wrong,
    "type .cache flushall, for an interrupted kf leaves the debugger's cache without room, then run it again",
)
LATE = Ended("the machine did not answer in time", RESYNC)
LOST = Ended("the machine no longer answers: it has restarted, runs again, or the line is down", RESYNC)


@dataclass
class Timed:
    """Requests that crossed the wire: how many, their bytes on it, the seconds they took."""

    requests: int = 0
    bytes: int = 0
    seconds: float = 0.0

    def add(self, requests: int, count: int, seconds: float) -> None:
        """One more question, of so many requests."""
        self.requests += requests
        self.bytes += count
        self.seconds += seconds


class Line:
    """Reads and commands on their way to a live machine.

    Once `ended` says why, reads fail and commands have no answer, without asking, so that what is known by then makes a
    partial answer.  `deadline` is when the question that is on its way should have been answered (None: none is).
    """

    def __init__(self, read: Callable[[int, int], bytes], interrupt: Callable[[], None]) -> None:
        self._read = read
        self.interrupt = interrupt
        self.ended: Optional[Ended] = None
        self.deadline: Optional[float] = None
        self.overdue = False
        self.small, self.large = Timed(), Timed()
        self.reads = self.commands = 0
        self.command_seconds = 0.0
        self.stopped_here = False  # it ran until this process attached to it
        self.walk_seconds = 0.0  # what a walk of the debugger's is expected to take
        self._known: Optional[int] = None
        self._lines: Dict[int, int] = {}  # by page, a bit for each line of it that was read
        self._failed = 0

    def read(self, address: int, count: int) -> bytes:
        """As Target.read; finds out why a read failed."""
        if self.ended is not None:
            raise Unreadable(address, count)
        self.reads += 1
        began = time.monotonic()
        try:
            found = self._timed(address, count)
        except Unreadable:
            self._judge(time.monotonic() - began)
            raise
        self._known, self._failed = address, 0
        return found

    def command(self, text: str, run: Callable[[str], str]) -> str:
        """The answer of `run` to a command; of one that was interrupted what it had said by then."""
        if self.ended is None and self._interrupted():
            self.ended = INTERRUPTED
        if self.ended is not None:
            return run(text) if text.startswith(AFTER_ALL) else ""
        self.commands += 1
        began = time.monotonic()
        expected = self.walk_seconds if text.startswith("k") else 0.0
        self.deadline = began + COMMAND_PATIENCE + TIMES_AS_LONG * expected
        try:
            answer = run(text + END if text.startswith(LONG) else text)
        finally:
            self.deadline = None
            self.command_seconds += time.monotonic() - began
        whole, end, _ = answer.rpartition(SENTINEL)
        if end:
            return whole
        if self.overdue:
            self.ended = LATE
        elif text.startswith(LONG) and (ROWS in answer or not text.startswith("k")):
            self.ended = WALK_INTERRUPTED if text.startswith("k") else INTERRUPTED
        return answer

    def seconds(self, requests: int, count: int) -> Optional[float]:
        """How long so many requests of so many bytes on the wire take here; None before anything crossed it."""
        small, large = self.small, self.large
        if not small.requests and not large.requests:
            return None
        if not (small.requests and large.requests):
            known = small if small.requests else large
            return max(requests * known.seconds / known.requests, count * known.seconds / known.bytes)
        mean = small.bytes / small.requests
        more = large.bytes / large.requests - mean
        each = small.seconds / small.requests
        a_byte = max(0.0, (large.seconds / large.requests - each) / more) if more > 0 else each / mean
        return requests * max(0.0, each - a_byte * mean) + count * a_byte

    def stop(self, why: Ended) -> None:
        """Nothing more is asked from here on."""
        self.ended = self.ended or why

    def _timed(self, address: int, count: int) -> bytes:
        requests, size = crossing(address, count)
        began = time.monotonic()
        self.deadline = began + READ_PATIENCE + TIMES_AS_LONG * (self.seconds(requests, size) or 0.0)
        try:
            found = self._read(address, count)
        finally:
            self.deadline = None
        seconds = time.monotonic() - began
        if seconds > CACHED * requests:
            (self.small if size < PACKET else self.large).add(requests, size, seconds)
        for at in range(address - address % CACHE_LINE, address + count, CACHE_LINE):
            page = at - at % PAGE
            self._lines[page] = self._lines.get(page, 0) | 1 << at % PAGE // CACHE_LINE
        return found

    def _judge(self, seconds: float) -> None:
        """After a read that failed: is the page missing, was hogwalk interrupted, or is the machine gone?"""
        self._failed += 1
        if self._interrupted():
            self.ended = LATE if self.overdue else INTERRUPTED
            return
        usual = self.small.seconds / self.small.requests if self.small.requests else 0.0
        if seconds < SUSPICIOUS + MANY_TIMES * usual and self._failed % MOST_FAILED:
            return
        spare = self._unread()
        if spare is None:
            return
        try:
            self._timed(spare, CACHE_LINE)
        except Unreadable:
            self.ended = INTERRUPTED if self._interrupted() else LOST

    def _interrupted(self) -> bool:
        """Whether even what the engine holds cannot be read; that question never crosses the wire."""
        if self._known is None:
            return False
        try:
            self._read(self._known, 1)
        except Unreadable:
            return True
        return False

    def _unread(self) -> Optional[int]:
        """A line that was not read of a page that can be: the machine must answer for it."""
        for page in reversed(self._lines):
            for number in range(PAGE // CACHE_LINE):
                if not self._lines[page] >> number & 1:
                    return page + number * CACHE_LINE
        return None


def crossing(address: int, count: int) -> Tuple[int, int]:
    """Requests, and bytes on the wire, of a read that the engine has nothing of: page by page, a packet at a time."""
    requests, at, end = 0, address, address + count
    while at < end:
        part = min(PACKET, end - at, PAGE - at % PAGE)
        requests, at = requests + 1, at + part
    return requests, count + REQUEST * requests
