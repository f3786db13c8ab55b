"""Work that goes on while the debugger is busy with a command.

The debugger answers its own thread alone, and while it does, pykd lets other Python threads run (dbgCommand of 0.3.4
gives up the interpreter's lock).  So the work goes on in a thread of its own, and what it asks of the debugger is asked
by the debugger's thread, as soon as that is free.  Nothing of it is left when `both` returns: a sub-interpreter, which
is what `!py` runs a script in, must not end with a thread in it.
"""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread, get_ident
from typing import Any, Callable, Generic, List, Optional, Tuple

from hogwalk.targets.protocol import Announce, Answer, Done, Work

MOMENT = 0.2  # seconds after which a wait looks up: no interrupt gets through to one that waits for a lock


class _GivenUpError(Exception):
    """Raised in work that nobody wants any more."""


class _Job(Generic[Answer]):
    """A function run in one thread for another: what it gave or raised."""

    def __init__(self, function: Callable[[], Answer]) -> None:
        self._function = function
        self._found: List[Answer] = []
        self._error: Optional[BaseException] = None
        self._running = Lock()
        self._running.acquire()

    @property
    def done(self) -> bool:
        """Whether it has run."""
        return not self._running.locked()

    def run(self) -> None:
        """Runs it; an error is the other thread's, what ends the whole script is raised here, too."""
        try:
            self._found.append(self._function())
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread that waits for the answer gets it
            self._error = error
        except BaseException:
            self._error = _GivenUpError()
            raise
        finally:
            self._running.release()

    def refuse(self) -> None:
        """Has the one who waits for it give up."""
        self._error = _GivenUpError()
        self._running.release()

    def result(self) -> Answer:
        """What it gave, once it has run; raises what it raised."""
        with self._running:
            if self._error is not None:
                raise self._error
            return self._found[0]


class Errands:
    """Questions to the debugger, run by its own thread whoever asks them.

    Of two threads only one runs at a time, but for the debugger's own while it waits for an answer: so they may share
    what they know of the stack.
    """

    def __init__(self) -> None:
        self._waiting: SimpleQueue[_Job[Any]] = SimpleQueue()
        self._worker: Optional[int] = None
        self._work: Optional[_Job[Any]] = None
        self._begin = Event()
        self._given_up = False

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """The answer to a question; what goes on beside it is done as well then."""
        if self._worker == get_ident():
            job = _Job(question)
            self._send(job)
            return job.result()
        if self._work is None:
            return question()
        self._begin.set()
        job = _Job(question)
        try:
            job.run()
        except BaseException:
            self._given_up = True
            raise
        finally:
            self._finish()
        return job.result()

    def both(self, ask: Callable[[], Answer], work: Work[Done], announce: Announce) -> Tuple[Answer, Done]:
        """What `ask` and `work` give; `work` goes on while the debugger looks for its first answer.

        What it announces is said once the debugger is free.  Raises what `ask` raises, else what `work` does.
        """
        job = self._work = _Job(lambda: work(lambda doing: self._send(_Job(lambda: announce(doing)))))
        worker = Thread(target=self._run, args=(job,))
        self._given_up = False
        self._begin.clear()
        try:
            worker.start()
        except RuntimeError:  # the process has no room for one more
            self._work = None
            return ask(), work(announce)
        try:
            answer = ask()
            self._finish()
        finally:
            self._given_up = True
            self._finish()
            worker.join()
            self._worker = None
        return answer, job.result()

    def _run(self, job: _Job[Done]) -> None:
        self._worker = get_ident()
        self._begin.wait()  # until the debugger is busy: its thread would else wait for a turn in Python to ask it
        job.run()
        self._waiting.put(_Job(lambda: None))  # wakes the one who waits

    def _send(self, job: _Job[Answer]) -> None:
        if self._given_up:
            raise _GivenUpError
        self._waiting.put(job)

    def _finish(self) -> None:
        """Runs what the work asks until it is done, with nothing of it left waiting."""
        if self._work is None:
            return
        self._begin.set()
        while not self._work.done:
            self._run_waiting(MOMENT)
        self._work = None
        self._run_waiting()

    def _run_waiting(self, patience: float = 0.0) -> None:
        """Runs what waits; with nothing there it waits itself for so many seconds."""
        try:
            while True:
                job = self._waiting.get(patience > 0, patience or None)
                patience = 0.0
                if self._given_up:
                    job.refuse()
                else:
                    job.run()
        except Empty:
            pass
