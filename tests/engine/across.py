"""One session of the debugger over many dumps: the start of Wine and of Python is paid once."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Sequence

from tests.engine.engine import Engine, Step, Target
from tests.engine.wine import Setting, windows_path, windows_paths

# The engine's own `.opendump` would keep the older dumps open beside the new one.
SCRIPT = "import sys\nimport pykd\npykd.closeDump(0)\npykd.loadDump(sys.argv[1])\n"


def across(
    engine: Engine, dumps: Sequence[Target], steps: Sequence[Sequence[str]], setting: Setting
) -> List[List[Step]]:
    """What the steps for each dump print, run with that dump open as the session's only target."""
    folder = engine.prefix.drive / "scripts"
    folder.mkdir(exist_ok=True)
    (folder / "other_dump.py").write_text(SCRIPT, "ascii")
    every: List[str] = []
    for dump, own in zip(dumps, steps):
        assert dump.dump is not None
        path = f".sympath {windows_paths(dump.symbols or [engine.prefix.no_symbols])}"
        every += [path, f'!py other_dump "{windows_path(dump.dump)}"', *own]
    done = engine.host(dumps[0], every, replace(setting, search_path=(*setting.search_path, folder)))
    found: List[List[Step]] = []
    for own in steps:
        found.append(done[2 : 2 + len(own)])
        done = done[2 + len(own) :]
    return found
