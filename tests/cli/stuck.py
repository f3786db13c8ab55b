"""Jobs that a worker process never finishes: one hangs, one dies.  Found by name when they arrive there."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from typing import Any

from hogwalk.app.batch.job import Job

FOREVER = 1000.0  # seconds


class Hanging(Job):
    """A job whose file is never read to its end."""

    def __getattribute__(self, name: str) -> Any:
        """Hangs in the worker that asks for the file's name."""
        if name == "path" and multiprocessing.parent_process() is not None:
            time.sleep(FOREVER)
        return super().__getattribute__(name)


class Deadly(Job):
    """A job whose file ends the process that reads it."""

    def __getattribute__(self, name: str) -> Any:
        """Kills the worker that asks for the file's name."""
        if name == "path" and multiprocessing.parent_process() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getattribute__(name)
