"""The drawing itself: what a test draws is what hogwalk sees."""

from __future__ import annotations

import pytest

from hogwalk.errors import CommandFailed, Unreadable
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.targets.parsers.kf import parse_kf
from hogwalk.targets.protocol import Target
from hogwalk.walk.facts.modules import ModuleMap
from tests.core.scenes import LIMIT, THREAD, machine, usual_stack
from tests.drawn import Code, DrawnTarget, Stack


def test_a_drawn_target_is_a_target() -> None:
    target: Target = DrawnTarget()
    assert target.about().machine == "x86"


def test_labels_may_be_drawn_later() -> None:
    stack = Stack(0x1000, 0x1010).frame("first", "second", 7).frame("second", 0, 8)
    assert stack.image() == bytes.fromhex("08100000 07000000 00000000 08000000")


def test_memory_across_pages_reads_back_and_forgotten_pages_do_not() -> None:
    target = DrawnTarget()
    target.put(0x1FFE, b"abcd")
    assert target.read(0x1FFE, 4) == b"abcd"
    target.forget(0x2000, 0x3000)
    with pytest.raises(Unreadable):
        target.read(0x1FFE, 4)
    assert target.read(0x1FFE, 2) == b"ab"


def test_the_drawn_kf_prints_what_the_parser_reads_without_rest() -> None:
    scene = machine()
    usual_stack(scene, frames=4)
    text = parse_kf(scene.target.command(f"kf={LIMIT + 0x180:08x} {LIMIT + 0x80:08x} {scene.hog_ring[-1]:08x} 0x10"), 4)
    assert text.unparsed == ()
    assert text.headers == ("Memory  ChildEBP RetAddr",)
    assert [row.frame_ptr for row in text.rows] == [LIMIT + 0x180, LIMIT + 0x280, LIMIT + 0x380]
    assert [row.memory for row in text.rows] == [None, 0x100, 0x100]
    assert text.rows[0].call_site == "hog!Ring23+0x20"


def test_other_commands_must_be_drawn_first() -> None:
    target = DrawnTarget()
    with pytest.raises(CommandFailed):
        target.command("!thread")
    target.answers["!thread"] = f"THREAD {THREAD:08x}"
    assert target.command("!thread") == f"THREAD {THREAD:08x}"
    assert target.commands() == ["!thread", "!thread"]


def test_drawn_modules_have_headers_that_name_their_code() -> None:
    target = DrawnTarget()
    code = Code("a", 0x80800000)
    target.load(code)
    modules = ModuleMap(target.modules(), CodeReader(target.read))
    assert modules.code_ranges(code.module) == ((0x80801000, 0x80803000),)
