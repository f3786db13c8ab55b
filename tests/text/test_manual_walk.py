"""The stack that Microsoft's documentation walks by hand, pasted as its page prints it: x *!, dd esp, ln and u answers.

The words, symbols and code are those of tests/rebuild/test_manual_walk.py; the page's own `k` is the truth.
"""

from __future__ import annotations

import io
from typing import List

from hogwalk.analysis import Run
from hogwalk.targets.text import open_text
from hogwalk.walk.evidence import Request
from tests.rebuild.test_manual_walk import CODE, LIMIT, MODULES, NEAREST, STACK, TRUE_RETURN_ADDRESSES

INSTRUCTIONS = {
    "ffd3": "call    ebx", "cd2e": "int     2e", "7424": "jz      8011c925", "0000": "add     [eax],al",
    "85c9": "test    ecx,ecx",
    "ff15203568fe": "call dword ptr [rdr!__imp__ExReleaseResourceForThreadLite]",
    "ff15f83468fe": "call    dword ptr [rdr!__imp__ZwClose (fe6834f8)]",
    "e82ee3feff": "call  rdr!_RdrDereferenceDiscardableCode (fe68f4c6)",
    "e854e4feff": "call    rdr!_RdrTdiDisconnect (fe6a1058)",
    "e838d20200": "call    rdr!_CleanupTransportConnection (fe6b2ba0)",
}  # fmt: skip
PAGED_OUT = (0xFE682AE2, 0xFE682A72, 0x80110003, 0xFE68204E)  # where the page shows zeros


def modules() -> List[str]:
    kinds = {"pdb": "({0}.sys, \\\\server\\symbols\\sys\\{0}.DBG)", "deferred": "(load from {0}.sys deferred)"}
    rows = [f"{start:x} {end:x}   {name:9} {kinds[kind].format(name)}" for name, start, end, kind in MODULES]
    return ["kd> x *! ", "start    end        module name", *rows[:3], "", *rows[3:], ""]


def words() -> List[str]:
    found = STACK.split()
    rows = [f"{LIMIT + 4 * at:x}  {' '.join(found[at : at + 4])}" for at in range(0, len(found), 4)]
    return ["kd> dd esp ", *rows[:5], "", *rows[5:8], "", "kd> dd ", *rows[8:15], "", *rows[15:], ""]


def nearest() -> List[str]:
    lines: List[str] = []
    for number, (address, (module, name, displacement)) in enumerate(NEAREST.items()):
        shown = f"({address:x})   {module}!{name}" + (f"+{displacement:#x}" if displacement else "")
        other = f"({address:x}) {module}!_Next-0x40"
        wrapped = (shown + "  ", "   " + other) if number % 4 == 3 else (f"{shown} |{other}",)
        lines += [f"kd> ln {address:x} ", *wrapped]
    return lines


def code() -> List[str]:
    lines: List[str] = []
    for address, raw in [*CODE.items(), *((address, "0000") for address in PAGED_OUT), (0x80110006, "85c9")]:
        if raw in INSTRUCTIONS:
            behind = next(at for at in (address + len(raw) // 2, address + 5, address + 6) if at in NEAREST)
            module, name, displacement = NEAREST[behind]
            lines += [
                f"kd> u {address:x} l1      //  a remark",
                f"{module}!{name}+{displacement - behind + address:#x}:",
            ]
            lines += [f"{address:x} {raw:16} {INSTRUCTIONS[raw]}"]
    return lines


def walked(*parts: List[str]) -> List[int]:
    text = "\n".join(line for part in parts for line in part) + "\n"
    target = open_text(io.BytesIO(text.encode()), lambda _: None)
    return [frame.return_address for frame in Run(target, Request(), None, lambda _: None).walks().frames]


def test_the_page_gives_the_five_true_return_addresses() -> None:
    assert walked(modules(), words(), nearest(), code()) == TRUE_RETURN_ADDRESSES


def test_ln_names_the_address_that_was_asked_for() -> None:
    text = "\n".join([*modules(), *words(), *nearest()])
    target = open_text(io.BytesIO(text.encode()), lambda _: None)
    asked = sorted(NEAREST)
    named = [(symbol.module, symbol.name, symbol.displacement) for symbol in target.symbols(asked) if symbol]
    assert named == [NEAREST[address] for address in asked]
