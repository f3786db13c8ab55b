"""The installed engine: run debugger commands on a dump, scripts the way !py runs them, and Windows Python."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Sequence, Union

from tests.engine.bounded import Finished
from tests.engine.errors import EngineRunError
from tests.engine.wine import Prefix, Setting, windows_path, windows_paths

_PLAIN = Setting()


@dataclass(frozen=True)
class Step:
    """One step of a session: its text, what it printed, its HRESULT, its script's longest write (characters)."""

    command: str
    output: str
    status: int
    longest_write: int


_UNOPENED = Step("open", "", 1, 0)


@dataclass(frozen=True)
class Target:
    """What to debug: a dump file, a live kernel by the engine's own string, a program by its command line; where
    symbols and images are.

    With `markup` the session's output is the debugger's markup (DML), as WinDbg's window takes it.
    """

    dump: Optional[Path] = None
    connect: str = ""
    symbols: Sequence[Path] = ()
    images: Sequence[Path] = ()
    markup: bool = False
    program: str = ""


@dataclass(frozen=True)
class Engine:
    """Programs in one installed engine; each raises EngineRunError when it does not come to its end."""

    prefix: Prefix

    def python(self, arguments: Sequence[Union[str, Path]], setting: Setting = _PLAIN) -> Finished:
        """Return Windows Python, run with these arguments; a Path is passed as Windows sees it, a str as it is."""
        passed = [windows_path(argument) if isinstance(argument, Path) else argument for argument in arguments]
        return self.prefix.run(self.prefix.python / "python.exe", passed, setting)

    def kd(self, target: Target, steps: Sequence[str], setting: Setting = _PLAIN) -> List[Step]:
        """Return what each debugger command printed, in one session; ":state" prints the debugger's own state."""
        return self._session("kd.exe", target, steps, setting)

    def host(self, target: Target, steps: Sequence[str], setting: Setting = _PLAIN) -> List[Step]:
        """Return what each step printed; "!py NAME ARGUMENTS" runs a script as pykd's bootstrapper does."""
        return self._session("pyhost.exe", target, steps, setting)

    def bootstrapped(
        self, bootstrapper: Path, target: Target, steps: Sequence[str], setting: Setting = _PLAIN
    ) -> List[Step]:
        """Return the same as host(), but with the real bootstrapper DLL loaded into the debugger."""
        return self._session("kd.exe", target, [f".load {windows_path(bootstrapper)}", *steps], setting)[1:]

    def _session(self, program: str, target: Target, steps: Sequence[str], setting: Setting) -> List[Step]:
        token = secrets.token_hex(8)
        symbols = windows_paths(target.symbols or [self.prefix.no_symbols])
        options = ["-t", token, "-y", symbols]
        if target.images:
            options += ["-i", windows_paths(target.images)]
        if target.markup:
            options += ["-d", "1"]
        if target.dump is not None:
            options += ["-z", windows_path(target.dump)]
        else:
            options += ["-p", target.program] if target.program else ["-k", target.connect]
        finished = self.prefix.run(self.prefix.debugger / program, [*options, *steps], setting)
        opened, *done = _parse(finished.stdout, token) or [_UNOPENED]
        if opened.status or len(done) != len(steps):
            raise EngineRunError(
                f"{program} ended with {finished.code} after {len(done)} of {len(steps)} steps\n"
                f"{finished.stdout}{finished.stderr}"
            )
        return done


def unannounced(said: str) -> str:
    """What hogwalk printed, without what it announces as slow: how long it takes is the machine's."""
    return re.sub(r"^hogwalk: [^\n]* \.\.\n", "", said, flags=re.MULTILINE)


def _parse(transcript: str, token: str) -> List[Step]:
    """Return the steps that ended, the opening of the target first."""
    pattern = rf"^{token} begin (.*?)\n(.*?)\n{token} done ([0-9a-f]+) (\d+)$"
    return [
        Step(command, output, int(status, 16), int(longest))
        for command, output, status, longest in re.findall(pattern, transcript, re.MULTILINE | re.DOTALL)
    ]
