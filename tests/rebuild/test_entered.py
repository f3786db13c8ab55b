"""A function that jumps out with its frame on the stack, as MSVC's operator new does: the slot lies above that too."""

from __future__ import annotations

from hogwalk.model import Module
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.collect import Collector
from tests.rebuild.machine import Machine

LIMIT, BASE = 0xB8000000, 0xB8000200
NT = Module("nt", 0x80800000, 0x80802000, "none")
CALLER, NEW, THROW, INNER, OTHER = 0x80801000, 0x80801040, 0x80801080, 0x808010C0, 0x80801108


def call(source: int, target: int) -> bytes:
    return b"\xe8" + (target - source - 5 & 0xFFFFFFFF).to_bytes(4, "little")


def machine() -> Machine:
    found = Machine((NT,))
    # push 8; call NEW; pop ecx; ret
    found.write(CALLER, b"\x6a\x08" + call(CALLER + 2, NEW) + b"\x59\xc3")
    # push ebp; mov ebp,esp; cmp [ebp+8],-1; je +2; pop ebp; ret; jmp THROW
    jump = b"\xe9" + (THROW - NEW - 16).to_bytes(4, "little")
    found.write(NEW, bytes.fromhex("558bec 837d08ff 7402 5dc3") + jump)
    # push ebp; mov ebp,esp; sub esp,0Ch; push 1; push 2; call INNER; int 3
    found.write(THROW, bytes.fromhex("558bec 83ec0c 6a01 6a02") + call(THROW + 10, INNER))
    found.write(OTHER, call(OTHER, THROW))  # THROW is a known start
    found.write(INNER, b"\x53" + call(INNER + 1, INNER) + b"\x5b\xc2\x08\0")
    return found


def test_the_frame_that_a_jump_left_is_part_of_the_step() -> None:
    target = machine()
    inner = LIMIT + 0x20  # where INNER's own call returns to, then INNER, THROW's callee, and NEW
    thrown = inner + 8
    saved = thrown + 4 + 8 + 12  # THROW's saved EBP, and right above it NEW's
    new = saved + 8
    words = {LIMIT: OTHER + 5, inner: INNER + 6, inner + 4: 0, thrown: THROW + 15, thrown + 4: 2, thrown + 8: 1}
    words.update({saved: saved + 4, saved + 4: BASE - 0x40, new: CALLER + 7, new + 4: 8})
    target.write_words(LIMIT, [words.get(at, 0) for at in range(LIMIT, BASE, 4)])
    evidence = target.evidence(LIMIT, BASE)
    clued = Collector(evidence).collect()
    numbers = {node.slot: number for number, node in enumerate(clued.nodes)}
    mask = dict(clued.edges.steps[numbers[thrown]])[numbers[new]]
    assert mask & Clue.DEPTH
    assert mask & Clue.TAIL_REACHED
