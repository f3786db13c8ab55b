"""Compile and link one generated module into a PE image, with results kept by content hash."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from tests.lab.plan import ModulePlan
from tests.lab.styles import GCC_FPO

TOOLS = ("clang", "lld-link", "i686-w64-mingw32-gcc")
_COMMON = ("-march=i686", "-ffreestanding", "-fms-extensions", "-fno-builtin", "-w", "-c", "-x", "c")
_CLANG = ("clang", "-target", "i686-pc-windows-msvc", "-mno-implicit-float")
_GCC = (
    "i686-w64-mingw32-gcc",
    "-mpreferred-stack-boundary=2",
    "-fno-asynchronous-unwind-tables",
    "-fno-ident",
    "-fno-stack-protector",
)
_NOT_CODE = {"__scope", "__guard_pointer", "_KiServiceTable", "_KiArgumentTable"}
_MAP_LINE = re.compile(r"^ (\d{4}):([0-9a-f]{8})\s+(\S+)\s+([0-9a-f]{16})\s")


class ToolError(RuntimeError):
    """A compiler or linker failed or is missing; the text holds its own message."""


@dataclass(frozen=True)
class Built:
    """A linked module: files and, by name, the addresses of its code symbols (as linked at its base)."""

    plan: ModulePlan
    image: Path
    pdb: Optional[Path]
    library: Path
    symbols: Dict[str, int]
    code_symbols: Tuple[Tuple[int, str], ...]


@lru_cache(maxsize=None)
def versions() -> Tuple[Tuple[str, str], ...]:
    """First version line of every tool; raises ToolError where one is missing."""
    return tuple((tool, _run([tool, "--version"], Path.cwd()).splitlines()[0]) for tool in TOOLS)


def missing_tools() -> List[str]:
    """Names of the tools that are not installed."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def cache_root() -> Path:
    """Folder of kept results: HOGWALK_LAB_CACHE, or hogwalk-lab in the temporary folder."""
    default = os.path.join(tempfile.gettempdir(), "hogwalk-lab")
    return Path(os.environ.get("HOGWALK_LAB_CACHE", default))


def build(plan: ModulePlan, source: str, base: int, libraries: Sequence[Path]) -> Built:
    """Compile source as the plan says and link it at base; raises ToolError with the tool's own words."""
    key = repr((versions(), plan.kind, plan.flags, plan.symbols, plan.exports, base, source, plan.file))
    folder = cache_root() / hashlib.sha256(key.encode("utf-8")).hexdigest()[:32]
    if not (folder / plan.file).exists():
        _build_into(folder, plan, source, base, libraries)
    symbols, code = _read_map((folder / "module.map").read_text("utf-8"))
    pdb = folder / _pdb_name(plan) if plan.symbols else None
    return Built(plan, folder / plan.file, pdb, folder / (plan.name + ".lib"), symbols, code)


def _build_into(folder: Path, plan: ModulePlan, source: str, base: int, libraries: Sequence[Path]) -> None:
    """Build beside the cache and move the finished folder in, so that a broken run leaves nothing half made."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=folder.parent))
    (work / "module.c").write_text(source, "utf-8")
    debug = ("-g", "-gcodeview") if plan.symbols else ()
    compiler = _GCC if plan.kind == GCC_FPO else _CLANG
    _run([*compiler, *_COMMON, *plan.flags, *debug, "module.c", "-o", "module.o"], work)
    options = [
        "/dll",
        "/noentry",
        f"/base:0x{base:x}",
        "/out:" + plan.file,
        f"/implib:{plan.name}.lib",
        "/map:module.map",
        "/Brepro",
        "/safeseh:no",
        "/subsystem:native",
        "/nodefaultlib",
    ]
    if plan.symbols:
        options += ["/debug", "/pdb:" + _pdb_name(plan), "/pdbaltpath:" + _pdb_name(plan)]
    options += ["/export:" + name for name in plan.exports]
    _run(["lld-link", *options, "module.o", *map(str, libraries)], work)
    try:
        work.rename(folder)
    except OSError:
        shutil.rmtree(work)  # another process was faster
        if not folder.exists():
            raise


def _pdb_name(plan: ModulePlan) -> str:
    return plan.file.rsplit(".", 1)[0] + ".pdb"


def _run(command: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=str(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    except FileNotFoundError as error:
        raise ToolError(f"{command[0]} is not installed") from error
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise ToolError(f"{command[0]} failed: {text[:2000]}")
    return text


def _read_map(text: str) -> Tuple[Dict[str, int], Tuple[Tuple[int, str], ...]]:
    """All symbols of lld-link's map by name, and those in code sections sorted by address."""
    symbols: Dict[str, int] = {}
    code: Dict[int, str] = {}
    for line in text.splitlines():
        match = _MAP_LINE.match(line)
        if match:
            name, address = match.group(3), int(match.group(4), 16)
            symbols.setdefault(name, address)
            if match.group(1) == "0001" and name not in _NOT_CODE and not name.startswith("."):
                code.setdefault(address, name)
    return symbols, tuple(sorted(code.items()))
