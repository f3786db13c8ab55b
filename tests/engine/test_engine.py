"""The engine itself: what the project's other tests rely on."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Dict, List

import pytest

from tests.bootstrapper import VARIABLE, compare
from tests.engine.engine import Engine, Step, Target
from tests.engine.errors import EngineRunError
from tests.engine.small_dump import KERNEL, LIMIT, WORDS, write_small_dump
from tests.engine.wheel import install_wheel
from tests.engine.wine import Setting, windows_path

# What a script that !py runs can see of its surroundings, one line each.
PROBE = """\
import sys
def names(stream):
    return [name for name in dir(stream) if not name.startswith("_") and name != "cppobject"]
print(__name__, "__file__" in globals(), sys.argv)
print(names(sys.stdout), names(sys.stderr), names(sys.stdin))
print(sys.stdout.encoding, sys.stdout.closed, sys.stdout.isatty(), sys.stdout.write(""), sys.stdin.encoding)
print(sys.getrecursionlimit(), sys.path, sys.flags)
print(sorted(globals()), "pykd" in sys.modules, hasattr(sys, "seen"))
sys.seen = True
import pykd
print(pykd.isWindbgExt(), pykd.isDumpAnalyzing(), pykd.isKernelDebugging(), pykd.ptrSize())
print(pykd.loadDWords(0xB8AE6000, 4), pykd.dbgCommand("lm"))
pykd.dprintln("<b>x</b> &lt;", True)
print("caf\\xe9 \\u20ac")
"""
CONSOLE = """\
import sys, pykd
pykd.initialize()
pykd.loadDump(sys.argv[1])
print(hex(pykd.ptrDWord(int(sys.argv[2], 16))))
sys.exit(7)
"""
LAST_WORDS = {
    "quiet": "import sys\nprint('said')\nsys.exit('unheard')\n",
    "broken": "def inner():\n    return {}['key']\n\n\ninner()\n",
    "misspelt": "if True\n    pass\n",
}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    return Target(write_small_dump(tmp_path_factory.mktemp("dump") / "small.dmp"))


@pytest.fixture
def scripts(tmp_path: Path) -> Setting:
    for name, text in {**LAST_WORDS, "probe": PROBE}.items():
        (tmp_path / f"{name}.py").write_text(text)
    return Setting(search_path=(tmp_path,))


def outputs(steps: List[Step]) -> List[str]:
    return [step.output for step in steps]


def test_commands_run_in_order_and_keep_their_own_output(engine: Engine, target: Target) -> None:
    words = f"dd {LIMIT:x} L4"
    steps = engine.kd(target, [words, ".nosuch", "? 1+1", ".symopt"])
    assert [step.command for step in steps] == [words, ".nosuch", "? 1+1", ".symopt"]
    assert steps[0].output == f"{LIMIT:x}  " + " ".join(f"{word:08x}" for word in WORDS[:4]) + "\n"
    assert (steps[1].status, "Syntax error" in steps[1].output) == (0x80040205, True)
    assert steps[2].output == "Evaluate expression: 2 = 00000002\n"


def test_the_engine_finds_the_kernel(engine: Engine, target: Target) -> None:
    (listed,) = outputs(engine.kd(target, ["lm"]))
    assert listed.splitlines()[1].split()[:3] == [f"{KERNEL:x}", f"{KERNEL + 0x3000:x}", "nt"]


def test_state_shows_what_a_command_changes(engine: Engine, target: Target) -> None:
    steps = engine.kd(target, [":state", "n 10", ".expr /s c++", ".effmach amd64", ":state"])
    before, after = (dict(line.split(" ", 1) for line in steps[i].output.splitlines() if " " in line) for i in (0, -1))
    changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    assert changed["radix"] == ("0x10", "0xa")
    assert changed["expression_evaluator"] == ("0x0", "0x1")
    assert changed["effective_machine"] == ("0x14c", "0x8664")


def test_a_target_that_does_not_open_is_an_error(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "no.dmp").write_bytes(b"no dump")
    with pytest.raises(EngineRunError, match="ended with 3 after 0 of 1 steps"):
        engine.kd(Target(tmp_path / "no.dmp"), ["lm"])


def test_a_script_sees_the_bare_surroundings_of_the_debugger(engine: Engine, target: Target, scripts: Setting) -> None:
    (step,) = engine.host(target, ["!py probe a \"b c\" 'd' \\x"], scripts)
    lines = step.output.splitlines()
    path = windows_path(scripts.search_path[0] / "probe.py")
    assert lines[0] == f"__main__ False {[path, 'a', 'b c', chr(39) + 'd' + chr(39), chr(92) + 'x']}"
    assert lines[1].startswith("['closed', 'encoding', 'flush', 'isatty', 'write', 'writedml'] ")
    assert lines[1].endswith(" ['closed', 'encoding', 'isatty', 'readline']")
    assert lines[2] == "ascii False False None ascii"
    assert lines[3].startswith(f"500 {[windows_path(scripts.search_path[0])]}"[:-1])
    assert lines[5] == "True True True 4"
    assert lines[6].startswith(str(list(WORDS[:4])))
    assert lines[-2:] == ["x <", "caf\xe9 \u20ac"]


def test_every_run_has_an_interpreter_of_its_own(engine: Engine, target: Target, scripts: Setting) -> None:
    first, _, second = engine.host(target, ["!py probe", "lm", "!py probe"], scripts)
    assert first.output == second.output
    assert first.output.splitlines()[4].endswith("False False")


def test_exits_are_silent_and_errors_are_printed(engine: Engine, target: Target, scripts: Setting) -> None:
    quiet, broken, misspelt, missing = outputs(
        engine.host(target, ["!py quiet", "!py broken", "!py misspelt", "!py nowhere"], scripts)
    )
    assert quiet == "said\n"
    assert broken.startswith("\n\nTraceback (most recent call last):\n")
    assert broken.rstrip().endswith("KeyError: 'key'")
    assert misspelt.rstrip().endswith("SyntaxError: invalid syntax")
    assert missing == "script not found\n\n"


def test_long_writes_are_measured_and_cut(engine: Engine, target: Target, tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("import sys\nsys.stdout.write('a' * 70000)\nsys.stdout.write('b')\n")
    (tmp_path / "short.py").write_text("import sys\nsys.stdout.write('a' * 1000)\n" * 3)
    setting = Setting(search_path=(tmp_path,))
    long, short = engine.host(target, ["!py long.py", "!py short"], setting)
    assert long.longest_write == 70000
    assert long.output == "a" * 16383 + "b"  # what the engine itself keeps of one call
    assert (short.longest_write, len(short.output)) == (1000, 3000)


def test_a_module_runs_by_name(engine: Engine, target: Target, tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack/__main__.py").write_text("import sys\nprint(__name__, sys.argv, 'file', __file__)\n")
    (step,) = engine.host(target, ["!py -m pack a"], Setting(import_path=(tmp_path,)))
    path = windows_path(tmp_path / "pack/__main__.py")
    assert step.output == f"__main__ {[path, 'a']} file {path}\n"


def test_windows_python_opens_the_dump_with_pykd(engine: Engine, target: Target, tmp_path: Path) -> None:
    assert target.dump is not None
    script = tmp_path / "console.py"
    script.write_text(CONSOLE)
    done = engine.python([script, target.dump, hex(LIMIT)])
    assert (done.code, done.stdout.splitlines()[-1]) == (7, hex(WORDS[0]))


def test_a_program_that_hangs_is_killed(engine: Engine) -> None:
    with pytest.raises(EngineRunError, match=r"(?s)no end after 2 s.*alive"):
        engine.python(["-u", "-c", "import time; print('alive'); time.sleep(60)"], Setting(timeout=2.0))


def test_a_wheel_is_laid_out_as_by_pip(engine: Engine, target: Target, tmp_path: Path) -> None:
    files: Dict[str, str] = {
        "thing/__init__.py": "print('imported')\n",
        "thing-1.0.data/scripts/thing.py": "#!python\nimport sys\nsys.path.pop(0)\nimport thing\n",
        "thing-1.0.dist-info/METADATA": "Name: thing\nVersion: 1.0\n",
    }
    with zipfile.ZipFile(tmp_path / "thing-1.0-py3-none-any.whl", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    setting = install_wheel(tmp_path / "thing-1.0-py3-none-any.whl", tmp_path / "target")
    launcher = tmp_path / "target/Scripts/thing.py"
    assert launcher.read_text().splitlines()[0] == "#!C:\\hogwalk\\win\\python.exe"
    assert outputs(engine.host(target, ["!py thing"], setting)) == ["imported\n"]


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"${VARIABLE} names no pykd bootstrapper DLL")
def test_the_real_bootstrapper_agrees(engine: Engine, tmp_path: Path) -> None:
    for case in compare(engine, Path(os.environ[VARIABLE]), tmp_path):
        assert case.differing is None, case.about
