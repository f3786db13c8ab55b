"""Makes vectors.json: compiles the sources here with several compilers and flags and runs them in an emulator.

    python -m tests.code.vectors.make

needs clang, lld-link, i686-w64-mingw32-gcc and the package unicorn.  What it records of every call that
was executed is the truth that the depth analysis is measured by.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from tests.code.vectors.run import load, truths

HERE = Path(__file__).parent
BASE = 0x10000000
ASSEMBLE = ("clang", "-target", "i686-pc-windows-msvc", "-c")
CLANG = (*ASSEMBLE, "-ffreestanding", "-fno-builtin")
GCC = ("i686-w64-mingw32-gcc", "-ffreestanding", "-fno-builtin", "-fno-asynchronous-unwind-tables", "-c")
LLD = ("lld-link", "/machine:x86", "/entry:start", "/nodefaultlib", "/fixed", "/safeseh:no", "/subsystem:native")
LD = ("i686-w64-mingw32-gcc", "-nostdlib", "-Wl,-e,_start", f"-Wl,--image-base,{BASE:#x}")
CLANG_FLAGS: Tuple[Tuple[str, ...], ...] = (
    ("-O0",),
    ("-O1", "-fno-omit-frame-pointer"),
    ("-O2", "-fomit-frame-pointer"),
    ("-Os", "-fomit-frame-pointer"),
    ("-O3", "-fno-omit-frame-pointer", "-march=i686"),
)
GCC_FLAGS: Tuple[Tuple[str, ...], ...] = (
    ("-O0", "-mpreferred-stack-boundary=2"),
    ("-O2", "-fno-omit-frame-pointer", "-mpreferred-stack-boundary=2"),
    ("-O2", "-fomit-frame-pointer", "-maccumulate-outgoing-args", "-mpreferred-stack-boundary=2"),
    ("-Os", "-fomit-frame-pointer", "-mpush-args", "-mno-accumulate-outgoing-args", "-mpreferred-stack-boundary=2"),
    ("-O2", "-fomit-frame-pointer"),
    ("-O1", "-fno-omit-frame-pointer", "-mno-accumulate-outgoing-args"),
)


def main() -> None:
    """Writes vectors.json next to this file."""
    vectors: List[Dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for flags in CLANG_FLAGS:
            _run([*CLANG, *flags, str(HERE / "functions.c"), "-o", "a.obj"], folder)
            _run([*ASSEMBLE, str(HERE / "probe.s"), "-o", "b.obj"], folder)
            vectors.append(_linked("clang", flags, [*LLD, f"/base:{BASE:#x}", "/out:a.exe", "a.obj", "b.obj"], folder))
        for flags in GCC_FLAGS:
            _run([*GCC, *flags, str(HERE / "functions.c"), "-o", "a.o"], folder)
            vectors.append(_linked("gcc", flags, [*LD, "a.o", "-o", "a.exe", "-lgcc"], folder))
        _run([*ASSEMBLE, str(HERE / "handwritten.s"), "-o", "a.obj"], folder)
        vectors.append(_linked("by hand", (), [*LLD, f"/base:{BASE:#x}", "/out:a.exe", "a.obj"], folder))
    lines = ",\n".join(json.dumps(vector) for vector in vectors)
    (HERE / "vectors.json").write_text(f"[\n{lines}\n]\n", encoding="ascii")


def _linked(compiler: str, flags: Sequence[str], command: Sequence[str], folder: Path) -> Dict[str, Any]:
    _run(command, folder)
    image = load(folder / "a.exe")
    found = truths(image)
    version = _run(["clang" if compiler != "gcc" else GCC[0], "--version"], folder).splitlines()[0]
    print(compiler, *flags, "calls:", len(found))
    return {
        "compiler": version if compiler != "by hand" else "by hand",
        "flags": list(flags),
        "sections": [[address, _stripped(data)] for address, data in image.sections],
        "calls": found,
    }


def _stripped(data: bytes) -> str:
    return data.rstrip(b"\0").hex()


def _run(command: Sequence[str], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
