"""User dumps as people send them: stacks in the memory list, pieces of pages, doubled modules, the older full kind."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Mapping, Sequence, Tuple

from hogwalk.answer.threads.depth import Depths
from hogwalk.targets.dump import DumpTarget, open_dump
from hogwalk.walk.evidence import Request, gather
from hogwalk.walk.facts.image import read_stack
from hogwalk.walk.rebuild import rebuild
from tests.cli.running import hogwalk
from tests.dump.minidumps import X64, X86, Loaded, Thread, context32, context64, minidump
from tests.dump.test_user import x64_program
from tests.symbols.images import image

LIMIT, SIZE = 0x00120000, 0x1000
APP, SYSTEM = 0x00400000, 0x7C900000
CONTEXT_BYTES = 0x4D0
MODULES = (Loaded("C:\\app\\app.exe", APP, 0x40000, 1), Loaded("C:\\windows\\ntdll.dll", SYSTEM, 0xB0000, 2))
PLACES = (0x200, 0x260, 0x300, 0x3A0)


def stack(at: int = LIMIT) -> bytes:
    """A page of stack with a chain of four saved EBPs."""
    words: Dict[int, int] = {}
    for number, (place, above) in enumerate(zip(PLACES, [*(at + one for one in PLACES[1:]), 0])):
        words[place], words[place + 4] = above, APP + 0x2000 + 0x100 * number
    return b"".join(struct.pack("<I", words.get(offset, 0)) for offset in range(0, SIZE, 4))


def written(folder: Path, data: bytes) -> DumpTarget:
    path = folder / "user.dmp"
    path.write_bytes(data)
    return open_dump(str(path))


def in_memory_list(data: bytes, threads: int = 1) -> bytes:
    """The minidump with its threads' stacks named by no record: Rva and DataSize 0, as some writers leave them."""
    raw = bytearray(data)
    count, directory = struct.unpack_from("<II", raw, 8)
    for index in range(count):
        kind, _, place = struct.unpack_from("<III", raw, directory + 12 * index)
        if kind == 3:
            for number in range(threads):
                struct.pack_into("<QII", raw, place + 4 + 48 * number + 24, 0, 0, 0)
    return bytes(raw)


def live(target: DumpTarget, thread: int = 0) -> List[int]:
    found = rebuild(gather(target, Request(thread=thread or None), lambda _: None))
    return [frame.return_slot for frame in found.frames]


def program(teb: int = 0, number: int = 0) -> Thread:
    start = LIMIT + 0x10000 * number
    registers = context32(APP + 0x1234, start + 0x100, start + PLACES[0])
    return Thread(0x10 + number, teb, start, start + SIZE, registers)


def test_a_stack_in_the_memory_list_is_found_by_its_pointer(tmp_path: Path) -> None:
    target = written(tmp_path, in_memory_list(minidump(X86, [program()], MODULES, {LIMIT: stack()}, False)))
    assert target.stack() == (LIMIT, LIMIT + SIZE)
    assert live(target) == [LIMIT + place + 4 for place in PLACES]


def test_every_thread_is_walked_by_its_own_registers_without_tebs(tmp_path: Path) -> None:
    threads = [program(number=number) for number in range(3)]
    memory = {thread.start: stack(thread.start) for thread in threads}
    target = written(tmp_path, minidump(X86, threads, MODULES, memory, False))
    for thread in threads:
        assert live(target, thread.identifier) == [thread.start + place + 4 for place in PLACES]


def test_the_few_bytes_of_code_at_the_fault_change_no_chain(tmp_path: Path) -> None:
    code = bytes(0xFB) + b"\xe8\x00\x00\x00\x00" + bytes(0x100)  # a call ends at the first return address
    plain = written(tmp_path, minidump(X86, [program()], MODULES, {LIMIT: stack()}, False))
    slots = live(plain)
    around = {LIMIT: stack(), APP + 0x2000 - 0x100: code}
    assert live(written(tmp_path, minidump(X86, [program()], MODULES, around, False))) == slots
    assert slots == [LIMIT + place + 4 for place in PLACES]


def test_a_piece_of_a_stack_has_no_limit(tmp_path: Path) -> None:
    target = written(tmp_path, minidump(X86, [program()], MODULES, {LIMIT: stack()}, False))
    (thread,) = target.threads()
    assert not thread.bounded
    depth = Depths(target).of(thread)
    assert depth is not None
    assert (depth.size, depth.used, depth.left) == (None, SIZE - 0x100, None)
    ended = hogwalk("-z", str(tmp_path / "user.dmp"), "threads")
    row = next(line.split() for line in ended.out.splitlines() if "app.exe" in line)
    assert row[3:7] == ["?", str(SIZE - 0x100), "?", "?"]
    assert "100" not in row[4:7]
    assert "where its Limit lies is not known" in " ".join(ended.out.split())


GUARD, GUARD_64 = [1, LIMIT + 0xFF8], [1, 0x1000008]


def overflow(path: Path, *words: str) -> Dict[str, object]:
    ended = hogwalk("-z", str(path), "--engine", "own", "--json", *words)
    assert ended.code == 0, ended.errors
    found: Dict[str, object] = json.loads(ended.out)["overflow"]
    return found


def test_a_stack_overflow_says_so_whatever_is_known_of_the_limit(tmp_path: Path) -> None:
    path, start = tmp_path / "user.dmp", LIMIT + 0x1000
    registers = context32(APP + 0x1234, start + 0x100, start + PLACES[0])
    first = Thread(0x10, 0x7FFDF000, start, start + SIZE, registers)
    second = program(0x7FFDE000, 2)
    memory = {start: stack(start), second.start: stack(second.start)}
    path.write_bytes(minidump(X86, [first, second], MODULES, memory, False, True, GUARD))
    found = overflow(path)
    assert (found["overflow"], found["used"], found["left"]) == (True, SIZE - 0x100, 0x1100)
    assert "c00000fd" in str(found["why"])
    assert overflow(path, "--thread", "0x7ffde000")["overflow"] is None


def test_a_user_stack_may_grow_to_its_reserved_end(tmp_path: Path) -> None:
    path, teb = tmp_path / "user.dmp", bytearray(0x1000)
    struct.pack_into("<7I", teb, 0, 0xFFFFFFFF, LIMIT + SIZE, LIMIT, 0, 0, 0, 0x7FFDF000)
    for reserved, raised, expected in (
        (LIMIT - 0x3000, True, (True, 0x3100)),
        (LIMIT - 0x3000, False, (True, 0x3100)),  # its last pages are not given out
        (LIMIT - 0x10000, True, (True, 0x10100)),
        (LIMIT - 0x10000, False, (False, 0x10100)),  # Limit is only what is committed so far
        (0, False, (None, None)),
    ):
        struct.pack_into("<I", teb, 0xE0C, reserved)
        memory = {LIMIT: stack(), 0x7FFDF000: bytes(teb)}
        path.write_bytes(minidump(X86, [program(0x7FFDF000)], MODULES, memory, False, raised))
        found = overflow(path)
        assert (found["overflow"], found["left"]) == expected
        assert found["used"] == SIZE - 0x100


def test_a_32_bit_and_a_64_bit_program_that_ran_out(tmp_path: Path) -> None:
    path = tmp_path / "wow.dmp"
    path.write_bytes(wow(False, GUARD))
    found = overflow(path)
    assert (found["overflow"], found["left"]) == (True, 0x100)
    path.write_bytes(x64_program(GUARD_64)[0])
    found = overflow(path)
    assert (found["overflow"], found["used"], found["left"]) == (True, 0x200, 0xE00)


def test_pages_saved_in_part_are_used_to_the_byte(tmp_path: Path) -> None:
    whole, teb = stack(), bytearray(0x1000)
    struct.pack_into("<7I", teb, 0, 0xFFFFFFFF, LIMIT + SIZE, LIMIT, 0, 0, 0, 0x7FFDF000)
    memory = {LIMIT + 0x104: whole[0x104:0x9F4], 0x7FFDF000: bytes(teb)}
    thread = replace(program(0x7FFDF000), start=LIMIT + 0x104, end=LIMIT + 0x9F4)
    target = written(tmp_path, minidump(X86, [thread], MODULES, memory, False))
    region = gather(target, Request(), lambda _: None).region
    assert (region.limit, region.base) == (LIMIT, LIMIT + SIZE)
    assert live(target) == [LIMIT + place + 4 for place in PLACES]
    for keep in ((0x104, SIZE), (0, 0x9F4), (0, SIZE)):
        memory = {LIMIT + keep[0]: whole[slice(*keep)], 0x7FFDF000: bytes(teb)}
        thread = replace(thread, start=LIMIT + keep[0], end=LIMIT + keep[1])
        target = written(tmp_path, minidump(X86, [thread], MODULES, memory, False))
        holes = [(LIMIT, LIMIT + keep[0])] * bool(keep[0]) + [(LIMIT + keep[1], LIMIT + SIZE)] * (keep[1] < SIZE)
        assert list(read_stack(target, region).holes) == holes


def test_a_module_listed_twice_is_one(tmp_path: Path) -> None:
    modules = [*MODULES, replace(MODULES[0], path="C:\\app\\APP.EXE"), Loaded("C:\\app\\app.dll", 0x600000, 0x9000, 3)]
    target = written(tmp_path, minidump(X86, [program()], modules, {LIMIT: stack()}, False))
    assert [module.name for module in target.modules()] == ["app", "app_00600000", "ntdll"]


def wow(full_kind: bool, wanted: Sequence[int] = ()) -> bytes:
    """A 32-bit program in a 64-bit dump whose thread runs 32-bit code, what the CPU area holds being old."""
    teb, area, native = 0x7FFDC000, 0x7FFDA000, 0x7FFD0000
    small, wide = bytearray(0x1000), bytearray(0x2000)
    struct.pack_into("<7I", small, 0, 0xFFFFFFFF, LIMIT + SIZE, LIMIT, 0, 0, 0, teb + 0x2000)
    struct.pack_into("<QQQ", wide, 0, teb + 0x2000, native + 0x1000, native)
    struct.pack_into("<Q", wide, 0x1488, area)
    old = (struct.pack("<HH", 0, 0x14C) + context32(SYSTEM + 0x1010, LIMIT + 0x800, 0)).ljust(0x1000, b"\0")
    memory = {LIMIT: stack(), teb: bytes(wide), teb + 0x2000: bytes(small), area: old, native: bytes(0x1000)}
    memory[0x75B00000] = image(True, {0x1100: "CpuSimulate"})
    modules = [*MODULES, Loaded("C:\\Windows\\System32\\wow64cpu.dll", 0x75B00000, 0x4000, 4)]
    runs = context64(APP + 0x1234, LIMIT + 0x100, LIMIT + PLACES[0], code=0x23)
    thread = Thread(0x10, teb, native, native + 0x1000, runs)
    return full(thread, modules, memory) if full_kind else minidump(X64, [thread], modules, memory, True, True, wanted)


def full(thread: Thread, modules: Sequence[Loaded], memory: Mapping[int, bytes]) -> bytes:
    """A USERDU64 file (x64): header, debug event, regions, contexts, thread states, modules, memory."""
    ranges: List[Tuple[int, bytes]] = sorted(memory.items())
    names = [module.path.rsplit("\\", 1)[-1].encode() + b"\0" for module in modules]
    listed = b"".join(
        struct.pack("<QII", module.start, module.size, len(name)) + name for module, name in zip(modules, names)
    )
    regions = b"".join(struct.pack("<QQIIQIIII", at, at, 4, 0, len(data), 0x1000, 4, 0x20000, 0) for at, data in ranges)
    event = struct.pack("<III4xI", 1, 7, thread.identifier, 0x80000003).ljust(0xB0, b"\0")
    state = struct.pack("<IIIIQ", thread.identifier, 0, 0x20, 0, thread.teb).ljust(0x50, b"\0")
    parts = (event, regions, thread.context, state, listed)
    at = [0x60]
    for part in parts:
        at.append(at[-1] + len(part))
    head = struct.pack(
        "<8sIIIIII8Q", b"USERDU64", 10, 0, 0x8664, 1, len(modules), len(ranges),
        at[2], at[4], at[5], at[1], at[0], at[3], 0, 0,
    )  # fmt: skip
    assert len(thread.context) == CONTEXT_BYTES
    return head + b"".join(parts) + b"".join(data for _, data in ranges)


def test_32_bit_code_that_runs_has_its_registers_in_the_64_bit_context(tmp_path: Path) -> None:
    for full_kind in (False, True):
        target = written(tmp_path, wow(full_kind))
        assert (target.about().machine, target.registers()[0].bp) == ("x86", LIMIT + PLACES[0])
        assert live(target) == [LIMIT + place + 4 for place in PLACES]
        (thread,) = target.threads()
        assert (thread.identifier, thread.limit, thread.base) == (0x10, LIMIT, LIMIT + SIZE)


def test_the_older_full_kind_says_what_it_holds(tmp_path: Path) -> None:
    target = written(tmp_path, wow(True))
    assert [module.name for module in target.modules()] == ["app", "wow64cpu", "ntdll"]
    assert "exception 80000003 in thread 10" in target.notes
    assert target.read(LIMIT, SIZE) == stack()
    raw = wow(True)
    for cut in (0x40, 0x90, 0x300, 0x900, len(raw) - 0x1800):
        ended = hogwalk("-z", str(tmp_path / "cut.dmp")) if (tmp_path / "cut.dmp").write_bytes(raw[:cut]) else None
        assert ended is not None
        assert ended.code in (0, 1, 3)
        assert "Traceback" not in ended.out + ended.errors
