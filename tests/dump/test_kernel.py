"""Kernel dumps of pages: the same machine in every kind of file gives the same answers."""

from __future__ import annotations

import struct
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from hogwalk.errors import NoDebugger, Unreadable
from hogwalk.model import BugCheck, FrameLayout, Raised, Symbol
from hogwalk.targets.dump import DumpTarget, open_dump
from tests.dump import machine64
from tests.dump.contents import STACKHOG, Contents, stackhog
from tests.dump.small import triage32
from tests.dump.small64 import triage64
from tests.dump.sparse import KINDS, write_sparse
from tests.dump.writers import BITMAP_FULL, BITMAP_KERNEL, FULL, SUMMARY, kernel32

SYMBOLS = STACKHOG / "symbols"


@pytest.fixture(scope="module")
def contents() -> Contents:
    return stackhog()


def styles(contents: Contents) -> Dict[str, bytes]:
    spans = [(driver.start, driver.start + driver.size) for driver in contents.drivers()]
    images = [page for page in contents.pages for start, end in spans if start <= page < end]
    return {
        "full": kernel32(contents, FULL),
        "full PAE": kernel32(contents, FULL, pae=True),
        "summary": kernel32(contents, SUMMARY),
        "bitmap": kernel32(contents, BITMAP_FULL),
        "kernel bitmap": kernel32(contents, BITMAP_KERNEL),
        "kernel bitmap PAE": kernel32(contents, BITMAP_KERNEL, pae=True),
        "small": triage32(contents, images),
    }


def answers(target: DumpTarget, contents: Contents) -> List[object]:
    """Everything that a walk needs of a target."""
    stack = target.read(contents.limit, contents.base - contents.limit)
    words = struct.unpack(f"<{len(stack) // 4}I", stack)
    return [
        stack,
        target.thread(),
        target.debugger_block(),
        target.symbols(words),
        [(module.name, module.start, module.end) for module in target.modules()],
        target.versions(["BabyHog", "nt", "missing"]),
        target.field("_KTHREAD", "StackLimit"),
        target.about().bugcheck,
    ]


def test_every_kind_of_file_gives_the_same_answers(tmp_path: Path, contents: Contents) -> None:
    expected = answers(open_dump(str(STACKHOG / "memory.dmp"), str(SYMBOLS)), contents)
    assert Symbol("nt", "IofCallDriver", 0x45) in expected[3]  # type: ignore[operator]
    for name, data in styles(contents).items():
        path = tmp_path / f"{name}.dmp"
        path.write_bytes(data)
        found = answers(open_dump(str(path), str(SYMBOLS)), contents)
        pae = b"" if "PAE" not in name else found[2]
        assert [*found[:2], *found[3:]] == [*expected[:2], *expected[3:]], name
        assert pae or found[2] == expected[2], name


def test_what_stackhog_says_of_itself() -> None:
    target = open_dump(str(STACKHOG / "memory.dmp"), str(SYMBOLS))
    about = target.about()
    assert (about.kind, about.machine, about.pointer_bytes, about.source) == ("kernel dump", "x86", 4, "memory.dmp")
    assert about.bugcheck == BugCheck(0x7F, (8, 0x80042000, 0, 0))
    assert target.thread() == 0x8974AC00
    assert {module.name: module.symbols for module in target.modules()}["BabyHog"] == "deferred"
    assert target.symbols([0x8081DF65, 0x10]) == (Symbol("nt", "IofCallDriver", 0x45), None)
    with pytest.raises(NoDebugger):
        target.command("lm")
    with pytest.raises(Unreadable):
        target.read(0xB8AE8FFC, 8)


@pytest.mark.parametrize("kind", [FULL, SUMMARY, BITMAP_FULL, BITMAP_KERNEL])
def test_an_x64_machine(tmp_path: Path, kind: int) -> None:
    path = tmp_path / "x64.dmp"
    path.write_bytes(machine64.kernel64(kind))
    (tmp_path / "ntkrnlmp.pdb").write_bytes(machine64.nt_pdb())
    target = open_dump(str(path), str(tmp_path))
    assert target.about().machine == "x64"
    assert target.thread() == machine64.CURRENT
    assert astuple(target.registers()[0])[:3] == (machine64.IP, machine64.SP, machine64.BP)
    assert target.read(machine64.LIMIT, 0x6000) == machine64.stack()
    assert [module.name for module in target.modules()] == ["nt", "tiny_64"]
    block = target.debugger_block()
    assert block is not None
    assert block[0x10:0x14] == b"KDBG"
    found = target.symbols([machine64.NT + 0x1408, machine64.NT + 0x1310, machine64.DRIVER + 0x1120])
    assert [symbol.text() for symbol in found if symbol] == [
        "nt!IofCallDriver+0x8", "nt!KiSwapContext+0x10", "tiny_64!DriverEntry+0x20",
    ]  # fmt: skip


@pytest.mark.parametrize("code", [0x8E, 0x1000007E, 0x7F])
def test_the_exception_that_the_header_records(tmp_path: Path, contents: Contents, code: int) -> None:
    narrow, wide = bytearray(kernel32(contents, FULL)), bytearray(machine64.kernel64(FULL))
    struct.pack_into("<I", narrow, 0x28, code)
    struct.pack_into("<7I", narrow, 0x7D0, 0xC0000005, 0, 0, 0, 2, 1, contents.limit - 8)
    struct.pack_into("<I", wide, 0x38, code)
    struct.pack_into("<IIQQQQQ", wide, 0xF00, 0xC0000005, 0, 0, 0, 2, 1, machine64.LIMIT - 8)
    for data, access in [(narrow, contents.limit - 8), (wide, machine64.LIMIT - 8)]:
        path = tmp_path / "machine.dmp"
        path.write_bytes(data)
        assert open_dump(str(path)).about().raised == (None if code == 0x7F else Raised(0xC0000005, access))


@pytest.mark.parametrize("stride", [0x90, 0x98, 0xA8])
def test_a_small_x64_dump_of_any_windows(tmp_path: Path, stride: int) -> None:
    path = tmp_path / "small.dmp"
    path.write_bytes(triage64(stride))
    (tmp_path / "ntkrnlmp.pdb").write_bytes(machine64.nt_pdb())
    target = open_dump(str(path), str(tmp_path))
    assert [(module.name, module.start) for module in target.modules()] == [
        ("nt", machine64.NT), ("tiny_64", machine64.DRIVER),
    ]  # fmt: skip
    assert target.thread() == machine64.CURRENT
    assert astuple(target.registers()[0])[:3] == (machine64.IP, machine64.SP, machine64.BP)
    assert target.stack() == (machine64.LIMIT, machine64.BASE)
    assert target.read(machine64.LIMIT, 0x6000) == machine64.stack()
    assert target.read(machine64.CURRENT + 0x28, 8) == struct.pack("<Q", machine64.BASE - 0x30)
    (thread,) = target.threads()
    assert (thread.thread, thread.limit, thread.base) == (machine64.CURRENT, machine64.LIMIT, machine64.BASE)


def test_an_encoded_debugger_block_is_said_and_made_up_for_by_symbols(tmp_path: Path) -> None:
    path = tmp_path / "x64.dmp"
    path.write_bytes(machine64.kernel64(FULL, encoded=True))
    (tmp_path / "ntkrnlmp.pdb").write_bytes(machine64.nt_pdb())
    target = open_dump(str(path), str(tmp_path))
    assert target.debugger_block() is None
    assert target.notes[0].endswith("is encoded (KdpDataBlockEncoded): offsets come from symbols only")
    assert target.thread() == machine64.CURRENT
    assert open_dump(str(path)).thread() is None


def test_frame_data_come_from_the_modules_own_pdb() -> None:
    target = open_dump(str(STACKHOG / "memory.dmp"), str(SYMBOLS))
    unsized, outside, hog = 0x8082E800, 0x80800010, 0xB9596090
    assert target.layouts([unsized, outside, hog, 4]) == (FrameLayout(0, 4, None, None, True), None, None, None)


def test_all_threads_of_all_processes(tmp_path: Path) -> None:
    path = tmp_path / "x64.dmp"
    (tmp_path / "ntkrnlmp.pdb").write_bytes(machine64.nt_pdb())
    found: List[List[Tuple[int, str]]] = []
    for loop in (False, True):
        path.write_bytes(machine64.kernel64(FULL, loop=loop))
        target = open_dump(str(path), str(tmp_path))
        found.append([(thread.identifier or 0, thread.process) for thread in target.threads()])
    assert found[0] == [(0x124, "System"), (0x128, "System"), (0x200, "hog.exe")]
    assert found[1] == found[0]  # a list that never closes does not repeat
    current = next(thread for thread in target.threads() if thread.thread == machine64.CURRENT)
    assert (current.limit, current.base) == (machine64.LIMIT, machine64.BASE)
    assert current.pointer == machine64.BASE - 0x200


def test_without_types_the_current_threads_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "x64.dmp"
    path.write_bytes(machine64.kernel64(FULL))
    target = open_dump(str(path))
    (thread,) = target.threads()
    assert (thread.thread, thread.limit, thread.base) == (machine64.CURRENT, machine64.LIMIT, machine64.BASE)
    assert "no types for nt: only the processors' current threads are listed" in target.notes


_PROBE = """
import re, sys
from hogwalk.targets.dump import open_dump
target = open_dump(sys.argv[1])
assert target.thread() == int(sys.argv[2]) and len(target.read(int(sys.argv[3]), 0x6000)) == 0x6000
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read()).group(1)) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs sparse files and a peak memory reading")
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_64_gigabytes_open_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "big.dmp"
    write_sparse(path, KINDS[kind])
    assert path.stat().st_size >= 1 << 36
    command = [sys.executable, "-c", _PROBE, str(path), str(machine64.CURRENT), str(machine64.LIMIT)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, check=True)
    assert float(done.stdout) < 100  # megabytes, interpreter included
