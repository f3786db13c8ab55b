"""No name and no part of a symbol file takes a run down."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Dict

import pytest

from hogwalk.errors import Unreadable
from hogwalk.targets.dump import open_dump
from hogwalk.targets.symbols.pdb import Pdb
from hogwalk.targets.symbols.undecorate import undecorate
from tests.stackhog import DUMP, SYMBOLS

STACK, STACK_BYTES = 0xB8AE6000, 0x3000
SEEDS = 40


@pytest.mark.parametrize("digit", ["\u00b2", "\u0663", "\u2466", "\U0001d7d8"])
@pytest.mark.parametrize(
    "name", ["?x@{}@@QAEXXZ", "??{}x@@QAEXXZ", "?f@?{}??g@@YAXXZ@4HA", "?f@?$T@{}@@QAEXXZ", "_x@{}"]
)
def test_digits_of_other_scripts_are_no_digits(name: str, digit: str) -> None:
    assert undecorate(name.format(digit))


def damaged(data: bytes, seed: int) -> bytes:
    """A symbol file cut short, or with bytes, words or halves of words replaced."""
    dice, found = random.Random(seed), bytearray(data)
    if seed % 4 == 0:
        return data[: dice.randrange(len(data))]
    for _ in range(dice.randrange(1, 200)):
        at = dice.randrange(32, len(found) - 4) & ~3
        form, values = [
            ("<B", (dice.randrange(256),)),
            ("<H", (0xFFFF, 0x8000, 7)),
            ("<I", (0, 1 << 31, 0xFFFFFFFF, 9)),
        ][seed % 4 - 1]
        struct.pack_into(form, found, at, dice.choice(values))
    return bytes(found)


@pytest.fixture(scope="module")
def files() -> Dict[str, bytes]:
    return {path.name: path.read_bytes() for path in SYMBOLS.iterdir()}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_damaged_symbol_files_cost_names_only(files: Dict[str, bytes], tmp_path: Path, seed: int) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(damaged(data, seed))
    target = open_dump(str(DUMP), str(tmp_path))
    words = struct.unpack(f"<{STACK_BYTES // 4}I", target.read(STACK, STACK_BYTES))
    found = target.symbols(words)
    assert {symbol.module for symbol in found if symbol} >= {"nt", "Ntfs", "fltmgr", "BossHog01"}
    target.layouts(words)
    target.field("_KTHREAD", "StackLimit")


def test_a_symbol_file_that_breaks_off_midway_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(pdb: Pdb, index: int) -> None:
        raise Unreadable(index, 4)

    monkeypatch.setattr(Pdb, "omap", broken)
    target = open_dump(str(DUMP), str(SYMBOLS))
    (symbol,) = target.symbols([0x8081DF65])
    assert symbol is not None
    assert (symbol.module, symbol.text().split("+")[0]) == ("nt", "nt!IofCallDriver")  # from its exports
    assert any(note.startswith("symbols of nt not used: ") and "damaged" in note for note in target.notes)
