"""Opens the engine: the debugger's own, or one of this process with a dump or a live machine in it."""

from __future__ import annotations

import os
import time
from typing import Any, Callable

from hogwalk.errors import BadInput
from hogwalk.targets.engine import EngineTarget, load_pykd
from hogwalk.targets.held import one_line

BREAK_IN = 4.0  # seconds from the engine's first word to a running machine until it breaks in (dbgeng 10.0.15063)


def open_engine(
    dump: str = "",
    connect: str = "",
    symbol_path: str = "",
    image_path: str = "",
    attached: Callable[[], None] = lambda: None,
) -> EngineTarget:
    """The target the debugger holds, or, outside a debugger, one opened from a dump file or a connection string.

    `attached` is called once a machine has been broken into, before its modules are loaded.
    """
    pykd = load_pykd()
    if not (dump or connect):
        return EngineTarget(pykd)
    # The engine reads these once, when it starts; so no command is needed and nothing is reloaded.
    for variable, path in (("_NT_SYMBOL_PATH", symbol_path), ("_NT_EXECUTABLE_IMAGE_PATH", image_path)):
        if path:
            os.environ[variable] = ";".join(filter(None, (path, os.environ.get(variable))))
    try:
        pykd.initialize()
        if dump:
            pykd.loadDump(dump)
        else:
            return _attached(pykd, connect, attached)
    except pykd.DbgException as error:
        if dump:
            raise BadInput(f"the debugger cannot open {dump} ({one_line(error)})", "check the path") from error
        wrong = f"the debugger cannot connect to {connect} ({one_line(error)})"
        raise BadInput(wrong, "check the connection: cable, port, key, and that no other debugger holds it") from error
    return EngineTarget(pykd)


def _attached(pykd: Any, connect: str, attached: Callable[[], None]) -> EngineTarget:
    began = time.monotonic()
    pykd.attachKernel(connect)
    seconds = time.monotonic() - began
    attached()
    pykd.dbgCommand(".reload")  # before it a live kernel's list of modules holds nt alone
    target = EngineTarget(pykd)
    target.line.stopped_here = seconds >= BREAK_IN and target.about().bugcheck is None
    return target
