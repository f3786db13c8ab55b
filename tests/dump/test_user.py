"""User minidumps: the StackHog stack as a program's."""

from __future__ import annotations

import struct
from dataclasses import astuple
from pathlib import Path
from typing import List, Sequence, Tuple

import pytest

from hogwalk.analysis import Run
from hogwalk.errors import Unreadable
from hogwalk.targets.dump import DumpTarget, open_dump
from hogwalk.walk.evidence import Request
from tests.dump.contents import STACKHOG, Contents, stackhog
from tests.dump.minidumps import (
    BP,
    IP,
    SP,
    TEB32,
    THREAD_ID,
    X64,
    Loaded,
    Thread,
    context64,
    minidump,
    user32,
    wow64,
)

SYMBOLS = str(STACKHOG / "symbols")


@pytest.fixture(scope="module")
def contents() -> Contents:
    return stackhog()


def opened(folder: Path, data: bytes) -> DumpTarget:
    path = folder / "user.dmp"
    path.write_bytes(data)
    return open_dump(str(path), SYMBOLS)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("exception", [False, True])
def test_an_x86_program(tmp_path: Path, contents: Contents, full: bool, exception: bool) -> None:
    target = opened(tmp_path, user32(contents, full, exception))
    about = target.about()
    assert (about.kind, about.machine, about.kernel, about.bugcheck) == ("user dump", "x86", False, None)
    assert target.thread() == TEB32
    assert astuple(target.registers()[0])[:3] == (IP, SP, BP)
    assert target.stack() == (contents.limit, contents.base)
    assert target.read(contents.limit, 0x3000) == contents.read(contents.limit, 0x3000)
    assert struct.unpack("<II", target.read(TEB32 + 4, 8)) == (contents.base, contents.limit)
    (thread,) = target.threads()
    assert (thread.identifier, thread.limit, thread.base) == (THREAD_ID, contents.limit, contents.base)
    assert ("exception c00000fd in thread 9b8" in target.notes) == exception
    assert target.debugger_block() is None
    (symbol,) = target.symbols([0x8081DF65])
    assert symbol is not None
    assert symbol.text() == "ntoskrnl!IofCallDriver+0x45"  # the record in the dump names the PDB, image or not


def test_without_memory_of_the_modules_only_the_stack_is_read(tmp_path: Path, contents: Contents) -> None:
    target = opened(tmp_path, user32(contents, full=False))
    with pytest.raises(Unreadable):
        target.read(0x80800000, 4)
    assert target.versions(["BabyHog"]) == (None,)


@pytest.mark.parametrize("by_pointer", [False, True])
def test_a_32_bit_program_in_a_64_bit_dump(tmp_path: Path, contents: Contents, by_pointer: bool) -> None:
    target = opened(tmp_path, wow64(contents, by_pointer))
    assert (target.about().machine, target.about().pointer_bytes) == ("x86", 4)
    assert target.thread() == TEB32
    assert astuple(target.registers()[0])[:3] == (IP, SP, BP)
    assert target.stack() == (contents.limit, contents.base)  # by the 32-bit stack pointer
    (thread,) = target.threads()
    assert (thread.limit, thread.base) == (contents.limit, contents.base)
    names = [module.name for module in target.modules()]
    assert names[:4] == ["wow64", "wow64cpu", "ntdll", "ntdll_77c00000"]
    assert "a 32-bit program in a 64-bit dump: its 32-bit stacks are shown" in target.notes


def test_code_left_out_of_the_dump_comes_from_the_image_file(tmp_path: Path, contents: Contents) -> None:
    baby = next(driver for driver in contents.drivers() if driver.file == "BabyHog.sys")
    raw = bytearray(b"".join(contents.pages.get(baby.start + at, bytes(0x1000)) for at in range(0, baby.size, 0x1000)))
    head = struct.unpack_from("<I", raw, 0x3C)[0]
    sections = head + 24 + struct.unpack_from("<H", raw, head + 20)[0]
    for index in range(struct.unpack_from("<H", raw, head + 6)[0]):
        size, place = struct.unpack_from("<II", raw, sections + 40 * index + 8)
        struct.pack_into("<II", raw, sections + 40 * index + 16, size, place)  # a file laid out as in memory
    (tmp_path / "BabyHog.sys").write_bytes(bytes(raw))
    path = tmp_path / "user.dmp"
    path.write_bytes(user32(contents, full=False))
    target = open_dump(str(path), SYMBOLS, str(tmp_path))
    assert target.read(0xB958ECD9 - 6, 6) == contents.read(0xB958ECD9 - 6, 6)
    assert [version.product for version in target.versions(["BabyHog"]) if version] == ["StackHog"]
    assert target.symbols([0xB958ECD9])[0] == open_dump(str(STACKHOG / "memory.dmp")).symbols([0xB958ECD9])[0]


APP_64 = 0x7FF600000000
RETURNS = ((0x50, 0x1234), (0xB0, 0x2345), (0x130, 0x3453), (0x1A0, 0x4561))


def x64_program(wanted: Sequence[int] = ()) -> Tuple[bytes, List[Thread]]:
    """A dump of an x64 program of two threads without environment blocks, and the threads."""
    app, stacks, word = APP_64, (0x1000000, 0x2000000), 8
    memory = {}
    for at, start in enumerate(stacks):
        words = bytearray(0x200)
        for offset, rva in RETURNS:
            struct.pack_into("<Q", words, offset + word, app + rva + 0x100 * at)
        memory[start + 0xE00] = bytes(words)
    threads = [
        Thread(10 + at, 0x700000 + 0x1000 * at, start + 0xE00, start + 0x1000, context64(app + 0x999, start + 0xE00, 0))
        for at, start in enumerate(stacks)
    ]
    modules = [Loaded("C:\\app.exe", app, 0x100000, 1)]
    return minidump(X64, threads, modules, memory, False, True, wanted), threads


def test_every_thread_of_an_x64_program_is_walked_without_its_environment_block(tmp_path: Path) -> None:
    path = tmp_path / "app.dmp"
    data, threads = x64_program()
    path.write_bytes(data)
    target = open_dump(str(path))
    for at, thread in enumerate(threads):
        region = target.stack_hint(thread.teb)
        assert region is not None
        assert (region.limit, region.base, region.thread) == (thread.start, thread.end, thread.teb)
        report = Run(target, Request(thread=thread.teb), None, lambda doing: None).report()
        assert [frame.return_address for frame in report.frames] == [APP_64 + rva + 0x100 * at for _, rva in RETURNS]
        assert report.frames[0].frame_ptr == thread.start
