"""What prologue helpers do to their caller's stack, by running their code."""

from __future__ import annotations

from typing import Optional

import pytest

from hogwalk.machine.x86.callees import Blocks, Callees
from hogwalk.machine.x86.emulate import HelperEffect, emulate_helper
from hogwalk.machine.x86.values import EBP, ESP
from tests.code.test_depth import BASE, code_reader

# The functions of handwritten.s, assembled; `handler` and `cookie` are any addresses.
CHKSTK = "518d4c24042bc81bc0f7d023c88bc42500f0ffff3bc8720a8bc159948b00890424c32d001000008500ebe9"
PROBE = "518d4c24083d00100000720f81e90010000085092d00100000ebea2bc885098bc48be18b08ff7004c3"
SEH_PROLOG = (
    "680010400064a100000000508b442410896c24108d6c24102be05356578b45f88965e8508b45fcc7"
    "45fcffffffff8945f88d45f064a300000000c3"
)
EH_PROLOG = "6aff5064a100000000508b44240c64892500000000896c240c8d6c240c50c3"
MS_PROBE = "51503d001000008d4c240c721581e9001000008309002d001000003d0010000077eb29c18309005859c3"


def effect_of(text: str, eax: Optional[int], **words: int) -> Optional[HelperEffect]:
    pushed = {int(name[2:]): word for name, word in words.items()}
    return emulate_helper(code_reader(bytes.fromhex(text)), BASE, eax, pushed)


@pytest.mark.parametrize("probe", [CHKSTK, PROBE])
@pytest.mark.parametrize("size", [0x10, 0xFFC, 0x1000, 0x2468, 0x10000])
def test_stack_probes_take_as_much_as_eax_says(probe: str, size: int) -> None:
    effect = effect_of(probe, size)
    assert effect is not None
    assert (effect.esp, effect.ebp, effect.saved) == ((ESP, -size), (EBP, 0), None)


def test_the_probe_of_gcc_takes_nothing_and_keeps_eax() -> None:
    effect = effect_of(MS_PROBE, 0x2468)
    assert effect is not None
    assert (effect.esp, effect.eax) == ((ESP, 0), 0x2468)


def test_seh_prolog_puts_the_frame_over_what_was_pushed_for_it() -> None:
    effect = effect_of(SEH_PROLOG, None, at0=0x402000, at4=0x20)
    assert effect is not None
    assert effect.esp == (ESP, -(4 + 8 + 0x20 + 12))  # return address, handler and next, locals, registers
    assert (effect.ebp, effect.saved, effect.record) == ((ESP, 4), 4, 4 - 16)
    assert len(effect.kept) == 3


def test_seh_prolog_with_an_unknown_size_tells_nothing() -> None:
    effect = effect_of(SEH_PROLOG, None)
    assert effect is None or effect.esp is None


def test_eh_prolog_makes_a_record_of_three_words_behind_ebp() -> None:
    effect = effect_of(EH_PROLOG, 0x401234)
    assert effect is not None
    assert (effect.esp, effect.ebp, effect.saved, effect.record) == ((ESP, -16), (ESP, -4), -4, -16)


def test_unknown_instructions_end_the_run() -> None:
    assert effect_of("0fa2c3", 1) is None
    assert effect_of("ebfe", 1) is None
    assert effect_of("c20400", 1) is not None
    assert effect_of("58c3", 1) is None


@pytest.mark.parametrize(
    ("text", "popped", "returns", "helper"),
    [
        ("c3", 0, True, False),
        ("558bec5dc20c00", 12, True, False),
        ("85c07403c20800c3", 8, True, False),
        ("e9fb0f0000", None, True, False),  # jumps to where nothing can be read
        ("cc", None, False, False),
        ("ebfe", None, False, False),
        ("f3c3", 0, True, False),
        (CHKSTK, 0, True, True),
        (SEH_PROLOG, 0, True, True),
        (EH_PROLOG, 0, True, True),
        (MS_PROBE, 0, True, False),
    ],
)
def test_callees(text: str, popped: Optional[int], returns: bool, helper: bool) -> None:
    callee = Callees(Blocks(code_reader(bytes.fromhex(text)))).of(BASE)
    assert (callee.popped, callee.returns, callee.helper) == (popped, returns, helper)


def test_thunks_are_followed() -> None:
    pointer = (BASE + 0x10).to_bytes(4, "little").hex()
    code = "e90b000000" + "cc" * 11 + "ff25" + (BASE + 0x20).to_bytes(4, "little").hex() + "cc" * 10 + pointer
    blocks = Blocks(code_reader(bytes.fromhex(code)))
    assert blocks.through_thunks(BASE) == BASE + 0x10
    target = (BASE + 0x30).to_bytes(4, "little").hex()
    blocks = Blocks(code_reader(bytes.fromhex(code[:-8] + target + "cc" * 12 + "c20400")))
    assert blocks.through_thunks(BASE) == BASE + 0x30
    assert Callees(blocks).of(BASE).popped == 4
