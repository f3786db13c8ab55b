"""A frame nearly as large as its stack, made by a stack probe whose code the dump holds: crossed to the byte."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from hogwalk.targets.dump import open_dump
from hogwalk.walk.evidence import Request, gather
from hogwalk.walk.rebuild import rebuild
from tests.dump.minidumps import X86, Loaded, Thread, context32, minidump

APP, KERNEL, TEB = 0x400000, 0x7C800000, 0x7FFDF000
LIMIT, BASE = 0x30000, 0x130000
ROOM = 813_024  # bytes of locals
CHKSTK = "51 8d4c2404 2bc8 1bc0 f7d0 23c8 8bc4 2500f0ffff 3bc8 720a 8bc1 59 94 8b00 890424 c3 2d00100000 8500 ebe9"
MODULES = (Loaded("C:\\app\\app.exe", APP, 0x3000, 1), Loaded("C:\\windows\\kernel32.dll", KERNEL, 0xB0000, 2))


class Code:
    """The program's code, put together piece by piece."""

    def __init__(self) -> None:
        self.bytes = bytearray(b"\xcc" * 0x2000)
        self.at = 0

    def go(self, at: int) -> None:
        self.at = at

    def put(self, code: str) -> None:
        raw = bytes.fromhex(code)
        self.bytes[self.at : self.at + len(raw)] = raw
        self.at += len(raw)

    def call(self, to: int) -> int:
        """The return address of a call to another piece."""
        self.put("e8" + struct.pack("<i", to - self.at - 5).hex())
        return APP + 0x1000 + self.at


def program(framed: bool, stale: int = 0) -> bytes:
    """A program in a function that WinMain calls, whose ROOM bytes of locals hold stale words and `stale` frames."""
    code = Code()
    code.put("558bec")
    in_start = code.call(0x100)
    code.put("5dc3")
    code.go(0x800)
    code.put(CHKSTK)
    code.go(0x100)
    code.put(("558bec" if framed else "") + "b8" + struct.pack("<I", ROOM).hex())
    code.call(0x800)
    code.put("53566a01")
    in_main = code.call(0x300)
    code.put("5e5b" + ("8be55dc3" if framed else "81c4" + struct.pack("<I", ROOM).hex() + "c3"))
    code.go(0x300)
    code.put("558bec83ec20")
    in_worker = code.call(0x500)
    code.put("8be55dc20400")
    code.go(0x500)
    code.put("558bec33c05dc3")
    code.go(0x600)  # a recursion that has returned left them, each linked and exactly placed
    code.put("51")
    again = code.call(0x600)
    code.put("59c3")
    stack = bytearray(BASE - LIMIT)
    oldest = BASE - 0x200
    main = oldest - 8
    ebp = main - 4 if framed else oldest - 4
    worker = main - (4 if framed else 0) - ROOM - 16
    for seed in range(400):
        at = random.Random(seed).randrange(worker + 64, main - 64) & ~3
        struct.pack_into("<I", stack, at - LIMIT, (in_worker, in_main, KERNEL + 0x12345)[seed % 3])
    for number in range(stale):
        struct.pack_into("<I", stack, worker + 0x1000 + 8 * number - LIMIT, again)
    words = {oldest: KERNEL + 0x17077, oldest - 4: 0, main: in_start, worker + 4: 1, worker: in_main, worker - 4: ebp}
    if framed:
        words[main - 4] = oldest - 4
    for at, word in words.items():
        struct.pack_into("<I", stack, at - LIMIT, word)
    teb = bytearray(0x1000)
    struct.pack_into("<7I", teb, 0, 0xFFFFFFFF, BASE, LIMIT, 0, 0, 0, TEB)
    memory = {LIMIT: bytes(stack), TEB: bytes(teb), APP + 0x1000: bytes(code.bytes)}
    thread = Thread(1, TEB, LIMIT, BASE, context32(in_worker - 5, worker - 0x24, worker - 4))
    return minidump(X86, [thread], MODULES, memory, True, False)


@pytest.mark.parametrize("framed", [True, False])
def test_a_frame_of_813024_bytes_of_locals_is_crossed(framed: bool, tmp_path: Path) -> None:
    path = tmp_path / "program.dmp"
    path.write_bytes(program(framed))
    found = rebuild(gather(open_dump(str(path)), Request(), lambda _: None))
    held = 20 if framed else 16  # saved EBP, two registers, an argument, the return address
    assert [frame.bytes for frame in found.frames[1:]] == [ROOM + held, 8]
    assert found.frames[-1].return_slot == BASE - 0x200
    assert min(found.probabilities) > 0.99


def test_a_long_chain_of_earlier_calls_inside_one_large_frame_is_no_walk(tmp_path: Path) -> None:
    path = tmp_path / "program.dmp"
    path.write_bytes(program(False, 2000))
    found = rebuild(gather(open_dump(str(path)), Request(), lambda _: None))
    assert [frame.bytes for frame in found.frames[1:]] == [ROOM + 16, 8]
    assert min(found.probabilities) > 0.99
