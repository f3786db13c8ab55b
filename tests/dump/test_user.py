"""User minidumps: the StackHog stack as a program's."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from hogwalk.errors import Unreadable
from hogwalk.target.dump import DumpTarget, open_dump
from tests.dump.contents import STACKHOG, Contents, stackhog
from tests.dump.minidumps import BP, IP, SP, TEB32, THREAD_ID, user32, wow64

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
    assert target.context() == (IP, SP, BP)
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
    assert target.context() == (IP, SP, BP)
    assert target.stack() is None
    (thread,) = target.threads()
    assert (thread.limit, thread.base) == (contents.limit, contents.base)
    names = [module.name for module in target.modules()]
    assert names[:4] == ["wow64", "wow64cpu", "ntdll", "ntdll_77c00000"]
    assert "a 32-bit program in a 64-bit dump: its 32-bit stacks are shown" in target.notes
