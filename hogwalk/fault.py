"""The one place where hogwalk's own faults are caught, for a live triage must see one line, not a traceback."""

from __future__ import annotations

import os
from typing import Callable, TypeVar

from hogwalk.errors import HogwalkError

Result = TypeVar("Result")


class Fault(HogwalkError):
    """hogwalk itself went wrong."""


def guarded(job: Callable[[], Result]) -> Result:
    """What the job returns; raises Fault instead of any error that nobody foresaw, running out of memory included."""
    try:
        return job()
    except (HogwalkError, BrokenPipeError):
        raise
    except Exception as error:
        raise Fault(_what(error), "report it with a --record file") from error


def _what(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace is not None else "?"
    words = " ".join(str(error).split())
    return f"a fault of hogwalk's own ({type(error).__name__} at {where}: {words})"
