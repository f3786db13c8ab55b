"""The answers of dbgeng 10.0.15063, as it printed them, and the published ones of other versions."""

from __future__ import annotations

from typing import Any

import pytest

from hogwalk.machine.words import X86
from hogwalk.model import BugCheck, Module, Symbol, Version
from hogwalk.targets.parsers.bugcheck import parse_bugcheck
from hogwalk.targets.parsers.expr import parse_debugger_block, parse_machine, parse_value
from hogwalk.targets.parsers.lm import format_lmv, lmv_of, parse_lm, parse_lmv
from hogwalk.targets.parsers.printf import Nearest, format_symbols, parse_ln, spoken
from hogwalk.targets.parsers.prompt import split_prompt
from hogwalk.targets.parsers.thread import ThreadText, parse_threads

SYMBOLS = """\
*** WARNING: Unable to verify checksum for BabyHog.sys
*** ERROR: Symbol file could not be found.  Defaulted to export symbols for BabyHog.sys -\x20
nt!KeBugCheckEx (80801010)
nt!KeBugCheckEx+0x3 (80801013)
BabyHog+0x196 (b958d196)
a!operator()<int (*)(char)>+0x1 (b958e000)
8a000000
"""

LM = """\
start    end        module name
80800000 80805000   nt       C (private pdb symbols)  z:\\syms\\ntkrnlpa.pdb
b7682000 b76b0000   daddyHog   (deferred)
b958d000 b9591000   BabyHog  C (export symbols)       BabyHog.sys
ba5d0000 ba5d8000   NoSym      (no symbols)

Unloaded modules:
b6000000 b6001000   gone.sys
"""

LMV = """\
start    end        module name
b958d000 b9591000   BabyHog    (deferred)
    Image path: \\SystemRoot\\system32\\BabyHog.sys
    Image name: BabyHog.sys
    Timestamp:        Sun Nov 22 11:49:00 2026 (6B02D6AC)
    CheckSum:         00000000
    ImageSize:        00004000
    File version:     1.2.3.4
    Translations:     0409.04b0
    CompanyName:      Hog Corp
    ProductName:      StackHog Suite
    FileVersion:      1.2.3.4 (x)
    FileDescription:  A hog, big
start    end        module name
80800000 80805000   nt       C (private pdb symbols)  z:\\syms\\ntkrnlpa.pdb
    Loaded symbol image file: ntkrnlpa.exe
    Image path: ntkrnlpa.exe
    Timestamp:        Sun Nov 22 11:48:59 2026 (6B02D6AB)
start    end        module name
"""


def test_symbols_are_matched_by_address() -> None:
    asked = [0x8A000000, 0x80801013, 0xFFFFFFFFB958D196, 0x80801010, 0xB958E000, 0x12345678]
    assert dict(spoken(SYMBOLS, asked, 4)) == {
        0x8A000000: None,
        0x80801013: "nt!KeBugCheckEx+0x3",
        0xFFFFFFFFB958D196: "BabyHog+0x196",
        0x80801010: "nt!KeBugCheckEx",
        0xB958E000: "a!operator()<int (*)(char)>+0x1",
    }


def test_symbol_question_holds_under_any_evaluator_and_radix() -> None:
    question = '.foreach /s (hogwalk_word "ffffffff80801010 00000001") {.printf "%y\\n", @@masm(0x${hogwalk_word})}'
    assert format_symbols([0x80801010, 1], X86) == question


def test_ln() -> None:
    text = "\n(80801010)   nt!KeBugCheckEx+0x3   |  (80801030)   nt!ZwClose\nExact matches:\n"
    assert parse_ln(text) == Nearest(Symbol("nt", "KeBugCheckEx", 3), 0x80801010, 0x80801030)
    assert parse_ln("(80801010)   nt!KeBugCheckEx\n") == Nearest(Symbol("nt", "KeBugCheckEx", 0), 0x80801010, None)
    assert parse_ln("\n") is None


def test_lm_leaves_unloaded_modules_out() -> None:
    assert parse_lm(LM) == (
        Module("nt", 0x80800000, 0x80805000, "pdb"),
        Module("daddyHog", 0xB7682000, 0xB76B0000, "deferred"),
        Module("BabyHog", 0xB958D000, 0xB9591000, "export"),
        Module("NoSym", 0xBA5D0000, 0xBA5D8000, "none"),
    )


@pytest.mark.parametrize(
    "line",
    [
        "b8ae6100 f7a2ec45 nt!IofCallDriver+0x45",
        "b8ae6104  b8ae6128 BabyHog",
        "b9591000 b958d000   BabyHog    (deferred)",
        "fffff802`00000000 nt (deferred)",
    ],
)
def test_other_tables_hold_no_modules(line: str) -> None:
    assert parse_lm(line) == ()


def test_lm_of_64_bit() -> None:
    (module,) = parse_lm("fffff802`8e400000 fffff802`8f000000   amdkmdag T (no symbols)\n")
    assert module == Module("amdkmdag", 0xFFFFF8028E400000, 0xFFFFF8028F000000, "none")


def test_lmv() -> None:
    hog, nt = parse_lmv(LMV)
    assert hog.version == Version("Hog Corp", "StackHog Suite", "A hog, big", "1.2.3.4 (x)", 0x6B02D6AC)
    assert hog.image_path == "\\SystemRoot\\system32\\BabyHog.sys"
    assert hog.timestamp == "Sun Nov 22 11:49:00 2026 (6B02D6AC)"
    assert nt.module.name == "nt"
    assert nt.version == Version("", "", "", "", 0x6B02D6AB)
    assert format_lmv([0xB958D000, 0x80800000], X86) == "lmv a 0xffffffffb958d000;lmv a 0xffffffff80800000"


@pytest.mark.parametrize(
    "stamp", ["6B02D6AC (This is a reproducible build file hash, not a timestamp)", "unavailable (00000000)", ""]
)
def test_a_hash_is_no_date(stamp: str) -> None:
    hog = parse_lmv(LMV.replace("Sun Nov 22 11:49:00 2026 (6B02D6AC)", stamp))[0]
    assert hog.version is not None
    assert hog.version.linked is None


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("BossHog01", "lmv m BossHog01"),
        ("a;.shell_calc", "lmv a 0xffffffffb958d000"),
        ("a b", "lmv a 0xffffffffb958d000"),
        ("a*", "lmv a 0xffffffffb958d000"),
        ("nt\n", "lmv a 0xffffffffb958d000"),
        ("n\u0442", "lmv a 0xffffffffb958d000"),
        ("", "lmv a 0xffffffffb958d000"),
    ],
)
def test_only_a_plain_word_is_recommended_as_a_name(name: str, command: str) -> None:
    assert lmv_of(name, 0xB958D000, X86) == command


def test_a_module_without_a_name_is_called_by_its_address() -> None:
    rows = "b76f4000 b770f000              (deferred)\nb80ba000 b80d5000   C (export symbols)\n"
    assert parse_lm(rows) == (
        Module("Unknown_Module_b76f4000", 0xB76F4000, 0xB770F000, "deferred"),
        Module("C", 0xB80BA000, 0xB80D5000, "export"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "THREAD 8974ac00  Cid 0004.0008  Teb: 00000000 Win32Thread: 00000000 RUNNING on processor 3\n"
            "Owning Process            874c6800       Image:         StackHog.exe\n"
            "Stack Init b8ae9000 Current b8ae8c00\nBase b8ae9000 Limit b8ae6000 Call 0\n",
            ThreadText(0x8974AC00, 0x874C6800, "StackHog.exe", 0xB8AE9000, 0xB8AE8C00, 0xB8AE9000, 0xB8AE6000),
        ),
        (
            "Stack Init f5d2a000 Current f5d29c9c Base f5d2a000 Limit f5d27000 Call 0",
            ThreadText(None, None, "", 0xF5D2A000, 0xF5D29C9C, 0xF5D2A000, 0xF5D27000),
        ),
        (
            "    Stack Init ffff95818476add0 Current ffff958184769d30\n"
            "    Base ffff95818476b000 Limit ffff958184765000 Call 0000000000000000\n",
            ThreadText(None, None, "", 0xFFFF95818476ADD0, 0xFFFF958184769D30, 0xFFFF95818476B000, 0xFFFF958184765000),
        ),
        (
            "TEB at 00000000003fd000\n    StackBase:            00000000001a0000\n"
            "    StackLimit:           000000000019d000\n",
            ThreadText(base=0x1A0000, limit=0x19D000),
        ),
    ],
)
def test_threads(text: str, said: ThreadText) -> None:
    assert parse_threads(text) == (said,)


def test_threads_of_a_process_stay_apart() -> None:
    one = "THREAD 8974ac0{}  Cid 0004.0008\nBase b8ae9000 Limit b8ae6000\n"
    assert [thread.thread for thread in parse_threads(one.format(0) + one.format(8))] == [0x8974AC00, 0x8974AC08]
    assert len(parse_threads("Base b8ae9000 Limit b8ae6000\nBase b8ae9000 Limit b8ae6000\n")) == 2
    assert parse_threads("Kernel base = 0x80800000\nBase Address: 80800000\n") == ()


@pytest.mark.parametrize(
    "text",
    [
        "Bugcheck code 0000007F\nArguments 00000008 80042000 00000000 00000000\n",
        "Bugcheck code 0000007F\nArguments 00000000`00000008 00000000`80042000 00000000`00000000 00000000`00000000\n",
        "BugCheck 7F, {8, 80042000, 0, 0}\n",
        "*** STOP: 0x0000007F (0x00000008,0x80042000,0x00000000,0x00000000)\n",
        "UNEXPECTED_KERNEL_MODE_TRAP (7f)\nThis means a trap occurred in kernel mode.\nArguments:\n"
        "Arg1: 00000008, EXCEPTION_DOUBLE_FAULT\nArg2: 80042000\nArg3: 00000000\nArg4: 00000000\n",
        "BUGCHECK_CODE:  7f\n\nBUGCHECK_P1: 8\n\nBUGCHECK_P2: 80042000\n\nBUGCHECK_P3: 0\n\nBUGCHECK_P4: 0\n",
    ],
)
def test_bugchecks(text: str) -> None:
    assert parse_bugcheck(text) == BugCheck(0x7F, (8, 0x80042000, 0, 0))


def test_half_a_bugcheck_is_none() -> None:
    assert parse_bugcheck("Bugcheck code 0000007F\nArguments 00000008 80042000\n") is None
    assert parse_bugcheck("Arguments 00000008 80042000 00000000 00000000\n") is None


def test_single_values() -> None:
    assert parse_value("Evaluate expression: -2139090944 = 80801000\n") == 0x80801000
    assert parse_value("Evaluate expression: 28 = ffffffff`8080101c\n", 4) == 0x8080101C
    assert parse_value("Couldn't resolve error at 'nt!NoSuch'\n") is None
    text = "----- 32 bit Kernel Full Dump Analysis\n\nPaeEnabled          00000000\nKdDebuggerDataBlock 8a000000\n"
    assert parse_debugger_block(text) == 0x8A000000
    assert parse_debugger_block("no dump\n") is None


@pytest.mark.parametrize(
    ("text", "machine"),
    [
        ("Windows Server 2003 Kernel Version 3790 UP Free x86 compatible", "x86"),
        ("Windows 10 Kernel Version 19041 MP (8 procs) Free x64", "x64"),
        ("Windows 10 Kernel Version 22000 MP (8 procs) Free ARM 64-bit (AArch64)", "arm64"),
        ("Windows Server 2003 Kernel Version 3790 (Service Pack 1) MP (4 procs) Free ia64", "ia64"),
        ("r12=00000000 sp=e12f9bc0 lr=8a1c108d pc=8a1c2f10 psr=200001f3 --C-- Thumb", "arm"),
        (" fp=000000a9e12f9bc0   lr=00007ff8a1c2108d   pc=00007ff88a1c2f10 psr=80000040 N---", "arm64"),
        ("Child-SP         Child-BSP        RetAddr          Call Site", "ia64"),
        ("Machine Name:", None),
    ],
)
def test_machine(text: str, machine: Any) -> None:
    assert parse_machine(text) == machine


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("3: kd> dps b8ae6000 b8ae9000", "dps b8ae6000 b8ae9000"),
        ("3: kd>.cls", ".cls"),
        ("kd> ", ""),
        ("lkd> lm", "lm"),
        ("0:000> kf", "kf"),
        ("0:000:x86> k", "k"),
        ("16.0: kd:x86> k", None),
        ("b8ae6100  b8ae6128", None),
    ],
)
def test_prompts(line: str, command: Any) -> None:
    prompt = split_prompt(line)
    assert (prompt.command if prompt else None) == command
