"""The truth about one real file, run once and kept, and hogwalk's answers compared with it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Dict, Set, Tuple

from tests.real.compare import Comparison, compare
from tests.real.pe import Image
from tests.real.run import RECIPE, Call, Runner, runs
from tests.real.wheels import RealFile, UnreachableError, content

COMPILER = "i686-w64-mingw32-gcc"
DECORATED = re.compile(rb"__imp_(@|_)([A-Za-z_]\w*)@(\d+)\0")
KERNEL = ("libntoskrnl.a", "libhal.a")
BY_REGISTERS = 8  # bytes of arguments that a fastcall function takes in ECX and EDX
# The kernel's own that the import libraries lack, after its documentation: fastcall, and the compiler's arithmetic.
NOT_LISTED = {
    name: 0
    for names in (
        "IofCallDriver IofCompleteRequest ObfDereferenceObject ObfReferenceObject KfAcquireSpinLock KfReleaseSpinLock",
        "KfRaiseIrql KfLowerIrql InterlockedIncrement InterlockedDecrement InterlockedExchange InterlockedExchangeAdd",
        "ExfInterlockedInsertHeadList ExfInterlockedInsertTailList ExfInterlockedRemoveHeadList",
        "ExInterlockedPopEntrySList ExInterlockedPushEntrySList _allshl _allshr _aullshr",
    )
    for name in names.split()
}
NOT_LISTED.update(dict.fromkeys(("_allmul", "_alldiv", "_allrem", "_aulldiv", "_aullrem", "_alldvrm", "_aulldvrm"), 16))


@lru_cache(maxsize=1)
def stack_bytes() -> Dict[str, int]:
    """What functions of Windows' libraries take off the stack, by name (the kernel's behind "nt!").

    Raises UnreachableError without mingw-w64.
    """
    if shutil.which(COMPILER) is None:
        raise UnreachableError(f"{COMPILER} is not installed")
    command = [COMPILER, "-print-file-name=libkernel32.a"]
    library = Path(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip())
    found: Dict[str, int] = {f"nt!{name}": count for name, count in NOT_LISTED.items()}
    for path in sorted(library.parent.glob("lib*.a")):
        place = "nt!" if path.name in KERNEL else ""
        for kind, name, count in DECORATED.findall(path.read_bytes()):
            taken = max(0, int(count) - BY_REGISTERS) if kind == b"@" else int(count)
            found.setdefault(place + name.decode("ascii"), taken)
    return found


def executed(file: RealFile, taken: Dict[str, int], functions: int, root: Path) -> Set[Call]:
    """The calls seen when the file's functions were run, kept in `root`; raises UnreachableError."""
    kept = root / f"{file.sha256[:16]}-{functions}-{RECIPE}.json"
    if kept.exists():
        return {Call(*row) for row in json.loads(kept.read_text("ascii"))}
    image = Image(content(file, root))
    calls = runs(image, Runner(image, taken), functions)
    kept.write_text(json.dumps(sorted(calls)), "ascii")
    return calls


def measured(
    file: RealFile, taken: Dict[str, int], functions: int, root: Path, hidden: bool = False
) -> Tuple[str, Comparison]:
    """The file's linker version and the comparison, imports' code `hidden` or not; raises UnreachableError."""
    image = Image(content(file, root))
    runner = Runner(image, taken)
    return image.linker, compare(image, runner.stubs, sorted(executed(file, taken, functions, root)), hidden)
