"""Crash dumps opened directly, without a debugger: kernel dumps and user minidumps as targets."""

from hogwalk.targets.dump.opened import DumpTarget, open_dump

__all__ = ["DumpTarget", "open_dump"]
