"""Compiles and links the lab's x64 modules with clang and lld-link, kept by content."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Dict, List, Optional, Tuple

import pefile

from tests.lab.toolchain import _run, cache_root
from tests.lab64.source import FUNCTIONS, NOISES, assembly, c_source
from tests.lab64.styles import FIRST_PARTY, MODULES, Style

HERE = Path(__file__).parent
_COMPILE = (
    "clang", "-target", "x86_64-pc-windows-msvc", "-ffreestanding", "-fno-builtin", "-mno-implicit-float",
    "-mno-red-zone", "-fno-stack-protector", "-mno-sse", "-fasynchronous-unwind-tables", "-mno-stack-arg-probe", "-w",
    "-O2", "-c",
)  # fmt: skip
NT_BASE, DRIVER_BASE = 0xFFFFF80001200000, 0xFFFFF88001000000


@dataclass(frozen=True)
class Image:
    """One linked module, laid out as it is loaded; `symbols` are its functions by name, `functions` by address."""

    name: str
    file: str
    folder: Path
    base: int
    data: bytes
    timestamp: int
    checksum: int
    pdb: Optional[Path]
    symbols: Dict[str, int]
    functions: Tuple[Tuple[int, str], ...]
    imports: Tuple[Tuple[int, str, str], ...]

    @property
    def end(self) -> int:
        """The first address after the image."""
        return self.base + len(self.data)


def build(style: Style, seed: int) -> List[Image]:
    """The 8 modules of a case, imports bound."""
    rng = Random(f"{style.name}/{seed}")
    bases, at = {}, DRIVER_BASE
    for name in MODULES:
        at += rng.randrange(1, 0x40) * 0x10000
        bases[name] = NT_BASE if name == "nt" else at
        at += 0x20000
    libraries: List[Path] = []
    built: List[Image] = []
    for name in MODULES:
        c, s = c_source(name, style, rng), assembly(name, style, rng)
        folder = _linked(name, c, s, bases[name], style, libraries)
        libraries.append(folder / f"{name}.lib")
        built.append(_load(name, folder, bases[name], style))
    return _bound(built)


def file_name(name: str) -> str:
    """The module's file name."""
    return "ntoskrnl.exe" if name == "nt" else f"{name}.sys"


def _linked(name: str, c: str, s: str, base: int, style: Style, libraries: List[Path]) -> Path:
    flags = ("-fno-omit-frame-pointer",) if style.has("fp") and name in MODULES[2:6] else ()
    nt_asm = (HERE / "nt.s").read_text("utf-8") if name == "nt" else ""
    key = repr((c, s, base, flags, nt_asm, [str(one) for one in libraries], "6"))
    folder = cache_root() / ("x64-" + hashlib.sha256(key.encode()).hexdigest()[:28])
    if (folder / file_name(name)).exists():
        return folder
    work = folder.with_name(folder.name + ".new")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / "m.c").write_text(c, "utf-8")
    _run([*_COMPILE, *flags, "-g", "-gcodeview", "m.c", "-o", "m.o"], work)
    objects = ["m.o"]
    for text, stem in ((s, "a"), (nt_asm, "nt")):
        if text:
            (work / f"{stem}.s").write_text(text, "utf-8")
            _run(["clang", "-target", "x86_64-pc-windows-msvc", "-c", f"{stem}.s", "-o", f"{stem}.o"], work)
            objects.append(f"{stem}.o")
    exports = [f"/export:{one}" for one in _exports(name)]
    if name == "nt":
        shutil.copy(HERE / "nt_types.c", work / "types.c")
        _run([*_COMPILE, "-g", "-gcodeview", "types.c", "-o", "types.o"], work)
        objects.append("types.o")
        exports.append("/export:KiTypes,DATA")
    pdb = file_name(name).rsplit(".", 1)[0] + ".pdb"
    _run(["lld-link", "/dll", "/noentry", f"/base:0x{base:x}", f"/out:{file_name(name)}", f"/implib:{name}.lib",
          "/subsystem:native", "/nodefaultlib", "/Brepro", "/debug", f"/pdb:{pdb}", f"/pdbaltpath:{pdb}", "/opt:noref",
          "/map:m.map", *exports, *objects, *map(str, libraries)], work)  # fmt: skip
    shutil.rmtree(folder, ignore_errors=True)
    work.rename(folder)
    return folder


def _exports(name: str) -> List[str]:
    found = [f"{name}Fn{at:02d}" for at in range(FUNCTIONS)] + [f"{name}Noise{at}" for at in range(NOISES)]
    return [*found, "KiDispatch", "MmTouch"] if name == "nt" else found


def _load(name: str, folder: Path, base: int, style: Style) -> Image:
    pe = pefile.PE(str(folder / file_name(name)), fast_load=True)
    pe.parse_data_directories()
    data = bytearray(pe.get_memory_mapped_image())
    data.extend(bytes(-len(data) % 0x1000))
    symbols: Dict[str, int] = {}
    functions: Dict[int, str] = {}
    for line in (folder / "m.map").read_text("utf-8").splitlines():
        parts = line.split()
        if len(parts) >= 3 and len(parts[0]) == 13 and parts[0][4] == ":" and len(parts[2]) == 16:
            symbols[parts[1]] = int(parts[2], 16)
            if parts[0].startswith("0001:"):
                functions[int(parts[2], 16)] = parts[1]
    imports = tuple(
        (one.address, entry.dll.decode().lower(), one.name.decode())
        for entry in getattr(pe, "DIRECTORY_ENTRY_IMPORT", [])
        for one in entry.imports
    )
    keep = style.has("pdbs") or name in FIRST_PARTY
    pdb = folder / (file_name(name).rsplit(".", 1)[0] + ".pdb")
    return Image(
        name, file_name(name), folder, base, bytes(data), pe.FILE_HEADER.TimeDateStamp, pe.OPTIONAL_HEADER.CheckSum,
        pdb if keep else None, symbols, tuple(sorted(functions.items())), imports,
    )  # fmt: skip


def _bound(images: List[Image]) -> List[Image]:
    """The images with their import tables filled in."""
    by_file = {image.file.lower(): image for image in images}
    found = []
    for image in images:
        data = bytearray(image.data)
        for address, file, name in image.imports:
            at = address - image.base
            data[at : at + 8] = by_file[file].symbols[name].to_bytes(8, "little")
        found.append(Image(**{**image.__dict__, "data": bytes(data)}))
    return found
