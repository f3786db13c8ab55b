"""Instructions in WinDbg's syntax."""

from __future__ import annotations

import pytest

from hogwalk.machine.x86.text import Disassembler, number

ADDRESS = 0xB8D8C0D0
NAMES = {0xB9596090: "BabyHog!HogFarm+0x7460", 0xB8D9E240: "MamaHog+0x15240", ADDRESS + 0x10: "MamaHog+0x30e0"}


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("55", "push ebp"),
        ("8bec", "mov ebp,esp"),
        ("6aff", "push 0FFFFFFFFh"),
        ("6840e2d9b8", "push offset MamaHog+0x15240 (b8d9e240)"),
        ("6841e2d9b8", "push 0B8D9E241h"),
        ("64a100000000", "mov eax,dword ptr fs:[0]"),
        ("81c470fdffff", "add esp,0FFFFFD70h"),
        ("83ec0c", "sub esp,0Ch"),
        ("ff15906059b9", "call dword ptr [BabyHog!HogFarm+0x7460 (b9596090)]"),
        ("ff548638", "call dword ptr [esi+eax*4+38h]"),
        ("ff1485001080f7", "call dword ptr [eax*4+0F7801000h]"),
        ("e80b000000", "call MamaHog+0x30e0 (b8d8c0e0)"),
        ("7410", "je b8d8c0e2"),
        ("8b45fc", "mov eax,dword ptr [ebp-4]"),
        ("8d6c2490", "lea ebp,[esp-70h]"),
        ("c20800", "ret 8"),
        ("c745fcfeffffff", "mov dword ptr [ebp-4],0FFFFFFFEh"),
        ("ff", "???"),
    ],
)
def test_as_the_debugger_prints_it(code: str, text: str) -> None:
    assert Disassembler(lambda address: NAMES.get(address, "")).text(bytes.fromhex(code), ADDRESS) == text


def test_numbers_never_begin_with_a_letter() -> None:
    assert [number(value) for value in (0, 9, 10, 0x10, 0xA0, 0x1A0)] == ["0", "9", "0Ah", "10h", "0A0h", "1A0h"]
