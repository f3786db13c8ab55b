"""PE images, PDBs and decorated names as well-kept libraries read them: pefile, and where they install (Python 3.11
and newer) purepdb and demangle."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, List, Tuple

import pefile
import pytest

from hogwalk.targets.images.pe import DEBUG, Pe, guid_text
from hogwalk.targets.images.source import Memory
from hogwalk.targets.images.version import version_of
from hogwalk.targets.symbols.pdb import Pdb
from hogwalk.targets.symbols.publics import Publics
from hogwalk.targets.symbols.tables import PdbTable
from hogwalk.targets.symbols.undecorate import undecorate
from tests.dump.contents import Contents, Driver, stackhog
from tests.stackhog import SYMBOLS

PDBS = sorted(SYMBOLS.glob("*.pdb"))
CONTENTS = stackhog()
DRIVERS = CONTENTS.drivers()
NAMES = (
    "?DispatchPassThrough@DEVICEDISPATCH@@QEAAJPEAU_IRP@@@Z", "??0Hog@Farm@@QEAA@XZ", "??1Hog@Farm@@UEAA@XZ",
    "?f@C@@QAEXXZ", "?Eat@?$List@H@Farm@@QEAAXXZ", "?x@?A0x12345678@@YAXXZ", "??HHog@Farm@@QEAA?AV01@ABV01@@Z",
    "?Run@Hog@@SGHPAXH@Z", "??$Max@H@Farm@@YAHHH@Z", "??2@YAPEAX_K@Z",
)  # fmt: skip


def mapped(contents: Contents, driver: Driver) -> bytes:
    """A driver as it lies in memory, pages that are not in the dump as zeros."""
    pages = range(driver.start, driver.start + driver.size, 0x1000)
    return b"".join(contents.pages.get(page, bytes(0x1000)) for page in pages)


def as_file(image: bytes) -> bytes:
    """A mapped image whose section table says that it lies in the file as in memory: so pefile reads it."""
    made = bytearray(image)
    (head,) = struct.unpack_from("<I", image, 0x3C)
    count, optional = struct.unpack_from("<H12xH", image, head + 6)
    for at in range(head + 24 + optional, head + 24 + optional + 40 * count, 40):
        size, place = struct.unpack_from("<II", image, at + 8)
        struct.pack_into("<II", made, at + 16, size, place)
    struct.pack_into("<I", made, head + 24 + 36, 0x1000)  # FileAlignment
    debug, size = Pe(Memory(image)).directory(DEBUG)
    for at in range(debug, debug + size, 28):  # PointerToRawData likewise
        made[at + 24 : at + 28] = made[at + 20 : at + 24]
    return bytes(made)


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: str(driver.file))
def test_an_image_is_read_as_pefile_reads_it(driver: Driver) -> None:
    image = mapped(CONTENTS, driver)
    mine, theirs = Pe(Memory(image)), pefile.PE(data=as_file(image))
    assert (mine.machine, mine.timestamp) == (theirs.FILE_HEADER.Machine, theirs.FILE_HEADER.TimeDateStamp)
    optional = theirs.OPTIONAL_HEADER
    assert (mine.size, mine.checksum, mine.preferred) == (optional.SizeOfImage, optional.CheckSum, optional.ImageBase)
    assert [(one.start, one.size) for one in mine.sections] == [
        (one.VirtualAddress, one.Misc_VirtualSize) for one in theirs.sections
    ]
    listed = getattr(getattr(theirs, "DIRECTORY_ENTRY_EXPORT", None), "symbols", [])
    assert [(one.rva, one.name) for one in mine.exports()] == sorted(
        (one.address, one.name.decode() if one.name else f"Ordinal{one.ordinal}") for one in listed if not one.forwarder
    )
    codeview = mine.codeview()
    debug = [one.entry for one in getattr(theirs, "DIRECTORY_ENTRY_DEBUG", []) if one.struct.Type == 2]
    assert (codeview is None) == (not debug)
    if codeview is not None:
        assert codeview.name == debug[0].PdbFileName.split(b"\0")[0].decode().replace("\\", "/").rsplit("/", 1)[-1]
        assert codeview.identity.age == debug[0].Age
        assert codeview.identity.guid == guid(debug[0])
    assert strings(mine) == their_strings(theirs)


def guid(entry: Any) -> str:
    """The GUID of pefile's CodeView entry as a symbol store spells it."""
    tail = bytes((entry.Signature_Data4, entry.Signature_Data5)) + entry.Signature_Data6
    return f"{entry.Signature_Data1:08X}{entry.Signature_Data2:04X}{entry.Signature_Data3:04X}{tail.hex().upper()}"


def strings(pe: Pe) -> Tuple[str, ...]:
    """Company, product and description as hogwalk reads them."""
    version = version_of(pe)
    return ("", "", "") if version is None else (version.company, version.product, version.description)


def their_strings(pe: Any) -> Tuple[str, ...]:
    """The same as pefile reads them."""
    found = {}
    for block in getattr(pe, "FileInfo", []):
        for part in block:
            for table in getattr(part, "StringTable", []):
                found.update(table.entries)
    return tuple(found.get(key, b"").decode() for key in (b"CompanyName", b"ProductName", b"FileDescription"))


def test_the_drivers_have_what_is_compared() -> None:
    assert len(DRIVERS) >= 8
    assert any(Pe(Memory(mapped(CONTENTS, driver))).exports() for driver in DRIVERS)
    assert sum(strings(Pe(Memory(mapped(CONTENTS, driver))))[0] != "" for driver in DRIVERS) >= 8


def publics(path: Path) -> List[Tuple[int, str]]:
    return sorted((one.rva, one.name) for one in Publics(Pdb(str(path))))


@pytest.mark.parametrize("path", PDBS, ids=lambda path: str(path.name))
def test_a_pdb_is_read_as_purepdb_reads_it(path: Path) -> None:
    purepdb = pytest.importorskip("purepdb", reason="needs Python 3.11")
    with purepdb.PDB.open(str(path)) as theirs:
        listed = {(one.rva, name) for one in theirs.functions() for name in one.names if one.rva is not None}
        info = theirs.info()
    pdb = Pdb(str(path))
    table, known = PdbTable(pdb), set(publics(path))
    by_public = {(rva, name) for rva, name in listed if (rva, name) in known}
    for rva, name in listed:
        found = table.nearest(rva)
        assert found is not None, name
        names = {undecorate(other) for at, other in listed if at == rva} | {other for at, other in listed if at == rva}
        assert found[1] == 0, (name, found)
        assert found[0] in names, (name, found)
    assert len(listed) > 0
    assert by_public or not known
    assert pdb.identities()[0].guid == guid_text(info.guid)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_undecorated_as_demangle_does(name: str) -> None:
    demangle = pytest.importorskip("demangle", reason="needs Python 3.11")
    theirs = str(demangle.demangle(name))
    assert squeezed(undecorate(name)) in squeezed(theirs)


def squeezed(name: str) -> str:
    """A name without blanks and quotes, in which tools differ."""
    return "".join(letter for letter in name if letter not in " `'")
