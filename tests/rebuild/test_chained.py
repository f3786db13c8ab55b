"""Chains of saved EBPs through a program's code that cannot be read: made-up minidumps of one stack and its modules."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from hogwalk.machine.windows import STACK_OVERFLOW
from hogwalk.model import Raised, Symbol
from hogwalk.targets.dump import DumpTarget, open_dump
from hogwalk.walk.evidence import Evidence, Request, gather
from hogwalk.walk.rebuild import Rebuilt, rebuild
from hogwalk.walk.rebuild.chained import chains
from hogwalk.walk.rebuild.confidence import confidence
from hogwalk.walk.rebuild.nodes import nodes
from tests.lab.minidump import write_minidump

LIMIT, SIZE = 0x0012E000, 0x2000
APP, SYSTEM, GRAPHICS = 0x00400000, 0x7C900000, 0x05F00000
MODULES: Sequence[Mapping[str, Any]] = (
    {"name": "app", "file": "C:\\app\\app.exe", "base": APP, "end": APP + 0x40000},
    {"name": "ntdll", "file": "C:\\windows\\system32\\ntdll.dll", "base": SYSTEM, "end": SYSTEM + 0xB0000},
    {"name": "gfx", "file": "C:\\app\\gfx.dll", "base": GRAPHICS, "end": GRAPHICS + 0x2000000},
)
EIP, OLD = APP + 0x1234, APP + 0x3333
FRAMES = (0x200, 0x240, 0x300, 0x420, 0x500, 0x1400)  # the saved EBPs, bytes above LIMIT


class Stack:
    """The words of one stack; old return addresses lie in every frame."""

    def __init__(self, old: int = OLD) -> None:
        self.words: Dict[int, int] = dict.fromkeys(range(260, SIZE - 512, 116), old)

    def chain(self, places: Sequence[int] = FRAMES, last: int = 0) -> List[int]:
        """Links frames at these places, the last one's saved EBP `last`; the return slots."""
        for number, (at, above) in enumerate(zip(places, [*(LIMIT + place for place in places[1:]), last])):
            self.words[at], self.words[at + 4] = above, APP + 0x2000 + 0x100 * number
        return [LIMIT + at + 4 for at in places]

    def opened(self, folder: Path, registers: Optional[Dict[str, int]]) -> DumpTarget:
        """A minidump of the stack from LIMIT on."""
        raw = b"".join(struct.pack("<I", self.words.get(at, 0)) for at in range(0, SIZE, 4))
        path = folder / "program.dmp"
        path.write_bytes(write_minidump(MODULES, (LIMIT, raw), registers))
        return open_dump(str(path))


def at(ebp: int, esp: int = 0x100, eip: int = EIP) -> Dict[str, int]:
    return {"eip": eip, "esp": LIMIT + esp, "ebp": LIMIT + ebp}


def seen(folder: Path, stack: Stack, registers: Optional[Dict[str, int]]) -> Evidence:
    return gather(stack.opened(folder, registers), Request(), lambda _: None)


def walked(folder: Path, stack: Stack, registers: Optional[Dict[str, int]]) -> Rebuilt:
    return rebuild(seen(folder, stack, registers))


def slots(found: Rebuilt) -> List[int]:
    return [frame.return_slot for frame in found.frames]


def test_the_chain_from_ebp_is_the_walk_however_large_its_frames(tmp_path: Path) -> None:
    stack = Stack()
    live = stack.chain()
    found = walked(tmp_path, stack, at(0x200))
    assert slots(found) == live
    assert found.believed
    assert min(found.probabilities) > 0.95


def test_a_chain_that_leaves_the_stack_ends_there(tmp_path: Path) -> None:
    stack = Stack()
    live = stack.chain(last=0x0089F0E4)
    assert slots(walked(tmp_path, stack, at(0x200))) == live


def test_a_pair_without_return_address_is_the_bottom(tmp_path: Path) -> None:
    stack = Stack()
    live = stack.chain(last=LIMIT + 0x1800)
    stack.words.update({0x1800: 0, 0x1804: 0, 0x1810: OLD, 0x1814: OLD})
    assert slots(walked(tmp_path, stack, at(0x200))) == live


def test_one_link_alone_is_a_walk_where_zero_ends_it(tmp_path: Path) -> None:
    stack = Stack(old=0)
    assert slots(walked(tmp_path, stack, at(0x200))) == []
    live = stack.chain((0x200,))
    assert slots(walked(tmp_path, stack, at(0x200))) == live


def test_a_zero_is_no_bottom_below_a_longer_chain(tmp_path: Path) -> None:
    stack = Stack(old=0)
    first = stack.chain((0x200,))
    above = stack.chain((0x300, 0x340, 0x400, 0x440, 0x500))
    assert slots(walked(tmp_path, stack, at(0x200))) == [*first, *above]


def test_without_registers_the_longest_chain_is_taken(tmp_path: Path) -> None:
    stack = Stack()
    live = stack.chain((0x120, *FRAMES))
    found = walked(tmp_path, stack, None)
    assert set(live) <= set(slots(found))
    assert [slot for slot in slots(found) if slot > live[0]] == live[1:]


def test_a_system_call_returns_through_two_slots_at_esp(tmp_path: Path) -> None:
    stack = Stack()
    live = stack.chain()
    stack.words.update({0x100: SYSTEM + 0x1010, 0x104: APP + 0x2FF0})
    waiting = at(0x200, eip=SYSTEM + 0x2000)
    assert slots(walked(tmp_path, stack, waiting)) == [LIMIT + 0x100, LIMIT + 0x104, *live]
    assert slots(walked(tmp_path, stack, at(0x200))) == live, "the program's own code is at EIP: no stub"


def test_a_call_of_a_bad_address_has_left_its_return_address_at_esp(tmp_path: Path) -> None:
    stack = Stack()
    live = stack.chain()
    stack.words[0x100] = APP + 0x2FF0
    assert slots(walked(tmp_path, stack, at(0x200, eip=0x41))) == [LIMIT + 0x100, *live]


def test_text_headers_and_starts_of_functions_are_weighed_as_that(tmp_path: Path) -> None:
    stack = Stack(old=0)
    stack.words.update({0x110: 0x00610070, 0x114: 0x05F20031, 0x118: GRAPHICS + 0x80, 0x11C: GRAPHICS + 0x1F00000})
    evidence = seen(tmp_path, stack, at(0x200))
    found = {node.slot - LIMIT: node.clues for node in nodes(evidence, evidence.traps, {})}
    assert 0x118 not in found, "in the module's headers"
    assert found[0x11C] != found[0x114], "in the last quarter of 32 MB"
    evidence.symbols[0x05F20031] = Symbol("gfx", "Draw", 0)
    again = {node.slot - LIMIT: node.clues for node in nodes(evidence, evidence.traps, {})}
    assert again[0x114] != found[0x114], "a function's first byte"


def test_chains_are_believed_in_programs_alone(tmp_path: Path) -> None:
    stack = Stack()
    stack.chain()
    evidence = seen(tmp_path, stack, at(0x200))
    found = nodes(evidence, evidence.traps, {})
    assert len(chains(evidence, found).onward) == len(FRAMES)
    assert all(
        node.slot in chains(evidence, found).dropped for node in found if LIMIT + 0x300 < node.slot - 4 < LIMIT + 0x420
    )


def test_without_registers_the_newest_frames_of_a_chain_that_leaves_may_be_left_over(tmp_path: Path) -> None:
    stack = Stack()
    right = stack.chain(last=0x0089F0E4)
    known, unknown = walked(tmp_path, stack, at(FRAMES[0])), walked(tmp_path, stack, None)
    assert slots(known) == right
    assert set(right) <= set(slots(unknown))
    assert (known.left_over, unknown.left_over > 0) == (0.0, True)
    assert min(known.probabilities) > 0.9
    assert unknown.probabilities[0] < 0.1
    rising = [unknown.lives(newer) for newer in range(100)]
    assert rising == sorted(rising)
    assert 0 < rising[0] < 0.1
    assert rising[-1] > 0.98


STALE = range(
    0x40, 0x1D0, 0x28
)  # a longer chain of calls that have returned; its last link leads to words of a newer one


def test_without_registers_the_chain_to_the_first_frame_is_the_walk(tmp_path: Path) -> None:
    for last in (LIMIT + 0x360, 0x0089F0E4):
        stack = Stack()
        live = stack.chain()
        stack.chain(STALE, last)
        found = walked(tmp_path, stack, None)
        assert slots(found) == live
        assert found.left_over == 0.0
        assert found.esp == (LIMIT, LIMIT + 0x1000)
        assert 0.5 < found.probabilities[0] < 0.99 < found.probabilities[-1]


def test_a_stack_saved_from_within_a_page_is_saved_from_esp(tmp_path: Path) -> None:
    stack = Stack()
    stack.chain()
    path = tmp_path / "program.dmp"
    raw = b"".join(struct.pack("<I", stack.words.get(at, 0)) for at in range(0x1C0, SIZE, 4))
    path.write_bytes(write_minidump(MODULES, (LIMIT + 0x1C0, raw), None))
    evidence = gather(open_dump(str(path)), Request(), lambda _: None)
    assert rebuild(evidence).esp == (LIMIT + 0x1C0, LIMIT + 0x1C4)


def test_of_chains_that_end_alike_the_longer_one_is_likelier_and_a_short_lead_is_doubted(tmp_path: Path) -> None:
    stack = Stack()
    live = stack.chain()
    stack.chain((0x60, 0xA0, 0x120), LIMIT + FRAMES[0])
    found = walked(tmp_path, stack, None)
    assert set(live) <= set(slots(found))
    stated = dict(zip(slots(found), found.probabilities))
    assert all(stated[live[0]] > stated.get(LIMIT + slot + 4, 0.0) for slot in (0x60, 0xA0, 0x120))


def test_a_stack_that_ran_out_has_no_frames_left_over_below_its_newest(tmp_path: Path) -> None:
    stack = Stack()
    stack.chain()
    evidence = seen(tmp_path, stack, None)
    full = replace(evidence, fault=evidence.fault._replace(raised=Raised(STACK_OVERFLOW)))
    assert (rebuild(full).left_over, rebuild(full).esp) == (0.0, None)


def test_what_may_be_left_over_widens_the_range_of_bytes(tmp_path: Path) -> None:
    stack = Stack()
    stack.chain()
    stated = []
    for registers in (at(FRAMES[0]), None):
        evidence = seen(tmp_path, stack, registers)
        found = confidence(rebuild(evidence), evidence.modules, lambda name: name)
        assert found is not None
        stated.append(found)
    assert stated[1].high - stated[1].low > stated[0].high - stated[0].low
