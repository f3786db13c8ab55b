"""Transcripts of today's engine (dbgeng 10.0.29507) through the parsers: no row lost, none invented."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List

import pytest

from hogwalk.targets.parsers.dps import parse_dps
from hogwalk.targets.parsers.kf import KfText, parse_kf
from hogwalk.targets.parsers.lm import parse_lm, parse_lmv
from hogwalk.targets.parsers.remarks import is_remark, meaning
from hogwalk.targets.text import open_text
from tests.engine.manners import today
from tests.stackhog import HOG_BYTES, HOGS, USAGE, published_rows

TRANSCRIPTS = Path(__file__).parent.parent.parent / "fixtures" / "today"


def answers(name: str) -> List[List[str]]:
    """Each command of a transcript and its answer: [command, answer]."""
    text = (TRANSCRIPTS / f"{name}.txt").read_text(encoding="ascii")
    return [
        list(part.partition("\n")[::2]) for part in re.split(r"^(?:kd> |== .*\n)", text, flags=re.MULTILINE) if part
    ]


def walks(name: str) -> List[List[object]]:
    pointer = 8 if name == "x64" else 4
    return [[command, parse_kf(text, pointer)] for command, text in answers(name) if command.startswith("k")]


def every_walk() -> List[object]:
    return [
        pytest.param(name, *walk, id=f"{name} {walk[0]}")
        for name in ("stackhog", "variants", "x64")
        for walk in walks(name)
    ]


@pytest.mark.parametrize(("name", "command", "table"), every_walk())
def test_every_line_of_a_walk_is_a_row_a_head_or_a_remark(name: str, command: str, table: KfText) -> None:
    refused = [line for line in table.unparsed if " error " in line or "missing from" in line or line == "[80040205]"]
    assert list(table.unparsed) == refused
    assert table.rows or refused
    rows = [(row.frame_ptr or 0, row.memory) for row in table.rows if row.frame_ptr is not None]
    measured = [(older - newer, given) for (newer, _), (older, given) in zip(rows, rows[1:]) if given]
    assert all(given == real % (1 << 32) for real, given in measured)  # what `k` prints has 32 bits on x64 too


def test_the_walk_of_stackhog_is_the_published_one() -> None:
    (walk,) = [table for command, table in walks("stackhog") if str(command).startswith("kf=")]
    assert isinstance(walk, KfText)
    rows = published_rows()
    assert [f"{row.frame_ptr:08x} {row.return_address:08x}" for row in walk.rows] == [
        f"{row['child_ebp']} {row['ret_addr']}" for row in rows
    ]
    sums: Dict[str, int] = {}
    for row in walk.rows[1:-1]:
        assert row.symbol is not None
        sums[row.symbol.module] = sums.get(row.symbol.module, 0) + (row.memory or 0)
    assert {name: sums[name] for name in USAGE} == USAGE
    assert sum(sums[name] for name in HOGS) == HOG_BYTES
    assert [row.memory for row in walk.rows if row.marks == "T"].count(0) == 4
    (note,) = meaning(walk.notes)
    assert "no image file for fltmgr, BabyHog, BossHog, BossHog01, Ntfs, MamaHog, daddyHog" in note


@pytest.mark.parametrize(("name", "first", "count"), [("stackhog", 0xB8AE6000, 129), ("live", 0xB8AE6000, 259)])
def test_no_word_of_a_dump_is_lost_or_invented(name: str, first: int, count: int) -> None:
    (text,) = [text for command, text in answers(name) if command.startswith("dps")]
    words = parse_dps(text, 4)
    assert [word.address for word in words] == [first + 4 * index for index in range(count)]
    assert all(
        is_remark(line) or line[:8] in {f"{word.address:08x}" for word in words} for line in text.split("\n") if line
    )
    named = {word.address: word.symbol.text() for word in words if word.symbol}
    assert named[0xB8AE6104] == "fltmgr!FltpDispatch+0x6f"


def test_modules_and_versions() -> None:
    said = dict(answers("stackhog"))
    assert [(module.name, module.symbols) for module in parse_lm(said["lm"], 4)] == [
        ("nt", "pdb"), ("daddyHog", "none"), ("BossHog01", "export"), ("BossHog", "export"), ("MamaHog", "none"),
        ("BabyHog", "export"), ("Ntfs", "pdb"), ("fltmgr", "pdb"),
    ]  # fmt: skip
    (nt,), (boss,) = parse_lmv(said["lmv m nt"], 4), parse_lmv(said["lmvm BossHog01"], 4)
    assert nt.version is not None
    assert nt.version.file_version.startswith("5.2.3790.1830")
    assert boss.version is not None
    assert (boss.version.product, boss.version.company) == ("StackHog", "Stack Hog Software, Inc.")
    modules = answers("x64")[0][1]
    assert [module.name for module in parse_lm(modules, 8)][:3] == ["nt", "fltmgr", "Ntfs"]


def test_the_transcript_as_a_pasted_log() -> None:
    target = open_text(TRANSCRIPTS / "stackhog.txt")
    walk = target.printed_walk()
    assert walk is not None
    assert walk.command.startswith("kf=")
    assert [len(rows) for rows in walk.stacks] == [117, 1]
    assert target.read(0xB8AE6104, 4) == (0xF7A2EC45).to_bytes(4, "little")


def test_todays_manners_over_the_older_engine_are_those_of_the_transcript() -> None:
    (real,) = [text for command, text in answers("stackhog") if command.startswith("kf=")]
    older = [
        re.sub(r"(?<=[0-9a-f]{8} [0-9a-f]{8})(?:     | \(T\) )", " ", line).replace("RetAddr      ", "RetAddr  ")
        for line in real.split("\n")
        if not is_remark(line)
    ]
    made = [line for line in today.walk(older) if not is_remark(line)]
    assert made == [line for line in real.split("\n") if not is_remark(line)]
    assert list(today.walk(older)).count(today.SKIPPED) == real.split("\n").count(today.SKIPPED)


def test_what_is_typed_without_its_sign_finds_nothing_today() -> None:
    older = "nt!IofCallDriver+0x45 (8081df65)\n"
    asked = '.foreach /s (hogwalk_word "{}") {{.printf "%y\\n", @@masm(0x${{hogwalk_word}})}}'
    assert today.answer(asked.format("8081df65"), older, live=False) == "8081df65\n"
    assert today.answer(asked.format("ffffffff8081df65"), older, live=False) == older
    assert today.refuses(".fpo -o 0x80800000")
    assert not today.refuses(".fpo -o 0xffffffff80800000")
    assert today.answer("dps b8ae6000 L1", "b8ae6000  870d2768\n", live=True).startswith(
        "ReadVirtual: b8ae6000 not properly"
    )
