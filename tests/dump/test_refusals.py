"""What cannot be opened is refused in one line that says what to do."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Callable, Optional

import pytest

from hogwalk.errors import BadInput, Unreadable
from hogwalk.targets.dump import open_dump
from hogwalk.walk.facts.region import find_region
from tests.dump import fuzz, machine64, writers
from tests.dump.contents import STACKHOG, stackhog
from tests.dump.minidumps import user32
from tests.dump.small import triage32
from tests.dump.writers import BITMAP_KERNEL, kernel32

FULL = (STACKHOG / "memory.dmp").read_bytes()


def patched(data: bytes, at: int, form: str, *values: int) -> bytes:
    raw = bytearray(data)
    struct.pack_into(form, raw, at, *values)
    return bytes(raw)


SYSTEM = 7  # SystemInfoStream


def bitmap() -> bytes:
    return kernel32(stackhog(), BITMAP_KERNEL)


def small() -> bytes:
    return triage32(stackhog())


def user() -> bytes:
    return user32(stackhog(), full=False)


def of_processor(architecture: int) -> bytes:
    """The same minidump, its system stream naming another PROCESSOR_ARCHITECTURE."""
    raw = user()
    count, directory = struct.unpack_from("<II", raw, 8)
    rows = [struct.unpack_from("<III", raw, directory + 12 * index) for index in range(count)]
    return patched(raw, next(place for kind, _, place in rows if kind == SYSTEM), "<H", architecture)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: b"", "it.dmp is empty; copy the file again"),
        (lambda: b"PAGEDUMP", "it.dmp ends inside its header (8 bytes); copy the dump again"),
        (lambda: b"PAGEDU64" + bytes(0x1000), "it.dmp ends inside its header (4104 bytes); copy the dump again"),
        (
            lambda: b"\x7fELF" + bytes(4096),
            "it.dmp is neither a Windows kernel crash dump nor a minidump; "
            "pass a MEMORY.DMP, a small dump (.dmp) or a debugger's log",
        ),
        (
            lambda: patched(FULL, 0x20, "<I", 0xAA64),
            "it.dmp is from an ARM64 machine; hogwalk reads x86 and x64 crash dumps",
        ),
        (
            lambda: patched(FULL, 0x20, "<I", 0x1C4),
            "it.dmp is from an ARM machine; hogwalk reads x86 and x64 crash dumps",
        ),
        (
            lambda: patched(FULL, 0x20, "<I", 0x200),
            "it.dmp is from an IA-64 machine; hogwalk reads x86 and x64 crash dumps",
        ),
        (lambda: of_processor(5), "it.dmp is from an ARM machine; hogwalk reads x86 and x64 minidumps"),
        (lambda: of_processor(6), "it.dmp is from an IA-64 machine; hogwalk reads x86 and x64 minidumps"),
        (
            lambda: patched(FULL, 0xF88, "<I", 77),
            "it.dmp is a dump of unknown kind 4dh; open it with the debugger: run `!py hogwalk` there",
        ),
        (
            lambda: patched(FULL, 0x64, "<I", 0xFFFFFFFF),
            "it.dmp lists 4294967295 runs of memory pages; copy the dump again",
        ),
        (
            lambda: patched(FULL, 0x64, "<6I", 2, 9, 5, 9, 6, 9),
            "it.dmp lists overlapping runs of memory pages; copy the dump again",
        ),
        (
            lambda: patched(FULL, 0x10, "<I", 0x7777000),
            "it.dmp: the page tables at 7777000 do not lead to the kernel's module list; "
            "the dump is cut or damaged: copy it again",
        ),
        (
            lambda: patched(bitmap(), 0x1000, "<I", 0),
            "it.dmp has no page bitmap behind its header; copy the dump again",
        ),
        (
            lambda: patched(bitmap(), 0x1030, "<Q", 1 << 60),
            "it.dmp has a page bitmap that reaches past its end; the dump is cut: copy it again",
        ),
        (lambda: small()[:0x1020], "it.dmp is cut short: a small dump's tables are missing; copy the dump again"),
        (
            lambda: patched(small(), 0x1008, "<I", 0x1000),
            "it.dmp is a small dump without its end mark; the dump was not finished or is damaged",
        ),
        (lambda: user()[:20], "it.dmp ends inside its directory of streams; copy the dump again"),
    ],
)
def test_one_clear_line(tmp_path: Path, make: Callable[[], bytes], line: str) -> None:
    path = tmp_path / "it.dmp"
    path.write_bytes(make())
    with pytest.raises(BadInput) as refusal:
        open_dump(str(path))
    assert refusal.value.line() == line


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gone\.dmp does not exist"):
        open_dump(str(tmp_path / "gone.dmp"))


def test_a_dump_cut_inside_its_pages_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "cut.dmp"
    path.write_bytes(machine64.kernel64(writers.FULL)[:-0x1000])
    target = open_dump(str(path))
    assert target.thread() == machine64.CURRENT
    with pytest.raises(Unreadable):
        target.read(machine64.POOL + 0xA000, 8)
    assert any(note.startswith("the dump is cut short: the file holds") for note in target.notes)


@pytest.mark.parametrize("kind", [writers.FULL, BITMAP_KERNEL])
def test_a_stack_that_a_cut_dump_lacks_is_said_to_be_cut_off(tmp_path: Path, kind: int) -> None:
    path = tmp_path / "cut.dmp"
    whole = machine64.kernel64(kind)
    path.write_bytes(whole)
    assert not any("cut short" in note for note in open_dump(str(path)).notes)
    lines = []
    for kept in range(len(whole) - 0x1000, 0x2000, -0x1000):
        path.write_bytes(whole[:kept])
        lines.append(refused(path) or "")
    said = [line for line in lines if line.startswith("the dump is cut short")]
    assert said
    assert all(line.endswith(f" of {len(whole)} bytes; copy the dump again") for line in said)
    assert not any("no stack range found" in line for line in lines)


def refused(path: Path) -> Optional[str]:
    """The line in which a dump or the search for its stack is refused, None where neither is."""
    try:
        find_region(open_dump(str(path)), None, None, None)
    except BadInput as refusal:
        return refusal.line()
    return None


def test_claims_that_the_file_does_not_hold_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "user.dmp"
    data = user()
    streams = {struct.unpack_from("<I", data, 32 + 12 * index)[0]: 32 + 12 * index for index in range(5)}
    (modules_at,) = struct.unpack_from("<I", data, streams[4] + 8)
    path.write_bytes(patched(data, modules_at, "<I", 0xFFFFFFF0))
    target = open_dump(str(path))
    assert any("module list holds" in note and "4294967280 rows it claims" in note for note in target.notes)


def test_damage_never_escapes_as_anything_else(tmp_path: Path) -> None:
    sound = fuzz.seeds(tmp_path)
    outcomes = {fuzz.run_case(number, sound) for number in range(150)}
    assert outcomes == {"answered", "refused"}
