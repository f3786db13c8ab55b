"""PE images: identity, exports, COFF symbols, version data."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from hogwalk.errors import BadInput, Unreadable
from hogwalk.targets.images.coff import coff_symbols
from hogwalk.targets.images.pe import DEBUG, FileImage, Pe
from hogwalk.targets.images.source import Memory
from hogwalk.targets.images.version import version_of
from tests.dump.contents import stackhog
from tests.symbols.images import image

NAMES = {0x1100: "DriverEntry", 0x1200: "AddDevice"}


@pytest.mark.parametrize("wide", [False, True])
def test_identity_and_exports(wide: bool) -> None:
    pe = Pe(Memory(image(wide, NAMES, pdb=("tiny.pdb", 3))))
    codeview = pe.codeview()
    assert codeview is not None
    assert (codeview.name, codeview.identity.folder()) == ("tiny.pdb", "0403020106050807090A0B0C0D0E0F103")
    assert [(named.rva, named.name) for named in pe.exports()] == sorted(NAMES.items())


def test_nameless_exports_are_called_by_ordinal() -> None:
    raw = bytearray(image(False, NAMES))
    struct.pack_into("<I", raw, 0x2000 + 24, 1)  # one name fewer than functions
    names = [named.name for named in Pe(Memory(bytes(raw))).exports()]
    assert sorted(names) == ["AddDevice", "Ordinal1"]


def test_an_export_table_full_of_lies_gives_nothing() -> None:
    raw = bytearray(image(False, NAMES))
    struct.pack_into("<5I", raw, 0x2000 + 20, *[0xFFFFFFFF] * 5)
    assert Pe(Memory(bytes(raw))).exports() == []


def test_what_is_no_image_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        Pe(Memory(b"MZ" + bytes(0x1000)))


def test_coff_symbols_of_a_file(tmp_path: Path) -> None:
    raw = bytearray(image(False, NAMES))
    rows = b"short\0\0\0" + struct.pack("<IhHBB", 0x10, 1, 0x20, 2, 1) + bytes(18)
    rows += struct.pack("<II", 0, 4) + struct.pack("<IhHBB", 0x80, 1, 0x20, 3, 0)
    rows += b"data\0\0\0\0" + struct.pack("<IhHBB", 0x20, 2, 0, 2, 0)
    strings = b"_a_rather_long_name@4\0"
    struct.pack_into("<II", raw, 0x80 + 12, len(raw), 4)
    path = tmp_path / "tiny.sys"
    path.write_bytes(bytes(raw) + rows + struct.pack("<I", 4 + len(strings)) + strings)
    found = [(named.rva, named.name) for named in coff_symbols(FileImage(str(path)))]
    assert found == [(0x1010, "short"), (0x1080, "_a_rather_long_name@4")]


def test_version_data_of_a_mapped_driver() -> None:
    contents = stackhog()
    driver = next(driver for driver in contents.drivers() if driver.file == "BabyHog.sys")
    raw = b"".join(contents.pages.get(driver.start + at, bytes(0x1000)) for at in range(0, driver.size, 0x1000))
    version = version_of(Pe(Memory(raw)))
    assert version is not None
    assert (version.company, version.product) == ("Stack Hog Software, Inc.", "StackHog")
    assert version.file_version == "4.1.0.17"
    assert version.linked == 0x45A1C2D0


def test_when_an_image_was_linked_is_not_read_from_a_hash() -> None:
    raw = bytearray(image(False, {}, pdb=("tiny.pdb", 1)))
    assert Pe(Memory(bytes(raw))).linked() == 0x45A1C2F0
    kind_at = 12 + Pe(Memory(bytes(raw))).directory(DEBUG)[0]
    assert raw[kind_at] == 2
    raw[kind_at] = 16
    assert Pe(Memory(bytes(raw))).linked() is None
    assert Pe(Memory(image(False, {}, timestamp=0))).linked() is None


def test_a_file_that_is_no_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "readme.sys"
    path.write_text("not a driver")
    with pytest.raises(BadInput, match="is not a PE image"):
        FileImage(str(path))
