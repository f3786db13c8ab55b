"""Calls whose callee no code names, each on a small stack whose live return slots are known.

The function under test calls through a register, a table or a pointer, then calls one that fills the stack down to its
Limit.  Around its own return slot lie return addresses of another function that calls it too: only the depth decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Tuple

import pytest

from hogwalk.model import BugCheck, Module
from hogwalk.walk.rebuild import rebuild
from tests.rebuild.machine import Machine

DRIVER, KERNEL, LIMIT = 0xB9000000, 0x80800000, 0xB8000000
TESTED, MAIN, OTHER, START, FILL = range(DRIVER + 0x1000, DRIVER + 0x1500, 0x100)
CELL = DRIVER + 0x1800  # an import cell: KERNEL's function, which takes two arguments
TABLE = 0x8A123000  # in memory that the dump does not hold
SERVICE = KERNEL + 0x1000
FILLED = 0x300


def word(number: int) -> str:
    return number.to_bytes(4, "little").hex()


@dataclass(frozen=True)
class Case:
    """The function's code before and behind its last call; `depth` bytes lie from ESP at that up to its return slot.

    `pushed` are the argument bytes among them.
    """

    name: str
    before: str
    behind: str
    depth: int
    frame: int = 0  # bytes from the slot of the saved EBP up to the return slot, 0 where EBP is not kept


CASES = (
    Case(
        "import cell loaded into a register",  # push esi; mov esi,[cell]; push 2; push 1; call esi; call fill
        "56 8b35" + word(CELL) + "6a02 6a01 ffd6",
        "5e c3",
        4,
    ),
    Case(
        "a register call whose argument count only the way to the ret tells",  # sub esp,8; push 1; call eax; call fill
        "83ec08 6a01 ffd0",
        "83c408 c3",
        8,
    ),
    Case(
        "a register call that the caller cleans up after",  # sub esp,8; push 2; push 1; call eax; add esp,8; call fill
        "83ec08 6a02 6a01 ffd0 83c408",
        "83c408 c3",
        8,
    ),
    Case(
        "a virtual call in a function with EBP",  # mov ecx,[ebp+8]; mov eax,[ecx]; push 1; call [eax+10h]; call fill
        "558bec 51 56 8b4d08 8b01 6a01 ff5010",
        "5e c9 c3",
        12,
        4,
    ),
    Case(
        "a virtual call in a function without EBP",  # push esi; mov esi,ecx; mov eax,[esi]; push 1; call [eax+10h]
        "56 8bf1 8b06 6a01 ff5010",
        "8bc6 5e c3",
        4,
    ),
    Case(
        "CFG: a check, then the call",  # push esi; mov esi,[ecx]; mov ecx,esi; call [check]; push 1; call esi
        "56 8b31 8bce ff15" + word(CELL + 4) + "6a01 ffd6",
        "5e c3",
        4,
    ),
    Case(
        "KMDF: through a table of functions",  # push 0; push [globals]; mov eax,[table]; call [eax+1A4h]
        "53 56 6a00 ff35" + word(TABLE + 0x40) + "a1" + word(TABLE) + "ff90a4010000",
        "5e 5b c3",
        8,
    ),
    Case(
        "push ecx as a local, then a virtual call",  # push ecx; push esi; push [esp+8]; call [eax]; mov [esp+4],eax
        "51 56 ff74240c ff10 89442404",
        "5e 59 c3",
        8,
    ),
    Case(
        "an EH record by hand",  # push ebp; mov ebp,esp; push -1; push handler; push fs:[0]; set it; push 1; call
        "558bec 6aff 68" + word(START) + "64a100000000 50 64892500000000 6a01 ffd1",
        "8b4df4 64890d00000000 8be5 5d c3",
        16,
        4,
    ),
)


def drawn(case: Case) -> Tuple[Machine, List[int]]:
    """The machine; its live return slots and Base."""
    modules = [Module("drv", DRIVER, DRIVER + 0x2000, "none"), Module("nt", KERNEL, KERNEL + 0x3000, "none")]
    machine = Machine(modules, bugcheck=BugCheck(0x7F, (8, 0, 0, 0)))
    machine.write(SERVICE, bytes.fromhex("33c0 c20800"))
    machine.write(SERVICE + 0x20, bytes.fromhex("c3"))
    machine.write(SERVICE + 0x100, bytes.fromhex("558bec 6a00 ff5508 cc"))  # a thread's first function
    machine.write_words(CELL, [SERVICE, SERVICE + 0x20])

    def function(start: int, before: str, called: int, behind: str) -> int:
        code = bytes.fromhex(before)
        code += b"\xe8" + (called - start - len(code) - 5 & 0xFFFFFFFF).to_bytes(4, "little")
        machine.write(start, code + bytes.fromhex(behind))
        return start + len(code)

    in_tested = function(TESTED, case.before, FILL, case.behind)
    in_main = function(MAIN, "558bec 83ec20", TESTED, "c9 c3")
    in_other = function(OTHER, "558bec 83ec40", TESTED, "c9 c3")
    in_start = function(START, "558bec 6a00", MAIN, "c9 c3")
    machine.write(FILL, bytes.fromhex("81ec" + word(FILLED) + "33c0 81c4" + word(FILLED) + "c3"))
    newest = LIMIT + FILLED + 4
    tested = newest + 4 + case.depth
    main = tested + 4 + 0x24
    start = main + 4 + 8
    words: Dict[int, int] = {tested + near: in_other for near in range(-case.depth, 0x1C, 4) if near}
    words.update({newest: in_tested, tested: in_main, main: in_start, start: SERVICE + 0x108})
    words.update(
        {
            main - 4: start - 4,
            start - 4: start + 12,
            start + 12: 0,
            tested - case.frame: main - 4 if case.frame else in_main,
        }
    )
    for address in range(LIMIT, start + 0x40, 4):
        machine.write_words(address, [words.get(address, 0)])
    return machine, [newest, tested, main, start + 0x40]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_live_return_slots_are_found(case: Case) -> None:
    machine, (*live, base) = drawn(case)
    found = rebuild(machine.evidence(LIMIT, base))
    assert [frame.return_slot for frame in found.frames][:3] == live
    assert min(found.probabilities[:3]) > 0.9
