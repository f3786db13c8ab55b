"""A small program's minidump with its image and its PDB, in which all names are hostile."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import List, Sequence

from tests.dump.minidumps import TEB32, THREAD_ID, X86, Loaded, Thread, context32, minidump
from tests.symbols.images import GUID, image
from tests.symbols.pdbs import pdb

START, SIZE, STAMP = 0x10000000, 0x4000, 0x45A1C2F0
LIMIT, BASE, STEP, FRAMES = 0x00130000, 0x00130200, 0x20, 8
CODE, FUNCTION, BEHIND_CALL = 0x1000, 0x20, 11
RESOURCES, DIRECTORY = 0x3000, 0x80 + 24 + 96 + 2 * 8  # where the version lies; the data directory's entry for it
PDB = "a.pdb"


def write(folder: Path, names: Sequence[str]) -> Path:
    """Writes PDB and dump; `names` are a module's file, its company, its product and, in turn, its functions."""
    file, company, product, *functions = names
    places = [CODE + FUNCTION * number for number in range(FRAMES)]
    named = [(place, FUNCTION, functions[number % len(functions)]) for number, place in enumerate(places)]
    (folder / PDB).write_bytes(pdb([(place, name) for place, _, name in named], named))
    codeview = b"RSDS" + GUID + struct.pack("<I", 1) + f"{file}\\{PDB}".encode("utf-8", "surrogatepass") + b"\0"
    memory = {START: _image(places, company, product), LIMIT: _stack(places), TEB32: _teb()}
    thread = Thread(THREAD_ID, TEB32, LIMIT, BASE, context32(START + CODE + 3, LIMIT, LIMIT))
    dump = folder / "a.dmp"
    dump.write_bytes(minidump(X86, [thread], [Loaded(file, START, SIZE, STAMP, codeview)], memory, True))
    return dump


def _teb() -> bytes:
    return struct.pack("<III12xI", 0xFFFFFFFF, BASE, LIMIT, TEB32).ljust(0x1000, b"\0")


def _stack(places: Sequence[int]) -> bytes:
    """Frames of STEP bytes, each called by the next function's code."""
    raw = bytearray(BASE - LIMIT)
    for number in range(FRAMES):
        onward = LIMIT + STEP * (number + 1) if number < FRAMES - 1 else 0
        back = START + places[(number + 1) % FRAMES] + BEHIND_CALL
        struct.pack_into("<II", raw, STEP * number, onward, back)
    return bytes(raw)


def _image(places: Sequence[int], company: str, product: str) -> bytes:
    """Functions (push ebp; mov ebp,esp; sub esp,18h; call the one before; leave; ret), and a version resource."""
    data = bytearray(image(False, {}, SIZE, STAMP))
    for number, place in enumerate(places):
        call = struct.pack("<Bi", 0xE8, places[number - 1] - place - BEHIND_CALL)
        data[place : place + BEHIND_CALL + 2] = b"\x55\x8b\xec\x83\xec\x18" + call + b"\xc9\xc3"
    struct.pack_into("<II", data, DIRECTORY, RESOURCES, SIZE - RESOURCES)
    tree = _version(company, product)
    levels = b"".join(struct.pack("<12xHHII", 0, 1, key, place) for key, place in _LEVELS)
    leaf = struct.pack("<IIII", RESOURCES + len(levels) + 16, len(tree), 0, 0)
    resources = levels + leaf + tree
    data[RESOURCES : RESOURCES + len(resources)] = resources
    return bytes(data[:SIZE])


_LEVELS = ((16, 0x80000000 | 24), (1, 0x80000000 | 48), (0x409, 72))  # type, name, language; each 24 bytes


def _version(company: str, product: str) -> bytes:
    strings = [_node("CompanyName", _text(company), text=True), _node("ProductName", _text(product), text=True)]
    table = _node("040904B0", b"", strings)
    return _node(
        "VS_VERSION_INFO", struct.pack("<13I", 0xFEEF04BD, *range(12)), [_node("StringFileInfo", b"", [table])]
    )


def _text(value: str) -> bytes:
    return value.encode("utf-16-le", "surrogatepass") + b"\0\0"


def _node(key: str, value: bytes, children: Sequence[bytes] = (), text: bool = False) -> bytes:
    head = _padded(bytes(6) + _text(key))
    body: List[bytes] = [_padded(value), *map(_padded, children)]
    raw = head + b"".join(body)
    length = len(value) // 2 if text else len(value)
    return struct.pack("<HHH", len(raw), length, text) + raw[6:]


def _padded(raw: bytes) -> bytes:
    return raw + bytes(-len(raw) % 4)
