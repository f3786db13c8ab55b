"""Logs that are no kernel session of one x86 dump, and logs that say too little."""

from __future__ import annotations

import io
from pathlib import Path
from typing import List

import pytest

from hogwalk.errors import BadInput, NothingFound, Unreadable
from hogwalk.model import Module, Symbol
from hogwalk.targets.text import open_text
from tests.text.logs import opened

X64 = """\
Windows 10 Kernel Version 19041 MP (8 procs) Free x64
0: kd> .bugcheck
Bugcheck code 0000007F
Arguments 00000000`00000008 ffff8402`8b909fc0 ffff9581`84765000 fffff802`8e6b41d5
0: kd> !thread
THREAD ffffa58b1e961080  Cid 0004.0180  Teb: 0000000000000000 Win32Thread: 0000000000000000 RUNNING on processor 0
Owning Process            ffffa58b1e0a7040       Image:         System
Stack Init ffff95818476add0 Current ffff958184769d30
Base ffff95818476b000 Limit ffff958184765000 Call 0000000000000000
0: kd> lm
start             end                 module name
fffff802`8e400000 fffff802`8ec00000   amdkmdag   (no symbols)
0: kd> dps ffff9581`84765000 ffff9581`8476b000
ffff9581`84765000  fffff802`8e6b41d5 amdkmdag+0x2b41d5
ffff9581`84765008  ffff9581`84765040
ffff9581`84765010  ????????`????????
ffff9581`84765018  00000000`00000001
"""


def test_x64_session() -> None:
    target = opened(X64)
    about = target.about()
    assert (about.machine, about.pointer_bytes) == ("x64", 8)
    assert about.bugcheck is not None
    assert about.bugcheck.arguments[2] == 0xFFFF958184765000
    region = target.stack_hint()
    assert region is not None
    assert (region.limit, region.base, target.thread()) == (0xFFFF958184765000, 0xFFFF95818476B000, 0xFFFFA58B1E961080)
    assert target.read(0xFFFF958184765008, 8) == (0xFFFF958184765040).to_bytes(8, "little")
    with pytest.raises(Unreadable):
        target.read(0xFFFF958184765010, 4)
    assert target.symbols([0xFFFFF8028E6B41D5]) == (Symbol("amdkmdag", "", 0x2B41D5),)
    assert target.modules() == (Module("amdkmdag", 0xFFFFF8028E400000, 0xFFFFF8028EC00000, "none"),)


def test_symbols_between_printed_ones_are_implied() -> None:
    target = opened("1000  \n00001000  80801040 nt!F+0x40\n00001004  80802010 Hog+0x10\n")
    assert target.symbols([0x80801000, 0x80801020, 0x80801040]) == tuple(
        Symbol("nt", "F", displacement) for displacement in (0, 0x20, 0x40)
    )
    assert target.symbols([0x80801041, 0x80802FFF, 0x80803000]) == (
        Symbol("nt", "", 0x41),  # the name ends nobody knows where: only the module is sure
        Symbol("Hog", "", 0xFFF),
        None,
    )


def test_a_wow64_stack_in_a_64_bit_session_is_x86() -> None:
    text = "Windows 7 Version 7601 MP (4 procs) Free x64\n0:000:x86> dps 0x1000 L4\n" + "".join(
        f"{0x1000 + 4 * index:08x}  {0x1008 + 4 * index:08x}\n" for index in range(4)
    )
    assert opened(text).about().machine == "x86"
    assert opened(text).missing()[0].command == "!teb"


@pytest.mark.parametrize(
    ("tables", "bytes_known"),
    [
        ("kd> kf\n  Memory  ChildEBP RetAddr\n          00001000 80801010 nt!A+0x1\n", 4),
        ("kd> .dumpdebug\n          00001000     0000000000039000     00001000\n", 0),
        ("kd> u 80801010\nnt!F:\n80801010 8b442404        mov     eax,dword ptr [esp+4]\n", 4),
        ("kd> lm\nstart    end        module name\n80800000 80805000   nt   (deferred)\n", 0),
        ("see\n00001000 00001004 then\n00002000 00002004 then\n", 0),
        ("see\n00001000 00001004\n00001004 00001008\n", 8),
        ("00001000  00001004\n", 4),
        ("kd> dd 1000\n00001000 00001004 00001008 00001008 0000100c\n", 16),
        ("kd> dc 1000\n00001000  44332211 00001008 44332211 ????????  ABCDabcd41424344\n", 12),
        ("kd> dqs 1000 L1\n00001000  00000001`00000002\n", 8),
        ("kd> db 1000\n00001000  28 61 ae b8 10 10 80 80-01 00 00 00 02 00 00 00  (a..............\n", 0),
    ],
)
def test_only_memory_is_taken_for_memory(tables: str, bytes_known: int) -> None:
    target = opened("00500000  80801010 nt!F+0x1\n00500004  00000000\n" + tables)
    known = sum(len(data) for start, data in target._memory.segments)
    assert known == 8 + bytes_known


def test_disassembly_is_code_not_words() -> None:
    target = opened("00500000  80801010 nt!F+0x1\nkd> ub 80801014 L1\n80801010 8b442404        mov     eax,[esp+4]\n")
    assert target.read(0x80801010, 4) == bytes.fromhex("8b442404")


def test_the_bytes_printed_last_count() -> None:
    first, second = "00001000  00000001\n00001004  00000002\n", "00001004  00000003\n00001008  00000004\n"
    assert opened(first + second).read(0x1000, 12) == bytes.fromhex("01000000 03000000 04000000")
    assert opened(second + first).read(0x1000, 12) == bytes.fromhex("01000000 02000000 04000000")


def test_of_several_dumps_the_last_with_a_stack_counts() -> None:
    one = "Loading Dump File [C:\\{0}.dmp]\nkd> dps 1000 L1\n00001000  0000000{0}\n"
    log = one.format(1) + one.format(2) + "Loading Dump File [C:\\3.dmp]\nkd> lm\n"
    assert opened(log).read(0x1000, 4) == b"\2\0\0\0"


def test_of_several_threads_the_dumped_one_counts() -> None:
    threads = "".join(
        f"THREAD 8974ac{index:02x}  Cid 0004.0008\nStack Init 0 Current 0\nBase {base:08x} Limit {base - 0x3000:08x}\n"
        for index, base in enumerate((0xB8AE9000, 0xB8AE6000, 0xB8AE3000))
    )
    target = opened(threads + "kd> dps b8ae3100 L1\nb8ae3100  00000001\n")
    assert target.thread() == 0x8974AC01


@pytest.mark.parametrize("text", ["", "hello\n", "kd> lm\nstart    end        module name\n", "\0" * 100, "\n" * 1000])
def test_a_text_without_a_stack_is_refused(text: str) -> None:
    with pytest.raises(NothingFound, match="no dps") as refused:
        opened(text)
    assert "!thread" in refused.value.remedy


def test_a_stack_table_alone_is_accepted() -> None:
    target = opened(" # ChildEBP RetAddr\n00 b8ae6100 f7a2ec45 nt!F+0x45\n01 b8ae6128 8081df65 fltmgr!G+0x6f\n")
    walk = target.printed_walk()
    assert walk is not None
    assert [len(rows) for rows in walk.stacks] == [2]
    assert target.symbols([0xF7A2EC45]) == (Symbol("fltmgr", "G", 0x6F),)
    assert [missing.what for missing in target.missing()][:2] == [
        "the thread's Base and Limit",
        "4088 of the stack's 4096 bytes",
    ]


def test_the_triple_of_the_command_names_the_first_row() -> None:
    command, head = "kd> kf=b8ae6100 b8ae60ec 8081df65 0x200\n", "  Memory  ChildEBP RetAddr\n"
    target = opened(f"{command}{head}          b8ae6100 f7a2ec45 nt!F+0x45\n")
    assert target.symbols([0x8081DF65]) == (Symbol("nt", "F", 0x45),)


def test_a_row_of_two_widths_is_no_x86_row() -> None:
    row = "00 b8ae6100 fffff802`8081df65 nt!F+0x45\n"
    assert opened(row + "\n00001000  00000001\n")._memory.segments == ((0x1000, b"\1\0\0\0"),)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read"):
        open_text(tmp_path / "none.log")
    with pytest.raises(BadInput, match="cannot read"):
        open_text(tmp_path)


def test_progress_hears_of_every_byte() -> None:
    heard: List[int] = []
    data = b"00001000  00000001\n" * 20000
    open_text(io.BytesIO(data), heard.append)
    assert sum(heard) == len(data)
    assert len(heard) > 1
