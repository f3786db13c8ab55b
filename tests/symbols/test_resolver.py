"""Which files are used for a module's symbols, and what is said of those that are not."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import pytest

from hogwalk.errors import Unreadable
from hogwalk.model import Symbol
from hogwalk.targets.images.image import Image
from hogwalk.targets.images.store import SearchPath
from hogwalk.targets.symbols.resolver import Resolver
from tests.symbols.images import image
from tests.symbols.pdbs import pdb

START = 0x80800000
IMAGE = image(False, {0x1100: "Exported"}, pdb=("tiny.pdb", 2))
KEY = "0403020106050807090A0B0C0D0E0F102"
MODULE = Image("tiny", "tiny.sys", START, len(IMAGE), 0x45A1C2F0, None)
PUBLICS = [(0x1100, "_FromPdb@0")]


def read(address: int, count: int) -> bytes:
    if not START <= address <= START + len(IMAGE) - count:
        raise Unreadable(address, count)
    return IMAGE[address - START : address - START + count]


def nothing(address: int, count: int) -> bytes:
    raise Unreadable(address, count)


def name(resolver: Resolver) -> Optional[Symbol]:
    return resolver.symbol(START + 0x1104)


@pytest.mark.parametrize("place", ["", "symbols/pdb", "PDB", f"tiny.pdb/{KEY}"])
def test_a_pdb_is_found_flat_and_in_a_store(tmp_path: Path, place: str) -> None:
    folder = tmp_path / place
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Tiny.PDB").write_bytes(pdb(PUBLICS, age=2))
    resolver = Resolver([MODULE], read, f"srv*{tmp_path}*https://msdl.example.com/download", "")
    assert resolver.kind(MODULE) == "deferred"
    assert name(resolver) == Symbol("tiny", "FromPdb", 4)
    assert (resolver.kind(MODULE), resolver.notes) == ("pdb", [])


def test_a_pdb_of_another_build_is_not_used_and_named(tmp_path: Path) -> None:
    (tmp_path / "tiny.pdb").write_bytes(pdb(PUBLICS, age=3))
    resolver = Resolver([MODULE], read, str(tmp_path), "")
    assert name(resolver) == Symbol("tiny", "Exported", 4)
    assert resolver.kind(MODULE) == "export"
    assert resolver.notes == [f"symbols tiny.pdb of tiny not used: the file is {KEY[:-1]}3, the module wants {KEY}"]


def test_a_damaged_pdb_is_not_used_and_named(tmp_path: Path) -> None:
    (tmp_path / "tiny.pdb").write_bytes(b"Microsoft")
    resolver = Resolver([MODULE], read, str(tmp_path), "")
    assert name(resolver) == Symbol("tiny", "Exported", 4)
    assert resolver.notes == ["symbols of tiny not used: tiny.pdb is cut short or damaged"]


def test_an_unreadable_image_is_made_up_for_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "tiny.sys").write_bytes(IMAGE)
    (tmp_path / "tiny.pdb").write_bytes(pdb(PUBLICS, age=2))
    assert name(Resolver([MODULE], nothing, str(tmp_path), "")) == Symbol("tiny", "FromPdb", 4)
    (tmp_path / "tiny.pdb").unlink()
    assert name(Resolver([MODULE], nothing, "", str(tmp_path))) == Symbol("tiny", "Exported", 4)


def test_an_image_of_another_build_is_not_used_and_named(tmp_path: Path) -> None:
    (tmp_path / "tiny.sys").write_bytes(image(False, {0x1100: "Other"}, timestamp=7))
    resolver = Resolver([MODULE], nothing, "", str(tmp_path))
    assert name(resolver) == Symbol("tiny", "", 0x1104)
    assert resolver.kind(MODULE) == "none"
    assert resolver.notes == [
        "image file tiny.sys not used: it is of another build (timestamp 00000007, the dump has 45a1c2f0)"
    ]


def test_addresses_outside_every_module_have_no_symbol() -> None:
    resolver = Resolver([MODULE], read, "", "")
    assert resolver.symbol(START - 1) is None
    assert resolver.symbol(START + len(IMAGE)) is None


def test_only_folders_of_a_search_path_are_searched(tmp_path: Path) -> None:
    path = SearchPath(f"cache*{tmp_path};symsrv*symsrv.dll*{tmp_path}*http://s.example.com;;{tmp_path / 'missing'}")
    assert path.folders == [str(tmp_path), str(tmp_path)]
    assert path.missing == [str(tmp_path / "missing")]
