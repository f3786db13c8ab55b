"""Run a child process that is sure to end, with its output."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Mapping, Optional, Sequence

from tests.engine.errors import EngineRunError

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1 << 16


@dataclass(frozen=True)
class Finished:
    """A process that ended: its exit code and what it printed, carriage returns stripped."""

    code: int
    stdout: str
    stderr: str


def decode(raw: bytes) -> str:
    """Return a Windows program's output as text: UTF-8 where it is that, else code page 1252; no carriage returns."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    return text.replace("\r", "")


def run_bounded(
    command: Sequence[str], environment: Mapping[str, str], timeout: float, cwd: Optional[Path] = None
) -> Finished:
    """Return the finished process; raise EngineRunError after timeout seconds, with the whole process group killed.

    The child gets pipes (Python under Wine has no stdout on a plain file) and no standard input.
    """
    process = subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environment),
        cwd=cwd,
        start_new_session=True,
    )
    output = _Output(process)
    try:
        ended = output.follow(time.monotonic() + timeout)
    finally:
        if process.poll() is None:
            _kill_group(process)
        output.close()
    if not ended:
        raise EngineRunError(f"no end after {timeout:g} s: {' '.join(command)}\n{output.stdout}{output.stderr}")
    return Finished(process.returncode, output.stdout, output.stderr)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class _Output:
    """Collects both pipes until stdout closes and the process has ended.

    The end of stderr is not waited for: Wine's service processes inherit it and live on for seconds.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._pipes = (process.stdout, process.stderr)
        self._parts = (bytearray(), bytearray())
        for pipe in self._pipes:
            os.set_blocking(pipe.fileno(), False)

    @property
    def stdout(self) -> str:
        return decode(bytes(self._parts[0]))

    @property
    def stderr(self) -> str:
        return decode(bytes(self._parts[1]))

    def follow(self, deadline: float) -> bool:
        """Collect until the process has ended; false when the deadline (monotonic seconds) came first."""
        with selectors.DefaultSelector() as selector:
            for index, pipe in enumerate(self._pipes):
                selector.register(pipe, selectors.EVENT_READ, index)
            while self._pipes[0] in selector.get_map():
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    return False
                for key, _ in ready:
                    if not self._drain(key.data):
                        selector.unregister(key.fileobj)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))
        self._drain(1)
        return self._process.returncode is not None

    def close(self) -> None:
        for pipe in self._pipes:
            pipe.close()

    def _drain(self, index: int) -> bool:
        """Take what the pipe holds; false at its end."""
        with contextlib.suppress(BlockingIOError):
            while True:
                chunk = os.read(self._pipes[index].fileno(), _CHUNK)
                if not chunk:
                    return False
                self._parts[index].extend(chunk)
        return True
