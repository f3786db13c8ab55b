"""The debugger's settings that change what hogwalk's commands mean: found once, set aside, put back.

hogwalk's commands are written for the debugger's defaults: radix 16, MASM's evaluator, a walk by all that is known of
the code.  Where the user has others, each command runs between setting these and setting the user's back.

Nor do the user's aliases mean hogwalk's commands: the debugger replaces none in a line that begins as `al` or `ad` does
(seen in dbgeng 10.0.15063; inside the braces of `.foreach` it still does).
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Callable, ContextManager, List, Optional, Tuple

from hogwalk.errors import CommandFailed
from hogwalk.targets.parsers.settings import evaluator, frame_pointers_only, has_aliases, radix

FORCED = ".stkwalk_force_frame_pointer"
ALIASES, ASKED = "al", "n; .expr"
UNALIASED = "ad /q hogwalk-none; "  # deletes no alias, for there is none of that name, and says nothing of it
FORCED_NOTE = (
    f"{FORCED} was on: hogwalk turned it off for its own kf and on again after it; your own kf follows saved EBPs "
    "alone meanwhile, past trap frames and frames without EBP"
)
Run = Callable[[str], str]


@dataclass(frozen=True)
class Setting:
    """The command that sets the default, the one that sets the user's again, whether it matters to walks alone."""

    default: str
    restore: str
    walks_only: bool


class Settings:
    """The settings of one debugger; `run` runs a command in it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._found: Optional[Tuple[Setting, ...]] = None
        self._aliased = False

    @property
    def notes(self) -> Tuple[str, ...]:
        """What the user should know of the settings found so far."""
        return tuple(FORCED_NOTE for one in self._found or () if one.walks_only)

    def unaliased(self, command: str) -> str:
        """A command as it goes to the debugger: where the user has aliases, none of them is replaced in it."""
        return UNALIASED + command if self._aliased else command

    def set_aside(self, command: str = "") -> ContextManager[object]:
        """A context in which the defaults that matter to a command hold; what was set comes back at its end."""
        if self._found is None:
            self._found = tuple(self._find())
        walk = command.startswith("k")
        with ExitStack() as stack:  # whatever fails on the way: what was set aside so far comes back
            for setting in self._found:
                if walk or not setting.walks_only:
                    stack.callback(self._run, setting.restore)
                    self._run(setting.default)
            return stack.pop_all()

    def _find(self) -> List[Setting]:
        try:
            text = self._run(f"{ALIASES}; {FORCED}; {ASKED}")
        except CommandFailed:  # an engine without that setting
            text = self._run(f"{ALIASES}; {ASKED}")
        found = []
        self._aliased = has_aliases(text)
        number, name = radix(text), evaluator(text)
        if number not in (16, None):
            found.append(Setting("n 16", f"n {number}", False))  # read as decimal under any radix
        if name not in ("MASM", None):
            found.append(Setting(".expr /s masm", f".expr /s {name}", False))
        if frame_pointers_only(text):
            found.append(Setting(f"{FORCED} 0", f"{FORCED} 1", True))
        return found
