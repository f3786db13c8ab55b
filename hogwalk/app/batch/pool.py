"""Worker processes that take one job at a time, in any order, and give their answers back in the order asked.

concurrent.futures gives up all that is under way when one worker dies, and cannot end one that hangs; a batch of
strangers' dumps needs both to stay one dump's trouble.
"""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection, wait
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence

from hogwalk.app.batch.job import Answer, Job, answer, failed

AHEAD = 64  # jobs begun before the oldest one's answer was taken: bounds the answers held
END = 5.0  # seconds that a worker gets to go by itself
ALONE = "try it by itself: `hogwalk -z FILE`"


class Plan(NamedTuple):
    """How many workers, how many seconds a job may take (None: any), and whether a worker serves one job only."""

    workers: int
    timeout: Optional[float]
    once: bool


class _Worker:
    """A process and the pipe to it."""

    def __init__(self) -> None:
        # Never forked: that would copy this process in the midst of whatever its threads do.
        context = multiprocessing.get_context("spawn")
        self.pipe, far = context.Pipe()
        self.process = context.Process(target=serve, args=(far,), daemon=True)
        self.process.start()
        far.close()
        self.number = 0
        self.deadline: Optional[float] = None

    def give(self, number: int, job: Job, timeout: Optional[float]) -> None:
        """Hands over a job; a worker that died at once is found out when its answer is awaited."""
        self.number = number
        self.deadline = None if timeout is None else time.monotonic() + timeout
        try:
            self.pipe.send(job)
        except OSError:
            self.process.join(END)

    def end(self) -> Optional[int]:
        """Ends the process; returns the exit code it had come to by itself, None when it was still running."""
        self.pipe.close()
        self.process.join(0.1 if self.deadline is None else 0)
        code = self.process.exitcode
        if code is None:
            self.process.kill()
            self.process.join(END)
        return code


def serve(pipe: Connection) -> None:
    """A worker's whole life: answers jobs until the pipe closes."""
    try:
        while True:
            pipe.send(answer(pipe.recv()))
    except (EOFError, OSError, KeyboardInterrupt):
        return


class Pool:
    """Runs jobs in worker processes."""

    def __init__(self, jobs: Sequence[Job], plan: Plan) -> None:
        self._jobs = jobs
        self._plan = plan
        self._next = 0
        self._idle: List[_Worker] = []
        self._busy: Dict[Connection, _Worker] = {}
        self._answers: Dict[int, Answer] = {}

    def answers(self) -> Iterator[Answer]:
        """One answer for each job, in the jobs' order, each as soon as it and all before it are there."""
        try:
            for number in range(len(self._jobs)):
                while number not in self._answers:
                    self._hand_out(number + AHEAD)
                    self._collect()
                yield self._answers.pop(number)
        finally:
            for worker in [*self._idle, *self._busy.values()]:
                worker.end()

    def _hand_out(self, before: int) -> None:
        while self._next < min(len(self._jobs), before) and len(self._busy) < self._plan.workers:
            worker = self._idle.pop() if self._idle else _Worker()
            worker.give(self._next, self._jobs[self._next], self._plan.timeout)
            self._busy[worker.pipe] = worker
            self._next += 1

    def _collect(self) -> None:
        deadlines = [worker.deadline for worker in self._busy.values() if worker.deadline is not None]
        patience = max(0.0, min(deadlines) - time.monotonic()) if deadlines else None
        ready = wait(list(self._busy), patience)
        for pipe in [pipe for pipe in self._busy if pipe in ready]:
            self._take(self._busy.pop(pipe))
        now = time.monotonic()
        for worker in list(self._busy.values()):
            if worker.deadline is not None and worker.deadline <= now:
                del self._busy[worker.pipe]
                worker.end()
                self._fail(worker, f"no answer within {self._plan.timeout:g} seconds", f"raise --timeout, or {ALONE}")

    def _take(self, worker: _Worker) -> None:
        # A pipe that has something to read has an answer, or its worker is gone.
        try:
            self._answers[worker.number] = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join(END)
            self._fail(worker, f"its worker process died ({_how(worker.end())})", ALONE)
            return
        if self._plan.once:
            worker.end()
        else:
            self._idle.append(worker)

    def _fail(self, worker: _Worker, wrong: str, remedy: str) -> None:
        self._answers[worker.number] = failed(self._jobs[worker.number], wrong, remedy)


def _how(code: Optional[int]) -> str:
    if code is not None and code < 0:
        return f"by signal {-code}"
    return f"with exit code {code}"
