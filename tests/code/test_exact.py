"""What is stated as exact: helpers, tables, thunks and branches that made it wrong on compilers' code."""

from __future__ import annotations

import pytest

from hogwalk.machine.x86.callees import Blocks, Callee
from hogwalk.machine.x86.depth import StackDepths
from hogwalk.machine.x86.functions import FunctionStarts, looks_like_start
from hogwalk.machine.x86.reader import CodeReader
from tests.code.test_depth import BASE, code_reader
from tests.code.vectors.vector import vectors


def reader_of(*parts: str) -> CodeReader:
    """Code in parts of 100h bytes, each int3 to its end."""
    return code_reader(b"".join(bytes.fromhex(part).ljust(0x100, b"\xcc") for part in parts))


def call(source: int, target: int) -> str:
    """`call rel32` at offset `source` to offset `target`."""
    return "e8" + (target - source - 5 & 0xFFFFFFFF).to_bytes(4, "little").hex()


def jump(source: int, target: int) -> str:
    return "e9" + (target - source - 5 & 0xFFFFFFFF).to_bytes(4, "little").hex()


SEH_PROLOG4 = (
    "6800104000 64ff3500000000 8b442410 896c2410 8d6c2410 2be0 53 56 57 a100204000 3145fc 33c5 50 8965e8 ff75f8 8b45fc"
    "c745fcfeffffff 8945f8 8d45f0 64a300000000"
)


def test_a_helper_that_ends_with_bnd_ret_is_followed() -> None:
    for ret in ("c3", "f2c3", "f3c3"):
        # push 18h; push table; call __SEH_prolog4; call +200h
        function = "6a18 6800204000" + call(7, 0x100) + call(12, 0x200) + "c3"
        depths = StackDepths(reader_of(function, SEH_PROLOG4 + ret, "c3")).at(BASE, BASE + 17)
        assert (depths.depths, depths.exact, depths.frame_ebp) == ((0x18 + 0x24,), True, 4)


def test_a_helper_with_16_bit_addresses_is_followed() -> None:
    short = SEH_PROLOG4.replace("64ff3500000000", "6764ff360000").replace("64a300000000", "6764a30000")
    assert "6764a30000" in short
    function = "6a18 6800204000" + call(7, 0x100) + call(12, 0x200) + "c3"
    depths = StackDepths(reader_of(function, short + "f2c3", "c3")).at(BASE, BASE + 17)
    assert (depths.depths, depths.exact, depths.frame_ebp) == ((0x18 + 0x24,), True, 4)


def test_a_helper_that_cannot_be_followed_is_unsure() -> None:
    function = "6a18 6800204000" + call(7, 0x100) + call(12, 0x200)
    for unknown in ("69c000000100", "0fa2", "d9c0"):  # imul, cpuid, fld: no prologue that is known has them
        depths = StackDepths(reader_of(function, SEH_PROLOG4 + unknown + "c3", "c3")).at(BASE, BASE + 17)
        assert not depths.exact
        assert depths.frame_ebp is None


CHKSTK = "51 8d4c2404 2bc8 1bc0 f7d0 23c8 8bc4 2500f0ffff 3bc8 720a 8bc1 59 94 8b00 890424 c3"
PROBE_16 = "51 8d4c2408 2bc8 83e10f 03c1 1bc9 0bc1 59"  # and a jump to __chkstk


# The rest of the newer probe: its loop by pages; and all of the older one.
NEWER = CHKSTK + "2d00100000 8500 ebe9"
OLDER = "51 8d4c2408 3d00100000 7214 81e900100000 2d00100000 8501 3d00100000 73ec 2bc8 8bc4 8501 8be1 8b08 8b4004 50 c3"


@pytest.mark.parametrize("probe", [NEWER, OLDER])
@pytest.mark.parametrize("room", [0x2000, 0xC67E0, 0xF00000])
def test_a_frame_as_large_as_the_stack_is_known_to_the_byte(probe: str, room: int) -> None:
    # mov eax,ROOM; call _chkstk; push esi; call +300h
    function = "b8" + room.to_bytes(4, "little").hex() + call(5, 0x100) + "56" + call(11, 0x300) + "c3"
    depths = StackDepths(reader_of(function, probe, "90", "c3")).at(BASE, BASE + 16)
    assert (depths.depths, depths.exact) == ((room + 4,), True)


def test_an_aligning_probe_is_dynamic() -> None:
    # push ebp; mov ebp,esp; mov eax,[ebp+8]; call _alloca_probe_16; call +300h; leave; ret
    function = "558bec 8b4508" + call(6, 0x100) + call(11, 0x300) + "c9c3"
    probe = PROBE_16 + jump(len(bytes.fromhex(PROBE_16)) + 0x100, 0x200)
    depths = StackDepths(reader_of(function, probe, CHKSTK, "c3")).at(BASE, BASE + 16)
    assert depths.dynamic
    assert (depths.exact, depths.frame_ebp) == (False, 4)


def test_room_by_an_alloca_in_one_branch_is_dynamic_behind_both() -> None:
    # push ebp; mov ebp,esp; mov eax,[ebp+8]; cmp eax,400h; ja A; call _chkstk; jmp B; A: call +200h; B: call +200h
    function = "558bec 8b4508 3d00040000 7707" + call(13, 0x100) + "eb05" + call(20, 0x200) + call(25, 0x200) + "c9c3"
    depths = StackDepths(reader_of(function, CHKSTK, "c3")).at(BASE, BASE + 30)
    assert depths.dynamic
    assert not depths.exact


def tabled(bound: str) -> CodeReader:
    """Two functions with jump tables side by side: the first has two entries, the second's calls +300h."""
    table = BASE + 0x200
    words = [BASE + 0x20, BASE + 0x20, BASE + 0x120, BASE + 0x120]
    first = bound + "ff2485" + table.to_bytes(4, "little").hex()
    first = bytes.fromhex(first).ljust(0x20, b"\xcc").hex() + "c3"
    second = bytes.fromhex("ff2485" + (table + 8).to_bytes(4, "little").hex()).ljust(0x20, b"\xcc").hex()
    second += call(0x120, 0x300) + "c3"
    tables = b"".join(word.to_bytes(4, "little") for word in words).hex()
    return reader_of(first, second, tables, "c3")


def test_a_jump_table_ends_where_the_code_bounds_it() -> None:
    for bound in ("83f801 7719", "83e001", "3c01 771a"):
        flow = StackDepths(tabled(bound)).flow(BASE)
        assert not flow.reaches(BASE + 0x125), bound
    assert StackDepths(tabled("83e003")).flow(BASE).reaches(BASE + 0x125)


def test_a_call_of_a_register_loaded_from_an_import_cell_is_known() -> None:
    # push esi; mov esi,[cell]; push 1; push 2; call esi; push 3; call +100h; the import takes 8 bytes
    cell = (BASE + 0x200).to_bytes(4, "little").hex()
    function = "56 8b35" + cell + "6a01 6a02 ffd6 6a03" + call(15, 0x100) + "5ec3"
    import_ = "c20800" + "cc" * 0x3D + "c20800"
    reader = reader_of(function, import_, (BASE + 0x140).to_bytes(4, "little").hex())
    depths = StackDepths(reader).at(BASE, BASE + 20)
    assert (depths.depths, depths.exact) == ((8,), True)


def test_data_reached_through_a_cell_is_no_function() -> None:
    cell = (BASE + 0x100).to_bytes(4, "little").hex()
    reader = reader_of(
        "6a01 ff15" + cell + call(8, 0x80) + "c3", (BASE + 0x180).to_bytes(4, "little").hex() + "c20400" * 50
    )

    def code(address: int) -> bool:
        return BASE <= address < BASE + 0x100

    known = StackDepths(reader, Blocks(reader)).callees.at_call(Blocks(reader).at(BASE))
    assert known == Callee(BASE + 0x180, 4, True, False)
    blocks = Blocks(reader, code)
    assert StackDepths(reader, blocks).callees.at_call(blocks.at(BASE)) == Callee(BASE + 0x100, None, True, False)


def test_only_whole_words_up_to_100h_are_taken_by_a_ret() -> None:
    for before, starts in (("83c2015152", False), ("83f8c20800", True), ("83f8c20300", False), ("83f8c20801", False)):
        code = bytes.fromhex("8d4001" + before + "565755")
        assert looks_like_start(code, 8, 0x401003) is starts, before


def test_a_register_changed_by_any_instruction_is_known_no_more() -> None:
    # push ebp; X; call +100h: EBP is the caller's only where X leaves it alone
    changes = ("45", "4d", "0fb6e8", "0fafe9", "0f44e9", "d1ed", "c1e502", "f7d5", "95", "0fcd", "6be903")
    for change in changes:
        length = len(bytes.fromhex(change))
        depths = StackDepths(reader_of(change + call(length, 0x100) + "c3", "c3")).at(BASE, BASE + length + 5)
        assert not depths.ebp_kept, change


def test_an_answer_does_not_depend_on_what_was_asked_before() -> None:
    # Each question stays within its budget, all of them together go far beyond it.
    budget = 300
    for vector in vectors()[:4]:
        reader = vector.reader()
        depths, counted = StackDepths(reader, Blocks(reader, most_steps=budget)), 0
        for one in [*vector.calls[::-1], *vector.calls]:
            alone = StackDepths(reader, Blocks(reader, most_steps=budget))
            assert depths.at(one.function, one.return_address) == alone.at(one.function, one.return_address)
            counted += alone.blocks.steps
            assert depths.popped(one.function) == alone.popped(one.function)
        assert counted > budget


def test_ways_that_come_together_at_two_depths_leave_both_open() -> None:
    """A constructor of Delphi's takes room for an exception record where it is asked to; a later test undoes it."""
    # push ebx; push esi; test dl,dl; jz; add esp,-10h; call; mov ebx,edx; call; test bl,bl; jz; add esp,10h; pop; pop
    code = "53 56 84d2 7408 83c4f0" + call(9, 0x100) + "8bda" + call(0x10, 0x100) + "84db 7403 83c410 5e 5b c3"
    depths = StackDepths(reader_of(code, "c3"))
    assert not depths.at(BASE, BASE + 0x15).exact
    assert not depths.at(None, BASE + 0x15).exact
    assert depths.at(BASE, BASE + 0xE) == depths.at(BASE, BASE + 0xE)._replace(depths=(24,), exact=True)


def test_a_loop_that_pushes_is_followed_where_it_counts() -> None:
    # mov ecx,5 (or [N]); push 0; push 0; dec ecx; jnz; call; add esp,28h; ret
    loop = "6a00 6a00 49 75f9" + call(12, 0x100) + "83c428 c3"
    counted = StackDepths(reader_of("b905000000" + loop, "c3")).at(BASE, BASE + 17)
    assert (counted.depths, counted.exact) == ((40,), True)
    loop = "6a00 6a00 49 75f9" + call(13, 0x100) + "83c428 c3"
    open_ended = StackDepths(reader_of("8b0d00104000" + loop, "c3")).at(BASE, BASE + 18)
    assert not open_ended.exact
    assert open_ended.dynamic


def test_a_return_to_what_was_exchanged_with_the_top_is_a_jump() -> None:
    # push; call; pop ecx; pop edx; xchg [esp],eax; ret: the thunk that looks an import up when it is called first
    code = "50 6820104000" + call(6, 0x100) + "59 5a 870424 c3"
    assert not StackDepths(reader_of(code, "c3")).at(None, BASE + 0xB).exact


def test_what_never_returns_may_have_been_jumped_to() -> None:
    # MSVC: push ebp; mov ebp,esp; call +300h; test al,al; je +100h; pop ebp; ret, and at +100h abort: call +300h;
    # push 3; call +200h, which never returns.  With abort running, the saved EBP is still on the stack.
    abort = call(0x100, 0x300) + "6a03" + call(0x107, 0x200)
    jumps = "558bec" + call(3, 0x300) + "84c0 0f84" + (0x100 - 16).to_bytes(4, "little").hex() + "5dc3"
    depths = StackDepths(reader_of(jumps, abort, call(0x200, 0x200), "c3"))
    told = depths.at(BASE + 0x100, BASE + 0x105)
    assert told.depths[0] == 0
    assert not told.exact
    assert not told.certain
    # LLVM's, known by its encoding of mov ebp,esp, are only called; and what returns has its stack even.
    for start, ret in (("5589e5", ""), ("558bec", "5dc3")):
        told = StackDepths(reader_of(start + call(3, 0x100) + ret, "c3")).at(BASE, BASE + 8)
        assert (told.depths, told.exact, told.certain) == ((4,), True, True)


def test_a_helper_that_moves_its_return_address_is_no_way_to_a_slot() -> None:
    # __SEH_epilog4_GS: mov ecx,[ebp-1Ch]; xor ecx,ebp; call the check; jmp __SEH_epilog4, which pops its return address
    # and pushes it where the saved EBP was.
    epilog = "8b4df0 64890d00000000 59 5f 5f 5e 5b 8be5 5d 51 c3"
    reader = reader_of("8b4de4 33cd" + call(5, 0x200) + jump(10, 0x100), epilog, "c3")
    told = StackDepths(reader).at(None, BASE + 10)
    assert (told.exact, told.frame_ebp) == (False, None)
    plain = reader_of("8b4de4 33cd" + call(5, 0x200) + jump(10, 0x100), epilog.replace("51", "90"), "c3")
    assert StackDepths(plain).at(None, BASE + 10).frame_ebp == 4


@pytest.mark.parametrize("padding", ["8db600000000 8dbc2700000000", "eb0d" + 13 * "90"])
def test_nothing_goes_on_in_an_assembler_s_longest_padding(padding: str) -> None:
    # gcc: push eax, some times; call +200h; padding; the next function, which begins with mov eax,[..]
    count = len(bytes.fromhex(padding))
    pushes = (-count - 5) % 16
    first = "50" * pushes + call(pushes, 0x200)
    assert Blocks(reader_of(first + padding + "a100504000 c3", "", "c3")).behind(BASE + pushes + 5).padded
    # As much of clang's may lie before a loop.
    loop = "66" * (count - 8) + "0f1f840000000000"
    assert not Blocks(reader_of(first + loop + "a100504000 c3", "", "c3")).behind(BASE + pushes + 5).padded


def test_a_callee_may_end_with_a_call_that_never_returns() -> None:
    # push eax, five times; call +100h; nops; mov eax,[..]; call +200h; add esp,14h; ret
    site = "50" * 5 + call(5, 0x100) + "8db600000000 a100504000" + call(21, 0x200) + "83c414 c3"
    # sub esp,0Ch; call +200h; and its own end, or nops up to what looks like the next function
    ends = "83ec0c" + call(0x103, 0x200) + "83c40c c3"
    runs_on = "83ec0c" + call(0x103, 0x200) + "8db42600000000 90" + "53 83ec18 83c418 5b c3"
    for report, certain in ((ends, True), (runs_on, False)):
        depths = StackDepths(reader_of(site, report, "c3"))
        assert FunctionStarts(depths).certain(BASE) == certain
        assert depths.at(BASE, BASE + 26).depths == (20,)


def test_a_function_that_fills_tables_may_go_on_long_without_a_jump() -> None:
    # push ebx; mov dword ptr [table],routine, a thousand times; call 5 bytes on; pop ebx; ret
    code = bytes.fromhex("cccc" * 8 + "53") + bytes.fromhex("c705 00504000 00104000") * 1000
    reader = code_reader(code + bytes.fromhex("e801000000 5b c3") + b"\xcc" * 16)
    behind = BASE + len(code) + 5
    depths = StackDepths(reader)
    assert FunctionStarts(depths).start_of(behind) == BASE + 16
    assert depths.at(BASE + 16, behind)[:2] == ((4,), True)


def test_a_tail_call_by_a_pointer_ends_a_function_as_a_ret_does() -> None:
    # gcc: nops; push ebx; mov ebx,[esp+8]; call +100h; mov [esp+8],ebx; pop ebx; jmp [cell], which leads nowhere
    tail = "8db42600000000 8d742600 9090909090 53 8b5c2408" + call(21, 0x100) + "895c2408 5b ff2500504000"
    depths = StackDepths(reader_of(tail, "c3"))
    starts = FunctionStarts(depths)
    assert starts.start_of(BASE + 26) == BASE + 16
    told = depths.at(BASE + 16, BASE + 26, certain=starts.certain(BASE + 16))
    assert (told.depths, told.exact, told.certain) == ((4,), True, True)


def test_nothing_goes_on_in_a_linker_s_padding() -> None:
    # push 1; call; ten nops; push ebx; sub esp,1ch; call; add esp,1ch; pop ebx; ret
    code = "83ec0c" + call(3, 0x100) + "90" * 8 + "53 83ec1c" + call(0x14, 0x100) + "83c41c 5b c3"
    depths = StackDepths(reader_of(code, "c3"))
    assert depths.at(BASE, BASE + 8).depths == (12,)
    assert depths.at(BASE, BASE + 0x19).depths == (32,)  # by the way to its `ret`: not 44


@pytest.mark.parametrize("nops", ["8db600000000 89f6", "0f1f840000000000", "6690" * 4])
def test_nothing_goes_on_in_longer_nops_before_a_frame(nops: str) -> None:
    # sub esp,0ch; call; nops; push ebp; mov ebp,esp; push ecx; call; leave; ret
    code = "83ec0c" + call(3, 0x100) + nops + "55 89e5 51" + call(0x14, 0x100) + "c9 c3"
    depths = StackDepths(reader_of(code, "c3"))
    assert depths.behind(BASE + 8, False).height is None
    assert depths.at(BASE, BASE + 8).depths == (12,)


def test_a_start_left_to_be_patched_need_not_be_aligned() -> None:
    # xor eax,eax; inc eax; ret; five int3; mov edi,edi; push ebp; mov ebp,esp; push esi; call; pop esi; pop ebp; ret
    code = "33c0 40 c3 cccccccccc 8bff 558bec 56" + call(15, 0x100) + "5e 5d c3"
    starts = FunctionStarts(StackDepths(reader_of(code, "c3")))
    assert starts.start_of(BASE + 20) == BASE + 9
    assert starts.certain(BASE + 9)


@pytest.mark.parametrize("ret", ["c3", "c20400"])
def test_a_callee_that_the_caller_was_not_made_for_leaves_nothing_exact(ret: str) -> None:
    # sub esp,0Ch; ja to the push ecx; push eax; call +100h, which takes 4 that are then taken again; jne to the end;
    # push ecx; call +200h; push 1; push 2; call +300h, which takes 8; the end: add esp,0Ch; ret
    code = "83ec0c 770d 50" + call(6, 0x100) + "83c404 85c0 750f" + "51" + call(19, 0x200) + "6a01 6a02"
    code += call(28, 0x300) + "83c40c c3"
    told = StackDepths(reader_of(code, "c20400", ret, "c20800")).at(BASE, BASE + 24)
    assert (told.depths, told.exact) == (((12, 16), False) if ret == "c3" else ((16,), True))
