"""`threads`: every thread of a dump, the worst first."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, Dict, List

import pytest

from fixtures.build.variants import write_variant
from hogwalk.answer.threads.depth import Depths
from hogwalk.answer.threads.survey import survey
from hogwalk.targets.dump import open_dump
from tests.cli.running import STACKHOG, hogwalk
from tests.dump import machine64
from tests.dump.contents import PAGE, stackhog
from tests.dump.minidumps import TEB32, X86, Thread, context32, loaded, minidump, ranges
from tests.dump.writers import FULL
from tests.engine.engine import Engine, Target
from tests.engine.wine import Setting
from tests.stackhog import DUMP, HOG_BYTES, LAUNCHER, ROOT, SYMBOLS

LIMIT, BASE = 0xB8AE6000, 0xB8AE9000


def threads_of(*arguments: str) -> List[Dict[str, Any]]:
    ended = hogwalk(*arguments, "threads", "--json")
    assert (ended.code, ended.errors) == (0, "")
    document = json.loads(ended.out)
    assert document["schema"] == "hogwalk-threads/1"
    found: List[Dict[str, Any]] = document["threads"]
    return found


def test_the_crashed_thread_of_stackhog_is_full_and_the_hog_s() -> None:
    (thread,) = threads_of(*STACKHOG)
    assert thread["process"] == "StackHog.exe"
    assert (thread["bytes"], thread["used"], thread["left"], thread["estimated"]) == (12288, 12288, 0, False)
    assert thread["walked"]
    top = thread["products"][0]
    assert (top["name"], top["bytes"]) == ("StackHog", HOG_BYTES)


def test_return_addresses_are_counted_where_walking_is_too_much() -> None:
    target = open_dump(str(DUMP), str(SYMBOLS))
    (use,) = survey(target, "left", 0, lambda doing, total: None, lambda: None)
    assert not use.walked
    shares = {one.product.name: one.share.bytes for one in use.products}
    assert use.products[0].product.name == "StackHog"
    assert 0.5 * HOG_BYTES < shares["StackHog"] < 1.5 * HOG_BYTES


def test_threads_of_an_x64_kernel_are_ranked(tmp_path: Path) -> None:
    path = tmp_path / "x64.dmp"
    path.write_bytes(machine64.kernel64(FULL))
    (tmp_path / "ntkrnlmp.pdb").write_bytes(machine64.nt_pdb())
    found = threads_of("-z", str(path), "-y", str(tmp_path))
    assert len(found) == 3
    left = [thread["left"] for thread in found]
    assert left == sorted(left)
    assert int(found[0]["thread"], 16) == machine64.CURRENT
    assert {thread["process"] for thread in found} == {"System", "hog.exe"}
    assert all(thread["used"] + thread["left"] == thread["bytes"] for thread in found)


@pytest.fixture
def two_threads(tmp_path: Path) -> Path:
    """A user dump: StackHog's stack, a megabyte reserved below it, and a second, hardly used thread."""
    contents = stackhog()
    second, low = TEB32 - PAGE, 0x30000
    pages = dict(contents.pages)
    for teb, base, limit, reserved in ((TEB32, BASE, LIMIT, BASE - 0x100000), (second, low + PAGE, low, low)):
        page = bytearray(PAGE)
        struct.pack_into("<III", page, 0, 0xFFFFFFFF, base, limit)
        struct.pack_into("<I", page, 0x18, teb)
        struct.pack_into("<I", page, 0xE0C, reserved)
        pages[teb] = bytes(page)
    pages[low] = bytes(PAGE - 8) + struct.pack("<II", 0, 7)
    threads = [
        Thread(1, TEB32, LIMIT, BASE, context32(0x8081DF65, LIMIT + 0xEC, LIMIT + 0x100)),
        Thread(2, second, low, low + PAGE, b""),
    ]
    path = tmp_path / "two.dmp"
    path.write_bytes(minidump(X86, threads, loaded(contents), ranges(pages), True))
    return path


def test_a_user_thread_s_reserve_reaches_down_to_what_is_reserved(two_threads: Path) -> None:
    found = {thread["id"]: thread for thread in threads_of("-z", str(two_threads), "-y", str(SYMBOLS))}
    deep, idle = found[1], found[2]
    assert (deep["bytes"], deep["used"]) == (0x100000, BASE - LIMIT - 0xEC)
    assert deep["walked"]
    assert (idle["used"], idle["estimated"]) == (4, True)


def test_the_order_can_be_by_use(two_threads: Path) -> None:
    target = open_dump(str(two_threads), str(SYMBOLS))
    order = {
        by: [use.stack.identifier for use in survey(target, by, 0, lambda doing, total: None, lambda: None)]
        for by in ("left", "used")
    }
    assert order == {"left": [2, 1], "used": [1, 2]}


def test_the_table_says_what_is_a_guess(two_threads: Path) -> None:
    ended = hogwalk("-z", str(two_threads), "-y", str(SYMBOLS), "threads", "-n", "0")
    assert ended.code == 0
    rows = [line for line in ended.out.splitlines() if "ntoskrnl.exe" in line]
    assert len(rows) == 2
    assert " ~4 " in rows[0]
    assert "~" in rows[1]
    assert "~ used:" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 100


def test_a_stack_without_anything_is_said(tmp_path: Path) -> None:
    target = open_dump(str(write_variant("zero-stack", tmp_path / "zero.dmp")), str(SYMBOLS))
    (thread,) = target.threads()
    saved = Depths(target).of(thread)
    assert saved is not None
    assert saved.saved
    (use,) = survey(target, "left", 1, lambda doing, total: None, lambda: None)
    assert use.trouble
    assert use.products == ()


def test_in_the_debugger_too(engine: Engine, two_threads: Path) -> None:
    """By the kernel's own lists in a kernel dump, by `~` in a program's."""
    setting = Setting(import_path=(ROOT,), search_path=(LAUNCHER,))
    for dump, options in ((DUMP, "threads"), (DUMP, "threads -n 0"), (two_threads, "threads")):
        (step,) = engine.host(Target(dump, symbols=[SYMBOLS]), [f"!py hogwalk {options} --json"], setting)
        found = {thread["thread"]: thread for thread in json.loads(step.output)["threads"]}
        own = {thread["thread"]: thread for thread in threads_of("-z", str(dump), "-y", str(SYMBOLS))}
        assert list(found) == list(own)
        for key in ("limit", "base", "used", "left", "id"):
            assert [one[key] for one in found.values()] == [one[key] for one in own.values()], key
    (step,) = engine.host(Target(DUMP, symbols=[SYMBOLS]), ["!py hogwalk threads"], setting)
    assert "8974ac00  9b8  StackHog.exe  12288  12288  100.0     0  StackHog 4496" in step.output


def test_another_thread_is_that_thread_or_an_error(engine: Engine) -> None:
    steps = [f"!py hogwalk --thread {wanted}" for wanted in ("1000", "874c6800", "8974ac04")]
    setting = Setting(import_path=(ROOT,), search_path=(LAUNCHER,))
    outputs = [step.output for step in engine.host(Target(DUMP, symbols=[SYMBOLS]), steps, setting)]
    outputs += [hogwalk(*STACKHOG, *step.split()[2:]).out for step in steps]
    for output in outputs:
        assert "stack range" in output
        assert "Hog " not in output


def test_threads_needs_a_dump() -> None:
    ended = hogwalk("demo", "threads")
    assert ended.code == 3
    assert "not at a recording or a text" in ended.out
    assert hogwalk(*STACKHOG, "threads", "--record", "x").code == 2
