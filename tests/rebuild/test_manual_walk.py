"""The stack that Microsoft's documentation walks by hand: MicrosoftDocs/windows-driver-docs, manually-walking-a-stack.

The words, modules, symbols and code bytes are the page's; `k` at its end is
the truth.  RdrTdiDisconnect, which the code calls, jumps on into RdrTdiCloseConnection, which runs.
"""

from __future__ import annotations

from hogwalk.model import Module, Symbol, Trust
from hogwalk.walk.rebuild import Rebuilt, rebuild
from tests.rebuild.machine import Machine

LIMIT, BASE = 0xFE4CC97C, 0xFE4CCA7C
STACK = """
80136039 00000270 00000000 00000000 fe682ae4 801036fe 00000000 fe68f57a fe682a78 ffb5b030 00000000 00000000
ff680e08 801036fe 00000000 00000000 fe6a1198 00000001 fe4cca78 ffae9d98 02000901 fe4cca68 ffb50030 ff680e08
ffa449a8 8011c901 fe4cca78 00000000 80127797 80110008 00000246 fe6a1430 00000270 fe6a10ae 00000270 ffa44abc
ffa449a8 ff680e08 fe6b2c04 ff680e08 ffa449a8 e12820c8 e1235308 ffa449a8 fe685968 ff680e08 e1235308 ffa449a8
ffb0ad48 ffb0ad38 00100000 ffb0ad38 00000000 ffa44a84 e1235308 0000000a c00000d6 00000000 004ccb28 fe4ccbc4
fe680ba4 fe682050 00000000 fe4ccbd4
"""
MODULES = (
    ("ntdll", 0x77F70000, 0x77FB8000, "deferred"),
    ("NT", 0x80100000, 0x801B7B40, "pdb"),
    ("Ntfs", 0x802F0000, 0x8033C000, "deferred"),
    ("hal", 0x80400000, 0x8040C000, "deferred"),
    ("rdr", 0xFE680000, 0xFE6BCF20, "pdb"),
    ("srv", 0xFE6C0000, 0xFE6F0920, "deferred"),
)
NEAREST = {
    0x80136039: ("NT", "_KiServiceExit", 0x1E),
    0xFE682AE4: ("rdr", "_RdrSectionInfo", 0x2C),
    0x801036FE: ("NT", "_KeWaitForSingleObject", 0),
    0xFE68F57A: ("rdr", "_RdrDereferenceDiscardableCode", 0xB4),
    0xFE682A78: ("rdr", "_RdrDiscardableCodeLock", 0),
    0xFE6A1198: ("rdr", "_SubmitTdiRequest", 0xAE),
    0x8011C901: ("NT", "_KeSuspendThread", 0x13),
    0x80127797: ("NT", "_ZwCloseObjectAuditAlarm", 7),
    0x80110008: ("NT", "_KeWaitForMultipleObjects", 0x27C),
    0xFE6A1430: ("rdr", "_RdrTdiCloseConnection", 0xA),
    0xFE6A10AE: ("rdr", "_RdrTdiDisconnect", 0x56),
    0xFE6B2C04: ("rdr", "_CleanupTransportConnection", 0x64),
    0xFE685968: ("rdr", "_RdrReconnectConnection", 0x1B6),
    0xFE682050: ("rdr", "__strnicmp", 0xAA),
}
CODE = {
    0x80136037: "ffd3",  # call ebx
    0xFE68F574: "ff15203568fe",  # call dword ptr [__imp__ExReleaseResourceForThreadLite]
    0xFE6A1193: "e82ee3feff",  # call _RdrDereferenceDiscardableCode
    0x8011C8FF: "7424",  # jz
    0x80127795: "cd2e",  # int 2e
    0x80110003: "00000085c9",  # test ecx,ecx
    0xFE6A142A: "ff15f83468fe",  # call dword ptr [__imp__ZwClose]
    0xFE6A10AC: "0000",
    0xFE6B2BFF: "e854e4feff",  # call _RdrTdiDisconnect
    0xFE685963: "e838d20200",  # call _CleanupTransportConnection
    0xFE6834F8: "90771280",  # __imp__ZwClose: the function at _ZwCloseObjectAuditAlarm+0
}
HLT = b"\xf4"  # what the page does not show: no analysis gets past it
TRUE_RETURN_ADDRESSES = [0x80136039, 0x80127797, 0xFE6A1430, 0xFE6B2C04, 0xFE685968]


def walked() -> Rebuilt:
    symbols = {address: Symbol(*found) for address, found in NEAREST.items()}
    machine = Machine([Module(*row) for row in MODULES], symbols, fill=HLT)
    for address, code in CODE.items():
        machine.write(address, bytes.fromhex(code))
    machine.write_words(LIMIT, [int(word, 16) for word in STACK.split()])
    return rebuild(machine.evidence(LIMIT, BASE))


def test_all_true_return_addresses_and_no_other() -> None:
    assert [frame.return_address for frame in walked().frames] == TRUE_RETURN_ADDRESSES


def test_the_system_call_is_crossed_by_its_trap_frame() -> None:
    frame = walked().frames[1]
    assert frame.trust is Trust.TRAP
    assert frame.return_slot == 0xFE4CC9EC
    assert frame.bytes == 0xFE4CC9EC - LIMIT
