"""Compare the suite's `!py` host with the real pykd bootstrapper, case by case: python -m tests.bootstrapper DLL.

The suite's `!py` is an imitation, for the bootstrapper (pykd-ext) is on no package registry.  Given its x64 DLL this
runs both in the same engine on the same steps: what a script sees of its surroundings, how it ends, and hogwalk itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from tests.engine.engine import Engine, Target, unannounced
from tests.engine.setup import install
from tests.engine.wine import Setting
from tests.stackhog import DUMP, LAUNCHER, ROOT, SYMBOLS

VARIABLE = "HOGWALK_PYKD_EXT"  # names the DLL for the test suite
SCRIPTS = {
    "seen": """\
import sys
def names(stream):
    return [name for name in dir(stream) if not name.startswith("_") and name != "cppobject"]
print(__name__, "__file__" in globals(), sys.argv, sys.getrecursionlimit(), sys.path)
print(names(sys.stdout), names(sys.stderr), names(sys.stdin))
print(sys.stdout.encoding, sys.stdout.closed, sys.stdout.isatty(), sys.stdout.write(""), sys.stdin.encoding)
print("pykd" in sys.modules, hasattr(sys, "seen"), "kept" in globals())
sys.seen = kept = True
import pykd
print(pykd.isWindbgExt(), pykd.isDumpAnalyzing(), pykd.isKernelDebugging(), pykd.ptrSize())
print(pykd.loadDWords(0xB8AE6000, 4), pykd.dbgCommand("lm"))
pykd.dprintln("<b>x</b> &lt;", True)
sys.stdout.writedml("<b>y</b>\\n")
print("caf\\xe9 \\u20ac")
""",
    "quiet": "import sys\nprint('said')\nsys.exit('unheard')\n",
    "coded": "raise SystemExit(3)\n",
    "broken": "def inner():\n    return {}['key']\n\n\ninner()\n",
    "misspelt": "if True\n    pass\n",
    "long": "import sys\nsys.stdout.write('a' * 70000)\nsys.stdout.write('b')\n",
    "deep": "def deeper(n):\n    return deeper(n + 1)\ntry: deeper(0)\nexcept RecursionError: print('deep')\n",
    "failing": "import pykd\ntry: pykd.dbgCommand('kf=,')\nexcept Exception as error: print(type(error), error)\n",
}  # fmt: skip
CASES: Tuple[Tuple[str, Tuple[str, ...]], ...] = (
    ("what a script sees", ('!py seen a "b c" \'d\' \\x', "!py seen")),
    ("the same with -g, twice", ("!py -g seen a", "!py -g seen b")),
    ("-g and local do not mix", ("!py -g seen", "!py seen", "!py -g seen", "!py -l seen", "!py --local seen")),
    ("versions and long options", ("!py -3 quiet", "!py -3.9 quiet", "!py -3.9 -g quiet", "!py --global quiet")),
    ("the end of a script", ("!py quiet", "!py coded", "!py broken", "!py misspelt", "!py nowhere")),
    ("the end of a script, -g", ("!py -g coded", "!py -g broken", "!py -g quiet")),
    ("a module", ("!py -m this", "!py --module this", "!py -g -m this")),
    ("long output, deep recursion, a refused command", ("!py long", "!py deep", "!py failing", "!py failing.py")),
    ("hogwalk by name", ("!py hogwalk", "!py hogwalk --plain", "!py hogwalk walk --json")),
    ("hogwalk with -g", ("!py -g hogwalk", "!py -g hogwalk frame 51", "!py -g hogwalk", "!py -g hogwalk stack @esp")),
    ("hogwalk by module", ("!py -m hogwalk usage", "!py -g -m hogwalk compare")),
    ("help and errors", ("!py hogwalk -h", "!py hogwalk nonsense", "!py -g hogwalk frame zz", "!py hogwalk ?")),
    ("hogwalk heal", ("!py hogwalk heal", "!py -g hogwalk heal --keep")),
    ("an alias", ("as !hog !py -g hogwalk", "!hog", "!hog frame 51")),
)  # fmt: skip


class Compared(NamedTuple):
    """One case: what it is about, its steps, and the first of them that differs with both outputs, or None."""

    about: str
    steps: Tuple[str, ...]
    differing: Optional[Tuple[str, str, str]]


def compare(engine: Engine, bootstrapper: Path, scripts: Path) -> List[Compared]:
    """Every case in a session of its own, by the real bootstrapper and by the suite's host."""
    for name, text in SCRIPTS.items():
        (scripts / f"{name}.py").write_text(text, "ascii")
    setting = Setting(import_path=(ROOT,), search_path=(LAUNCHER, scripts), timeout=300)
    target = Target(DUMP, symbols=[SYMBOLS])
    found = []
    for about, steps in CASES:
        real = engine.bootstrapped(bootstrapper, target, steps, setting)
        ours = engine.host(target, spelt_out(steps), setting)
        both = [(step.command, unannounced(step.output), unannounced(own.output)) for step, own in zip(real, ours)]
        found.append(Compared(about, steps, next((one for one in both if one[1] != one[2]), None)))
    return found


def spelt_out(steps: Sequence[str]) -> List[str]:
    """Steps with their aliases replaced: the debugger does that in what it executes, the host runs `!py` itself."""
    aliases: Dict[str, str] = {}
    found = []
    for step in steps:
        if step.startswith("as "):
            name, _, meaning = step[3:].partition(" ")
            aliases[name] = meaning
        word, blank, rest = step.partition(" ")
        found.append(aliases.get(word, word) + blank + rest)
    return found


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Prints a line for each case; 1 where one differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.bootstrapper", description=__doc__.partition("\n")[0])
    parser.add_argument("dll", type=Path, help="the bootstrapper's x64 pykd.dll")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = compare(Engine(install()), options.dll, Path(folder))
    for case in found:
        print(f"{'same' if case.differing is None else 'DIFFERENT'}: {case.about} ({len(case.steps)} steps)")
        if case.differing is not None:
            print("  {}\n  real {!r}\n  host {!r}".format(*(text[:600] for text in case.differing)))
    same = sum(case.differing is None for case in found)
    print(f"{same} of {len(found)} cases the same, {sum(len(case.steps) for case in found)} steps")
    return 0 if same == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
