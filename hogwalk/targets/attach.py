"""Opens the engine: the debugger's own, or one of this process with a dump or a live machine in it."""

from __future__ import annotations

import os

from hogwalk.errors import BadInput
from hogwalk.targets.engine import EngineTarget, load_pykd
from hogwalk.targets.held import one_line


def open_engine(dump: str = "", connect: str = "", symbol_path: str = "", image_path: str = "") -> EngineTarget:
    """The target the debugger holds, or, outside a debugger, one opened from a dump file or a connection string."""
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
            pykd.attachKernel(connect)
            pykd.dbgCommand(".reload")  # before it a live kernel's list of modules holds nt alone
    except pykd.DbgException as error:
        remedy = (
            "check the path" if dump else "check the connection string as kd -k takes it: com:pipe,port=.. or net:.."
        )
        raise BadInput(f"the debugger cannot open {dump or connect} ({one_line(error)})", remedy) from error
    return EngineTarget(pykd)
