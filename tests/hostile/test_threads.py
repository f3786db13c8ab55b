"""Lists of threads that are made to take for ever, and names that stand where addresses are looked for."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Dict

import pytest

from hogwalk.answer.threads import owners
from hogwalk.answer.threads.survey import survey
from hogwalk.targets import packed
from hogwalk.targets.dump import open_dump
from hogwalk.targets.dump.blocks import BlockMemory
from hogwalk.targets.images.source import MappedFile
from hogwalk.targets.parsers.thread import parse_user_threads

STACK, TEB, CONTEXT = 0x100000, 0x7FF00000, 0x2CC
SYSTEM, THREADS, MEMORY64 = 7, 3, 9


def many(count: int) -> bytes:
    """A user dump of so many threads, all of one TEB that it does not hold, on one stack of pieces of 16 bytes."""
    system = struct.pack("<HHHBBIIIIIHH", 0, 6, 0, 1, 1, 6, 1, 7601, 2, 0, 0, 0) + bytes(24)
    first = 32 + 3 * 12
    threads_at = first + len(system)
    memory_at = threads_at + 4 + 48 * count
    context_at = memory_at + 16 + 16 * count
    context = bytearray(CONTEXT)
    for at, value in ((0, 0x10007), (0xB4, STACK + 0x40), (0xB8, 0x401000), (0xC4, STACK + 8)):
        struct.pack_into("<I", context, at, value)
    rows = b"".join(
        struct.pack("<IIIIQQIIII", number + 1, 0, 0, 0, TEB, 0, 0, 0, CONTEXT, context_at) for number in range(count)
    )
    pieces = b"".join(struct.pack("<QQ", STACK + 16 * number, 16) for number in range(count))
    places = (
        (SYSTEM, len(system), first),
        (THREADS, 4 + len(rows), threads_at),
        (MEMORY64, 16 + len(pieces), memory_at),
    )
    head = struct.pack("<4sIIIIIQ", b"MDMP", 0xA793, len(places), 32, 0, 0, 0)
    listed = struct.pack("<I", count) + rows + struct.pack("<QQ", count, context_at + CONTEXT) + pieces
    return b"".join(
        [head, *(struct.pack("<III", *place) for place in places), system, listed, context, bytes(16 * count)]
    )


def seconds(folder: Path, count: int) -> float:
    path = folder / f"{count}.dmp"
    path.write_bytes(many(count))
    began = time.process_time()
    uses = survey(open_dump(str(path)), "left", 10, lambda *_: None, lambda: None)
    assert len(uses) == count
    return time.process_time() - began


def test_four_times_the_threads_take_nothing_like_sixteen_times_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "MOST_IN_ALL", 1 << 20)
    part = min(seconds(tmp_path, 1000) for _ in range(2))
    assert seconds(tmp_path, 4000) < 8 * part + 0.2


def test_what_is_counted_on_all_stacks_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "MOST_IN_ALL", 10 * 16 * 300)
    path = tmp_path / "a.dmp"
    path.write_bytes(many(300))
    uses = survey(open_dump(str(path)), "left", 0, lambda *_: None, lambda: None)
    assert sum(use.trouble.startswith("not looked at") for use in uses) == 290


def test_memory_that_touches_is_one_run(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(bytes(100))
    memory = BlockMemory(
        MappedFile(str(path)), [(10, 0, 10), (20, 10, 10), (25, 0, 10), (50, 0, 5), (2**64 - 4, 0, 2**64)]
    )
    assert memory.around(9) is None
    assert memory.around(10) == memory.around(34) == (10, 35)
    assert memory.around(35) is None
    assert memory.around(52) == (50, 55)
    assert memory.around(60) is None


def test_a_threads_name_is_no_teb() -> None:
    line = '.  0  Id: 1a2c.2b04 Suspend: 1 Teb: 7ffdf000 Unfrozen "x Teb: 41414141"\n'
    assert parse_user_threads(line) == ((0x2B04, 0x7FFDF000),)


@pytest.mark.parametrize("linked", [-1, 1 << 32, 10**30])
def test_no_date_is_made_of_a_recordings_number(linked: int) -> None:
    said: Dict[str, object] = dict.fromkeys(("company", "product", "description", "file_version"), "")
    with pytest.raises(ValueError, match="time stamp"):
        packed.version({**said, "linked": linked})
