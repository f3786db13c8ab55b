"""Serve a machine on a free port of this computer, in a thread, for as long as a test needs it."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from typing import Iterator, Optional

from tests.kd.counts import Counts
from tests.kd.faults import Faults
from tests.kd.link import Link
from tests.kd.machine import Machine, opened
from tests.kd.target import Target
from tests.kd.wire import LineDown

NO_FAULTS = Faults()
ENDED_SECONDS = 20.0


class Served:
    """A machine being served; `counts` may be looked at once the debugger has gone."""

    def __init__(self, machine: Machine, faults: Faults, port: int = 0) -> None:
        self.counts = Counts()
        self._target = Target(machine, self.counts, faults)
        self._faults = faults
        self._listener = socket.create_server(("127.0.0.1", port))
        self._link: Optional[Link] = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def connection(self) -> str:
        """The engine's connection string."""
        return f"com:ipport={self.port},port=127.0.0.1"

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def start(self) -> None:
        """Begins to accept debuggers, one after the other."""
        self._thread.start()

    def stop(self) -> None:
        """Hangs up and ends the thread."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for a debugger
        self._listener.close()
        if self._link is not None:
            self._link.close()
        self._thread.join(ENDED_SECONDS)
        assert not self._thread.is_alive(), "the target does not end"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.counts.attach()
                self._link = Link(connection, self.counts, self._faults)
                with contextlib.suppress(LineDown):
                    self._target.serve(self._link)


@contextlib.contextmanager
def serving(dump: Path, faults: Faults = NO_FAULTS, *, resident: bool = True, crashed: bool = True) -> Iterator[Served]:
    """Serves a dump: with missing kernel pages as zeros (`resident`) and the dump's bug check (`crashed`)."""
    machine = opened(dump)
    if resident:
        machine.fill()
    if crashed:
        machine.tell_bugcheck()
    with served(machine, faults) as one:
        yield one


@contextlib.contextmanager
def served(machine: Machine, faults: Faults = NO_FAULTS) -> Iterator[Served]:
    """Serves a machine."""
    one = Served(machine, faults)
    one.start()
    try:
        yield one
    finally:
        one.stop()
