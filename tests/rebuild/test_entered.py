"""A function that jumps out with its frame on the stack, as MSVC's operator new does: the slot lies above that too."""

from __future__ import annotations

from hogwalk.model import BugCheck, Module
from hogwalk.walk.rebuild import rebuild
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.collect import Collector
from tests.rebuild.machine import CHKSTK, Machine

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


def test_a_handlers_address_is_no_room_asked_for() -> None:
    """mov eax,handler; call __EH_prolog: the number in EAX is an address, not bytes of the frame."""
    prolog, handler, limit = 0x80801180, NT.start, BASE - 0x1000
    found = Machine((NT,), bugcheck=BugCheck(0x7F, (8, 0, 0, 0)))
    for function, room in ((NEW, 0x80), (THROW, handler)):
        # mov eax,ROOM; call PROLOG; push esi; call INNER; pop esi; leave; ret
        found.write(function, b"\xb8" + room.to_bytes(4, "little") + call(function + 5, prolog) + b"\x56")
        found.write(function + 11, call(function + 11, INNER) + b"\x5e\xc9\xc3")
    # push -1; push eax; mov eax,fs:[0]; push eax; .. as MSVC's is, down to its ret
    found.write(prolog, bytes.fromhex("6aff50 64a100000000 50 8b44240c 64892500000000 896c240c 8d6c240c 50c3"))
    found.write(INNER, b"\x53\x5b\xc3")
    found.write(CALLER, call(CALLER, THROW) + call(CALLER + 5, NEW) + b"\xc3")
    found.write_words(limit, [0] * (0x1000 // 4))
    places = {CALLER + 5: limit + 0xC00, CALLER + 10: limit + 0xC80}
    for word, slot in places.items():
        found.write_words(slot, [word])
    clued = Collector(found.evidence(limit, BASE)).collect()
    starts = {clued.nodes[number].slot: mask for number, mask in clued.starts.items()}
    assert not any(starts.get(slot, 0) & Clue.REACHES_LIMIT for slot in places.values())
    found.write(THROW + 1, (0xC00).to_bytes(4, "little"))  # nor is a number that happens to be in EAX
    clued = Collector(found.evidence(limit, BASE)).collect()
    starts = {clued.nodes[number].slot: mask for number, mask in clued.starts.items()}
    assert not starts.get(places[CALLER + 5], 0) & Clue.REACHES_LIMIT
    found.write(prolog, bytes.fromhex(CHKSTK))  # what a stack probe is asked for does reach down there
    clued = Collector(found.evidence(limit, BASE)).collect()
    starts = {clued.nodes[number].slot: mask for number, mask in clued.starts.items()}
    assert starts[places[CALLER + 5]] & Clue.REACHES_LIMIT


def test_a_recursion_through_a_function_that_jumps_on_is_walked_to_its_end() -> None:
    """The call names a function that jumps on into the one that runs; each depth is exact, turn after turn."""
    turns, base = 240, LIMIT + 0x2000
    target = machine()
    # CALLER: sub esp,8; call NEW; add esp,8; ret.  NEW: cmp [esp+4],0; jz THROW.  THROW: sub esp,10h; call CALLER; ..
    target.write(CALLER, b"\x83\xec\x08" + call(CALLER + 3, NEW) + b"\x83\xc4\x08\xc3")
    target.write(NEW, bytes.fromhex("837c240400") + b"\x0f\x84" + (THROW - NEW - 11).to_bytes(4, "little") + b"\xc3")
    target.write(THROW, b"\x83\xec\x10" + call(THROW + 3, CALLER) + b"\x83\xc4\x10\xc3")
    target.write(OTHER, call(OTHER, THROW))  # which makes THROW a known start
    slot, words = LIMIT, {}
    for _ in range(turns):
        words[slot], words[slot + 12] = CALLER + 8, THROW + 8
        slot += 32
    dead = {LIMIT + 4: OTHER + 5}
    target.write_words(LIMIT, [{**words, **dead}.get(at, 0) for at in range(LIMIT, base, 4)])
    evidence = target.evidence(LIMIT, base)
    steps = Collector(evidence).collect().edges.steps
    assert sum(mask & Clue.TAIL_REACHED > 0 for found in steps for _, mask in found) >= turns - 1
    assert [frame.return_slot for frame in rebuild(evidence).frames] == sorted(words)
