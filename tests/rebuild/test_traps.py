"""Trap frames in the own walk: the handler's own is the nearest, and the interrupted function's depth is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Sequence

import pytest

from hogwalk.model import Module, Region, Symbol, Trust
from hogwalk.walk.evidence import Request, gather
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.facts.traps import TrapFrame, Traps
from hogwalk.walk.rebuild import Rebuilt, rebuild
from hogwalk.walk.rebuild.clues import Clue
from tests.rebuild.machine import Machine

LIMIT, BASE = 0xB8000000, 0xB8001000
NT = Module("nt", 0x80800000, 0x80802000, "none")
UNREAD = Module("nt", 0x80802000, 0x80804000, "none")  # more of it, no page of which was ever written
HANDLER, F, CALLER = 0x80801000, 0x80801040, 0x80801080
INTERRUPTED = F + 11  # behind push ebp; mov ebp,esp; sub esp,10h; mov eax,[0]: 14h bytes below F's return slot
IN_HANDLER, IN_CALLER, IN_OTHER = HANDLER + 2, CALLER + 5, CALLER + 0x25
MARK, KERNEL_CS, FLAGS = 0xBADB0D00, 8, 0x202


def trap(start: int, instruction: int, ebp: int) -> Dict[int, int]:
    """The words of a trap frame (_KTRAP_FRAME) at `start`, by address."""
    return {start + 8: MARK, start + 0x60: ebp, start + 0x68: instruction, start + 0x6C: KERNEL_CS, start + 0x70: FLAGS}


def walked(words: Dict[int, int]) -> Rebuilt:
    symbols = {at: Symbol("nt", "", at - NT.start) for at in (IN_HANDLER, INTERRUPTED, IN_CALLER)}
    machine = Machine((NT,), symbols)
    machine.write(HANDLER, bytes.fromhex("ffd3ffe0"))  # call ebx; jmp eax
    machine.write(F, bytes.fromhex("558bec83ec10a1000000008b00c9c3"))
    machine.write(CALLER, b"\xe8" + (F - IN_CALLER & 0xFFFFFFFF).to_bytes(4, "little"))
    machine.write_words(LIMIT, [words.get(at, 0) for at in range(LIMIT, BASE, 4)])
    return rebuild(gather(machine, Request(LIMIT, BASE), lambda doing: None))


def test_the_interrupted_functions_frame_ends_where_its_depth_says() -> None:
    slot, start = LIMIT + 0x100, LIMIT + 0x108
    resumed = start + 0x74
    found = walked({slot: IN_HANDLER, **trap(start, INTERRUPTED, 0), resumed + 0x14: IN_CALLER})
    assert [frame.return_slot for frame in found.frames] == [slot, start + 0x68, resumed + 0x14]
    assert found.frames[1].trust is Trust.TRAP
    assert found.frames[2].trust is Trust.LINKED  # the caller's call targets the interrupted function


def test_the_nearest_trap_frame_is_the_handlers_own() -> None:
    slot, near, far = LIMIT + 0x100, LIMIT + 0x108, LIMIT + 0x148
    words = {slot: IN_HANDLER, **trap(near, INTERRUPTED, 0), **trap(far, INTERRUPTED, 0)}
    words[near + 0x74 + 0x14] = IN_CALLER
    found = walked(words)
    assert near + 0x68 in {frame.return_slot for frame in found.frames}
    assert far + 0x68 not in {frame.return_slot for frame in found.frames}


def found_traps(start: int, words: Dict[int, int]) -> Sequence[TrapFrame]:
    """The trap frames in words by their offset from `start`, where IN_HANDLER and INTERRUPTED are code."""
    at = {start + offset: word for offset, word in words.items()}
    region = Region(LIMIT, BASE, None, "")
    image = StackImage(region, [at.get(address, 0) for address in range(LIMIT, BASE, 4)], ())
    return Traps(image, {INTERRUPTED, IN_HANDLER}).all


def test_arguments_of_eight_and_two_are_no_trap_frame() -> None:
    start = LIMIT + 0x100
    assert found_traps(start, {0x68: INTERRUPTED, 0x6C: 8, 0x70: 2}) == ()
    bare = {0x60: 5, 0x68: INTERRUPTED, 0x6C: 8, 0x70: 0x202}
    expected = (TrapFrame(start, start + 0x68, INTERRUPTED, 5, False, False),)
    assert found_traps(start, {**bare, 8: MARK}) == expected
    assert found_traps(start, {**bare, 0x50: 0x30}) == expected  # Windows 2000 leaves no mark
    assert found_traps(start, {**bare, 0x50: 0x23}) == ()
    (interrupt,) = found_traps(start, {**bare, 0x64: start + 0x68})
    assert interrupt.interrupt


def test_user_mode_frames_need_the_mark_or_every_selector() -> None:
    start, user = LIMIT + 0x100, {0x68: 0x7C8285EC, 0x6C: 0x1B, 0x70: 0x202}
    assert found_traps(start, user) == ()
    assert found_traps(start, {**user, 8: MARK})[0].user
    assert found_traps(start, {**user, 0x50: 0x3B, 0x78: 0x23})[0].ip == 0x7C8285EC
    assert found_traps(start, {**user, 0x50: 0x3B, 0x78: 0x10}) == ()


@pytest.mark.parametrize(("name", "told"), [("ZwClose", True), ("KiLeave", False), ("", False)])
def test_an_unread_service_stub_returns_right_above_its_trap_frame(name: str, told: bool) -> None:
    slot, start, stub = LIMIT + 0x100, LIMIT + 0x108, UNREAD.start + 0x211
    resumed, decoy = start + 0x74, start + 0x94
    symbols = {at: Symbol("nt", "", at - NT.start) for at in (IN_HANDLER, IN_CALLER, IN_OTHER)}
    symbols[stub] = Symbol("nt", name, 0x11 if name else 0x211)
    machine = Machine((replace(NT, end=UNREAD.end),), symbols)
    machine.write(HANDLER, bytes.fromhex("ffd3ffe0"))
    for caller in (IN_CALLER, IN_OTHER):
        machine.write(caller - 2, b"\xff\xd3")
    words = {slot: IN_HANDLER, **trap(start, stub, decoy - 4), resumed: IN_CALLER, decoy: IN_OTHER}
    machine.write_words(LIMIT, [words.get(at, 0) for at in range(LIMIT, BASE, 4)])
    clued = rebuild(gather(machine, Request(LIMIT, BASE), lambda doing: None)).weighed.clued
    number = {node.slot: number for number, node in enumerate(clued.nodes)}
    steps = {clued.nodes[older].slot: mask for older, mask in clued.edges.steps[number[start + 0x68]]}
    assert bool(steps[resumed] & (Clue.DEPTH | Clue.DEPTH_ALONE)) is told
    assert bool(steps.get(decoy, Clue.DEPTH_OTHER) & Clue.DEPTH_OTHER) is told
