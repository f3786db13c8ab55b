"""What the debugger holds: kind, machine and bug check, by pykd's own questions (`pykd` is the module)."""

from __future__ import annotations

import ntpath
from typing import Any, Callable, Optional

from hogwalk.errors import CommandFailed, NoDebugger
from hogwalk.model import About, BugCheck, Raised
from hogwalk.targets.parsers.raised import parse_raised
from hogwalk.targets.parsers.settings import dump_file

MACHINES = {"I386": "x86", "AMD64": "x64", "ARM": "arm", "ARM64": "arm64"}


def about_of(pykd: Any, command: Callable[[str], str]) -> About:
    """What the debugger is attached to; raises NoDebugger when it holds no target."""
    try:
        kernel, dump = pykd.isKernelDebugging(), pykd.isDumpAnalyzing()
        machine = MACHINES.get(str(pykd.getCPUMode()).rpartition(".")[2], "unknown")
        pointer, page = pykd.ptrSize(), pykd.pageSize()
    except pykd.DbgException as error:
        raise NoDebugger(
            f"the debugger holds no target ({one_line(error)})", "open a dump or attach, then run hogwalk again"
        ) from error
    kind = ("kernel" if kernel else "user") + " dump" if dump else "live " + ("kernel" if kernel else "user")
    # The name without its folder: reports are pasted into mails.
    source = ntpath.basename(dump_file(command("||"))) if dump else ""
    check, raised = (_bug_check(pykd, pointer), None) if kernel else (None, _raised(command))
    return About(kind, machine, pointer, page, check, source, raised)


def _raised(command: Callable[[str], str]) -> Optional[Raised]:
    try:
        return parse_raised(command(".exr -1"), command(".lastevent"))
    except CommandFailed:  # the last event was no exception
        return None


def _bug_check(pykd: Any, pointer: int) -> Optional[BugCheck]:
    try:
        code, *arguments = pykd.bugCheckData()
    except pykd.DbgException:
        return None
    mask = (1 << 8 * pointer) - 1
    return BugCheck(code, tuple(argument & mask for argument in arguments)) if code else None


def one_line(error: Exception) -> str:
    """An error's words on one line."""
    return " ".join(str(error).split())
