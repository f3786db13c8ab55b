from __future__ import annotations

import functools
import struct
from pathlib import Path
from typing import Dict, List, Tuple

import capstone
import pytest

from fixtures.build import msf, stackhog, tools
from fixtures.build.dumpfile import DumpFile, UnreadableError
from fixtures.build.kernel32 import GDT, PCR, PRCB
from fixtures.build.machine import Thread
from fixtures.build.memory import PAGE
from fixtures.build.stack import EXCERPT, exception_record, trap_frames
from fixtures.build.variants import DUMP, SYMBOLS, VARIANTS, write_variant
from fixtures.build.walk import Function, Row, Site, call_sites, load_plan, load_walk

WALK = load_walk()
PLAN = load_plan()
ALL_SITES = [site for sites in call_sites(WALK, PLAN).values() for site in sites]
CALLS = [site for site in ALL_SITES if site.target]
BIG_FRAME = "558bec6aff6840e2d9b86808b2d9b864a100000000506489250000000081c470fdffff"
HANDWRITTEN_CALLS = {0x8088C798, 0x8088978C, 0x8082E811}


@functools.lru_cache(maxsize=1)
def dump() -> DumpFile:
    return DumpFile(DUMP)


@functools.lru_cache(maxsize=1)
def rebuilt() -> stackhog.StackHog:
    return stackhog.build()


def needs_recorded_tools() -> None:
    found = tools.versions()
    if found is None:
        pytest.skip("clang, lld-link or llvm-rc is not installed")
    if tuple(found) != tools.RECORDED:
        pytest.skip(f"the committed files were built with clang and lld {tools.RECORDED}, here are {found}")


def call_bytes(ret: int) -> bytes:
    """The call that ends at `ret`, decoded backwards for the five forms the builder makes."""
    before = dump().read(ret - 6, 6)
    if before[:2] == b"\xff\x15":
        return before
    if before[1:2] == b"\xe8":
        return before[1:]
    if before[2:5] == b"\xff\x54\x88":
        return before[2:]
    if before[3:4] == b"\xff" and before[4] >> 3 == 0x0A:
        return before[3:]
    return before[4:]


def call_target(ret: int, call: bytes) -> int:
    """Where a direct call or a call through a pointer goes; 0 for calls through registers."""
    if call[:1] == b"\xe8":
        return (ret + int.from_bytes(call[1:], "little", signed=True)) & 0xFFFFFFFF
    return dump().word(struct.unpack("<I", call[2:])[0]) if call[:2] == b"\xff\x15" else 0


def test_the_table_is_whole_and_its_bytes_are_the_distances_of_its_addresses() -> None:
    assert len(WALK.rows) == 118
    for newer, row in zip(WALK.rows, WALK.rows[1:-1]):
        assert row.memory == row.child_ebp - newer.child_ebp
    assert sum(row.memory or 0 for row in WALK.rows) == 11316


def test_saved_ebp_and_return_address_of_every_ordinary_row_are_on_the_stack() -> None:
    traps = {frame.address for frame in trap_frames(WALK, PLAN)}
    for row, older in zip(WALK.rows, WALK.rows[1:]):
        if is_entry(row):
            continue
        assert dump().word(row.child_ebp + 4) == row.ret_addr, row
        if PLAN.function_at(row.address).code != "zw_close":
            saved = dump().word(row.child_ebp)
            assert saved in traps if older.address >= 0x80000000 and is_entry(older) else saved == older.child_ebp, row


def is_entry(row: Row) -> bool:
    return PLAN.function_at(row.address).code in ("trap0e", "fast_call_entry")


def test_trap_frames_lead_to_the_interrupted_code() -> None:
    found = [
        (frame.address, dump().word(frame.address + 0x60), dump().word(frame.address + 0x68))
        for frame in trap_frames(WALK, PLAN)
    ]
    assert found == [
        (0xB8AE64C8, 0xB8AE6578, 0x808B64A6),
        (0xB8AE71AC, 0xB8AE725C, 0x808B64A6),
        (0xB8AE7CBC, 0xB8AE7D7C, 0x8082E811),
        (0xB8AE8D64, 0x0335E534, 0x7C8285EC),
    ]
    assert WALK.base - 0x210 - 0x8C == found[-1][0]


def test_the_printed_excerpt_is_on_the_stack_word_for_word() -> None:
    start, words = EXCERPT
    assert dump().read(start, 4 * len(words)) == struct.pack(f"<{len(words)}I", *words)


def test_the_top_holds_no_code_and_no_stack_address() -> None:
    for at in range(WALK.limit, EXCERPT[0], 4):
        word = dump().word(at)
        assert not WALK.limit <= word < WALK.base
        assert not any(module.base <= word < module.end for module in PLAN.modules)


@pytest.mark.parametrize("site", CALLS, ids=lambda site: f"{site.ret:08x}")
def test_a_call_of_the_right_function_ends_at_every_return_address(site: Site) -> None:
    ret, target = site.ret, site.target
    call = call_bytes(ret)
    if ret in PLAN.calls:
        assert call[:1] == b"\xff"
    else:
        assert call_target(ret, call) == target


def depth_before(function: Function, ret: int) -> int:
    """Bytes below the saved EBP when the instruction that ends at `ret` starts, by disassembly from the entry."""
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
    depth = 0
    for code in decoder.disasm(dump().read(function.start, ret - function.start), function.start):
        if code.address + code.size == ret:
            return depth
        if code.mnemonic == "push":
            depth += 4
        elif code.op_str.startswith("esp, ") and code.mnemonic in ("sub", "add"):
            size = int(code.op_str[5:], 0) & 0xFFFFFFFF
            depth += size if code.mnemonic == "sub" else 0x100000000 - size
        elif code.mnemonic == "call":
            depth -= 4 * callee_arguments(code.address + code.size)
        elif code.op_str == "ebp, esp":
            depth = 0
    raise AssertionError(f"no instruction ends at {ret:08x}")


def callee_arguments(ret: int) -> int:
    call = call_bytes(ret)
    known = next((site.args for site in CALLS if site.ret == ret), None)
    return PLAN.function_at(call_target(ret, call)).args if known is None else known


@pytest.mark.parametrize("site", ALL_SITES, ids=lambda site: f"{site.ret:08x}")
def test_static_depth_at_every_call_is_the_tables(site: Site) -> None:
    function = PLAN.function_at(site.ret)
    end = site.ret if site.target else site.ret + 2
    assert depth_before(function, end) == site.depth


def test_handwritten_calls_end_at_their_return_addresses() -> None:
    assert call_target(0x8088C798, call_bytes(0x8088C798)) == 0x8085E1C8
    assert call_target(0x8082E811, call_bytes(0x8082E811)) == 0x80889600
    assert call_bytes(0x8088978C) == b"\xff\xd3"
    assert call_target(0x8084CFF9, call_bytes(0x8084CFF9)) == 0x8084CF80


def test_every_return_address_of_the_table_is_checked_above() -> None:
    checked = {site.ret for site in CALLS} | HANDWRITTEN_CALLS
    faults = {site.ret for site in ALL_SITES if not site.target}
    assert {row.address for row in WALK.rows[:-1]} == checked | faults


def test_the_published_bytes_are_reached_through_the_published_pointer() -> None:
    assert call_bytes(0xB958ECDF).hex() == "ff15906059b9"
    assert dump().word(0xB9596090) == 0xB8D8C0D0
    assert dump().read(0xB8D8C0D0, len(BIG_FRAME) // 2).hex() == BIG_FRAME


def test_big_frame_parts_make_708_bytes() -> None:
    record = exception_record(WALK, PLAN)
    assert dump().read(record.address, 16) == struct.pack("<4I", *record.words)
    site = next(site for site in ALL_SITES if site.ret == 0xB8D8D22A)
    return_address_and_ebp, saved, outgoing = 8, 3 * 4, 4 * site.args
    assert return_address_and_ebp + 16 + 656 + saved + outgoing == 708 == site.depth + 8


def test_thread_limits_and_selectors_are_where_a_debugger_looks() -> None:
    thread = dump().word(PRCB + 4)
    assert thread == Thread(0, 0).address
    assert [dump().word(thread + at) for at in (0x18, 0x1C, 0x158)] == [WALK.base, WALK.limit, WALK.base]
    assert [dump().word(PCR + at) for at in (4, 8)] == [WALK.base - 0x210, WALK.limit]
    assert dump().read(GDT + 0x30, 8) == bytes.fromhex("0100 00f0 df 93 c0 ff".replace(" ", ""))


def test_double_fault_state_has_esp_below_limit_and_no_usable_ebp() -> None:
    task = dump().word(PCR + 0x40)
    eip, esp, ebp = (dump().word(task + at) for at in (0x20, 0x38, 0x3C))
    assert dump().read(eip, 1) == b"\x53"
    assert WALK.limit - 0x40 <= esp < WALK.limit
    assert not WALK.limit <= ebp < WALK.base
    assert [dump().word(PRCB + 0x1C + at) for at in (0xB4, 0xC4)] == [0, 0]


def test_builder_reproduces_the_committed_symbols_and_dump(tmp_path: Path) -> None:
    needs_recorded_tools()
    stackhog.write(rebuilt(), tmp_path)
    made = {path.name: path.read_bytes() for path in [tmp_path / "memory.dmp", *(tmp_path / "symbols").iterdir()]}
    kept = {path.name: path.read_bytes() for path in [DUMP, *SYMBOLS.iterdir()]}
    assert sorted(made) == sorted(kept)
    assert [name for name in kept if made[name] != kept[name]] == []


def test_reordered_pdb_maps_every_piece_there_and_back() -> None:
    streams = msf.read((SYMBOLS / "ntfs.pdb").read_bytes())
    dbi = streams.streams[msf.DBI]
    slots = struct.unpack(f"<{msf.SLOTS}H", dbi[-2 * msf.SLOTS :])
    to_source = omap(streams.streams[slots[msf.TO_SOURCE]])
    from_source = omap(streams.streams[slots[msf.FROM_SOURCE]])
    moved = [f for f in next(m for m in PLAN.modules if m.name == "Ntfs").functions if f.source]
    assert len(moved) == 5
    for function in moved:
        here, there = function.start - 0xBAE18000, (function.source or 0) - 0xBAE18000
        assert (to_source[here], from_source[there]) == (there, here)


def omap(data: bytes) -> Dict[int, int]:
    pairs: List[Tuple[int, int]] = [(int(at), int(to)) for at, to in struct.iter_unpack("<II", data)]
    assert pairs == sorted(pairs)
    return dict(pairs)


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_variants_differ_from_the_dump_where_they_say(name: str, tmp_path: Path) -> None:
    path = write_variant(name, tmp_path / "v.dmp")
    whole = DUMP.read_bytes()
    if name == "truncated":
        assert path.read_bytes() == whole[: len(whole) * 2 // 3]
        return
    made = DumpFile(path)
    second = WALK.limit + PAGE
    assert made.readable(second) == (name != "stack-page-unreadable")
    assert made.readable(0x80800000) == (name != "no-images")
    if made.readable(second):
        assert (made.read(second, PAGE) == dump().read(second, PAGE)) == (name not in ("zero-stack", "garbage-stack"))
    assert (made.word(PCR + 8) == WALK.limit) == (name != "nonsense-limits")
    if name == "no-images":
        with pytest.raises(UnreadableError, match="no page for 8081df20"):
            made.word(0x8081DF20)
