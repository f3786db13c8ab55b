"""The house rules: who may import whom, how large things may grow, what may not stand in a committed file."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import pytest

ROOT = Path(__file__).parent.parent
TOP = {"pyproject.toml", "README.md", "hogwalk", "tests", "fixtures"}
MOST_LINES, MOST_FUNCTION_LINES = 300, 45
FOLDERS = ("hogwalk", "tests", "fixtures")
# The rooms, in the order of the data's way: each may import those before it and itself, never those behind it.
ORDER = (
    "printable", "machine.windows", "machine.words", "errors", "model", "fault", "bundle", "machine.x86", "machine.x64",
    "targets.images", "targets.symbols", "targets.parsers", "targets.protocol", "targets.null", "targets.teb",
    "targets.packed", "targets.recorder", "targets.recording", "targets.settings", "targets.held", "targets.processes",
    "targets.line", "targets.beside", "targets.disk", "targets.engine", "targets.attach", "targets.dump",
    "targets.text",
    "walk.facts", "walk.printed", "walk.kf", "walk.evidence", "walk.rebuild", "walk.unwound",
    "walk.merge", "walk.heal",
    "answer.charge", "answer.report", "answer.explain", "earlier", "analysis", "answer.threads", "answer.render",
    "app.cli", "app.batch", "__main__", "",
)  # fmt: skip
WINGS = {room.partition(".")[0] for room in ORDER if "." in room}
# Who may know that there is more than the protocol: all others must do with any target.
TARGETS = tuple(f"hogwalk.targets.{name}" for name in ("engine", "attach", "recorder", "recording", "dump", "text"))
KNOW_TARGETS = ("targets", "app")
# Spelt in parts, or this file would hold what it forbids.
MACHINE_PATH = re.compile("|".join(("/" + "work/", "/" + "root/", "/tmp/" + "wol", "/" + "home/", "/opt/" + "pypi")))
TEXT_FILES = {".py", ".md", ".toml", ".txt", ".json", ".cfg", ".ini", ".c", ".s", ".recording", ""}


def tracked() -> List[Path]:
    """Every file that git would commit; all files where there is no git."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this needs the project's git checkout")
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def sources(folder: str = "") -> List[Path]:
    return [path for path in tracked() if path.suffix == ".py" and str(path.relative_to(ROOT)).startswith(folder)]


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def trees(folder: str) -> Dict[str, ast.Module]:
    return {short(path): ast.parse(path.read_text(encoding="utf-8")) for path in sources(folder)}


def imports(tree: ast.Module) -> Iterator[str]:
    """Every module a file imports, inside functions too; `from a import b` counts as a and a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_the_house_has_files_to_look_at() -> None:
    assert len(sources("hogwalk/")) > 50
    assert len(sources("tests/")) > 30


def room_of(module: str) -> str:
    """The room of a module of the package: "walk.facts" of hogwalk.walk.facts.words."""
    parts = module.split(".")[1:]
    return ".".join(parts[: 2 if parts and parts[0] in WINGS else 1])


def modules() -> Dict[str, ast.Module]:
    """The package's modules by their dotted names."""
    return {name[:-3].replace("/", ".").replace(".__init__", ""): tree for name, tree in trees("hogwalk/").items()}


def test_every_room_has_its_place_in_the_order() -> None:
    rooms = {room_of(name) for name in modules() if room_of(name) not in WINGS}
    assert rooms - set(ORDER) - {"app.launcher", "app.demo", "app.help"} == set()
    assert [room for room in ORDER if room not in rooms and room] == []


def test_imports_follow_the_order_of_the_rooms() -> None:
    known = modules()
    against = []
    for name, tree in known.items():
        for module in imports(tree):
            # The package itself gives its version to anyone.
            if module not in known or module == "hogwalk" or room_of(module) in WINGS:
                continue
            if room_of(name) not in ("app.launcher", *WINGS) and ORDER.index(room_of(module)) > ORDER.index(
                room_of(name)
            ):
                against.append(f"{name}: {module}")
    assert against == []


def test_only_few_rooms_know_the_targets_apart() -> None:
    found = [
        f"{name}: {module}"
        for name, tree in modules().items()
        for module in imports(tree)
        if module.startswith(TARGETS) and room_of(name) and not room_of(name).startswith(KNOW_TARGETS)
    ]
    assert found == []


def test_only_the_command_line_parses_arguments() -> None:
    found = [
        f"{name}: {module}"
        for name, tree in modules().items()
        for module in imports(tree)
        if module == "argparse" and not room_of(name).startswith("app")
    ]
    assert found == []


def test_pykd_is_known_to_one_file_only() -> None:
    named = [
        name
        for name, tree in trees("hogwalk/").items()
        if any(module.split(".")[0] == "pykd" for module in imports(tree)) or "pykd" in imported_by_name(tree)
    ]
    assert named == ["hogwalk/targets/engine.py"]


def imported_by_name(tree: ast.Module) -> List[object]:
    """The constant arguments of every import_module(...) and __import__(...)."""
    called: List[object] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name)):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if name in ("import_module", "__import__"):
                called += [part.value for part in node.args if isinstance(part, ast.Constant)]
    return called


def written(node: ast.AST) -> str:
    """Where a call writes to: "print", "stdout" or "stderr", else nothing."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Name):
        return node.func.id if node.func.id == "print" else ""
    if not isinstance(node.func, ast.Attribute) or node.func.attr != "write":
        return ""
    stream = node.func.value
    return stream.attr if isinstance(stream, ast.Attribute) and stream.attr in ("stdout", "stderr") else ""


def test_only_the_command_line_writes_to_the_standard_streams() -> None:
    found = [
        f"{name}:{getattr(node, 'lineno', 0)}: {written(node)}"
        for name, tree in trees("hogwalk/").items()
        for node in ast.walk(tree)
        if written(node) and not name.startswith(("hogwalk/__main__.py", "hogwalk/app/"))
    ]
    assert found == []


def test_files_stay_small() -> None:
    sizes = {short(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert {name: size for name, size in sizes.items() if size > MOST_LINES} == {}


def functions(tree: ast.Module) -> Iterator[Tuple[str, int, int]]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1


def test_functions_stay_small() -> None:
    found = [
        f"{file}:{line} {name} has {size} lines"
        for folder in FOLDERS
        for file, tree in trees(f"{folder}/").items()
        for name, line, size in functions(tree)
        if size > MOST_FUNCTION_LINES
    ]
    assert found == []


def test_modules_of_the_package_say_what_they_are_for() -> None:
    assert [name for name, tree in trees("hogwalk/").items() if not ast.get_docstring(tree)] == []


def test_no_error_is_swallowed_whole() -> None:
    handed_on = "hogwalk/targets/beside.py"  # to the thread that waits for the answer, or raised again
    found = []
    for name, tree in trees("hogwalk/").items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            kinds = {part.id for part in ast.walk(node.type) if isinstance(part, ast.Name)} if node.type else {"all"}
            if kinds & {"all", "Exception", "BaseException"} and name != handed_on:
                found.append(name)
    assert found in (["hogwalk/__main__.py"], ["hogwalk/fault.py"])


def test_no_global_statement() -> None:
    found = [
        name
        for folder in FOLDERS
        for name, tree in trees(f"{folder}/").items()
        if any(isinstance(node, ast.Global) for node in ast.walk(tree))
    ]
    assert found == []


def test_annotations_are_never_evaluated_on_python_38() -> None:
    # A `X | Y` or `list[int]` in an annotation is fine on 3.8 only with this import.
    bare = []
    for folder in FOLDERS:
        for name, tree in trees(f"{folder}/").items():
            annotated = any(isinstance(node, (ast.AnnAssign, ast.FunctionDef)) for node in ast.walk(tree))
            if annotated and "__future__" not in set(imports(tree)):
                bare.append(name)
    assert bare == []


def test_sources_are_ascii() -> None:
    found = [short(path) for path in sources() if not path.read_text(encoding="utf-8").isascii()]
    assert found == []


def test_no_machine_paths_in_committed_text() -> None:
    found = []
    for path in tracked():
        if path.suffix not in TEXT_FILES:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{short(path)}: {match.group()}" for match in MACHINE_PATH.finditer(text)]
    assert found == []


def test_the_top_level_is_fixed() -> None:
    top = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert {name for name in top if not name.startswith(".")} == TOP


def run_tool(*command: str) -> str:
    """What a checker prints, "" when it is content."""
    if importlib.util.find_spec(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=900
    )
    return done.stdout + done.stderr if done.returncode else ""


def test_the_types_hold() -> None:
    assert run_tool("mypy") == ""


def test_the_linter_is_content() -> None:
    assert run_tool("ruff", "check", "--quiet", *FOLDERS) == ""


def test_the_format_is_kept() -> None:
    assert run_tool("ruff", "format", "--check", "--quiet", *FOLDERS) == ""


def test_word_sizes_are_written_out_in_the_machine_room_only() -> None:
    """No address printed by eight digits, no word of four bytes taken for granted in what works for every machine."""
    digits = re.compile(r":08x|:016x")
    sizes = re.compile(
        r"(?:slot|frame_ptr|address|pointer|stack_ptr|esp) [+-] 4\b|\b4 \*|>> 2\b|& 3\b|// 4\b|0xFFFF_?FFFF\b"
    )
    found = []
    for path in sources("hogwalk/"):
        name = short(path)
        if name.startswith("hogwalk/machine/"):
            continue
        formats = name.startswith("hogwalk/targets/")  # file formats have words and codes of their own
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            code = formats and ("timestamp" in line or "exception " in line)
            if (digits.search(line) and not code) or (sizes.search(line) and not formats):
                found.append(f"{name}:{number}: {line.strip()}")
    assert found == []
