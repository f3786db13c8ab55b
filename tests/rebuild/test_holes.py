"""Frames at an unreadable page: the one that runs into it is known by its depth or by EBP, and is counted."""

from __future__ import annotations

from typing import Dict

from hogwalk.model import BugCheck, Module, Symbol, Trust
from hogwalk.walk.evidence import Evidence, Request, gather
from hogwalk.walk.rebuild import rebuild
from hogwalk.walk.rebuild.confidence import confidence
from tests.rebuild.machine import Machine

LIMIT, END, BASE = 0xB8000000, 0xB8001000, 0xB8002000  # the second page cannot be read
MODULE = Module("hog", 0xB9000000, 0xB9002000, "none")
F, G, H, K, J = (0xB9001000 + at for at in (0, 0x40, 0x80, 0xC0, 0x100))
FUNCTIONS = {
    F: "83ec40 e8{} 83c440 c3",  # sub esp,40h; call G
    G: "55 8bec e8{} 5d c3",  # push ebp; mov ebp,esp; call K
    H: "55 8bec 2be0 e8{} c9 c3",  # push ebp; mov ebp,esp; sub esp,eax; call G
    K: "c3",
    J: "e8{} c3",  # call H
}
CALLS = {F: (3, G), G: (3, K), H: (5, G), J: (0, H)}  # offset of the call, and whom it calls
IN_F, IN_G, IN_H, IN_J = F + 8, G + 8, H + 10, J + 5


def evidence(words: Dict[int, int], base: int = BASE) -> Evidence:
    """A stack that holds these words, by address; with a higher base pages above the second one can be read again."""
    symbols = {address: Symbol("hog", "", address - MODULE.start) for address in (IN_F, IN_G, IN_H, IN_J)}
    machine = Machine((MODULE,), symbols, BugCheck(0x7F, (8, 0, 0, 0)))
    for start, code in FUNCTIONS.items():
        at, target = CALLS.get(start, (0, 0))
        distance = (target - start - at - 5 & 0xFFFFFFFF).to_bytes(4, "little")
        machine.write(start, bytes.fromhex(code.format(distance.hex())))
    machine.write_words(LIMIT, [words.get(at, 0) for at in range(LIMIT, END, 4)])
    if base > BASE:
        machine.write_words(BASE, [words.get(at, 0) for at in range(BASE, base, 4)])
    return gather(machine, Request(LIMIT, base), lambda doing: None)


def test_the_depth_tells_the_frame_that_runs_into_the_page() -> None:
    slot = END - 0x10
    found = rebuild(evidence({slot: IN_F}))
    last = found.frames[-1]
    assert (last.return_slot, last.bytes, last.trust) == (slot + 4 + 0x40, 0x44, Trust.NONE)
    assert last.symbol is not None
    assert last.symbol.module == "hog"


def test_the_saved_ebp_tells_it_where_the_depth_is_open() -> None:
    slot, ebp = LIMIT + 8, END + 0x20
    found = rebuild(evidence({slot: IN_G, slot + 4: ebp, slot + 8: IN_H}))
    assert [frame.return_slot for frame in found.frames] == [slot, slot + 8, ebp + 4]
    assert found.frames[-1].bytes == ebp + 4 - (slot + 8)


def test_where_neither_tells_it_is_counted_up_to_the_page() -> None:
    """Below the page is no other return address: so far the bytes are its own, however large its alloca is."""
    slot, above = END - 0x40, BASE + 8
    older = {above: IN_G, above + 4: above + 0x20, above + 8: IN_H, above + 0x24: IN_J}
    found = rebuild(evidence({slot: IN_G, slot + 4: 1, slot + 8: IN_H, **older}, BASE + 0x40))
    into = found.frames[2]
    assert [frame.return_slot for frame in found.frames] == [slot, slot + 8, END, above, above + 8, above + 0x24]
    assert (into.bytes, into.return_address, into.trust) == (END - slot - 8, 0, Trust.NONE)
    assert "up to there" in found.reasons[2]


def test_the_verdict_counts_the_bytes_of_that_frame_like_the_walk() -> None:
    walked = evidence({END - 0x10: IN_F, END - 0x14: 1})
    found = rebuild(walked)
    stated = confidence(found, walked.modules, lambda module: module)
    assert stated is not None
    assert stated.low <= sum(frame.bytes or 0 for frame in found.frames) <= stated.high


def test_the_range_counts_a_page_at_the_stacks_end_as_anybodys() -> None:
    """The oldest frames lie in it: nobody knows whose they are, so that no sum is sure."""
    words = {LIMIT + 8: IN_G, LIMIT + 12: LIMIT + 0x80, LIMIT + 16: IN_H, LIMIT + 0x84: 0x77}
    walked = evidence(words)
    stated = confidence(rebuild(walked), walked.modules, lambda module: module)
    assert stated is not None
    assert stated.low < stated.high
    assert stated.high > 0x800
