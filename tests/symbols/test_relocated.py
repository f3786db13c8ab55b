"""Code that a dump leaves out, read from the module's file."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from hogwalk.errors import Unreadable
from hogwalk.targets.images.pe import FileImage
from hogwalk.targets.images.relocated import Relocated
from tests.symbols.images import image

START = 0xB8D80000


def opened(folder: Path, writable: bool = False) -> FileImage:
    raw = bytearray(image(False, {0x1100: "DriverEntry"}))
    struct.pack_into("<I", raw, 0x80 + 24 + 28, 0x10000)  # ImageBase
    struct.pack_into("<II", raw, 0x80 + 24 + 96 + 8 * 5, 0x3000, 12)
    struct.pack_into("<IIHH", raw, 0x3000, 0x1000, 12, 3 << 12 | 0x100, 0)
    struct.pack_into("<I", raw, 0x1100, 0x10000 + 0x1200)
    if writable:
        struct.pack_into("<I", raw, 0x80 + 24 + 224 + 36, 0xE0000020)
    path = folder / "tiny.sys"
    path.write_bytes(bytes(raw))
    return FileImage(str(path))


def test_absolute_addresses_are_moved_to_the_load_address(tmp_path: Path) -> None:
    code = Relocated(opened(tmp_path), START)
    assert code.read(0x1100, 4) == struct.pack("<I", START + 0x1200)
    assert code.read(0x1102, 2) == struct.pack("<I", START + 0x1200)[2:]
    assert code.read(0x10FE, 3) == b"\x90\x90" + struct.pack("<I", START + 0x1200)[:1]
    assert code.read(0x1104, 4) == b"\x90" * 4


def test_at_its_preferred_base_nothing_is_moved(tmp_path: Path) -> None:
    assert Relocated(opened(tmp_path), 0x10000).read(0x1100, 4) == struct.pack("<I", 0x11200)


def test_the_last_page_of_a_section_reads_whole(tmp_path: Path) -> None:
    raw = bytearray(image(False, {0x1100: "DriverEntry"}))
    struct.pack_into("<II", raw, 0x80 + 24 + 224 + 8, 0x234, 0x1000)  # VirtualSize, no multiple of a page
    struct.pack_into("<I", raw, 0x80 + 24 + 224 + 16, 0x400)  # SizeOfRawData
    (tmp_path / "tiny.sys").write_bytes(bytes(raw))
    page = Relocated(FileImage(str(tmp_path / "tiny.sys")), START).read(0x1000, 0x1000)
    assert page[:0x400] == raw[0x1000:0x1400]
    assert page[0x400:] == bytes(0xC00)


def test_what_may_have_been_written_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        Relocated(opened(tmp_path, writable=True), START).read(0x1100, 4)
    with pytest.raises(Unreadable):
        Relocated(opened(tmp_path), START).read(0x1FFE, 4)  # reaches into the next section
