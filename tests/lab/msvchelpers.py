"""The C run-time library's prologue helpers in their real variants, as MSVC's code calls them.

Shaped after the published listings: no byte of them is copied from a file.
"""

from __future__ import annotations

from random import Random


def helpers(rng: Random) -> str:
    """The module's own helpers, which return by `bnd ret` in every other module."""
    return _HELPERS.replace("RET", rng.choice(("ret", ".byte 0xf2, 0xc3")))


_HELPERS = """\
__guard_nothing: ret
.p2align 2
__guard_pointer: .long __guard_nothing
.globl __alloca_probe_16
__alloca_probe_16:
push ecx
lea ecx, [esp+8]
sub ecx, eax
and ecx, 0xf
add eax, ecx
sbb ecx, ecx
or eax, ecx
pop ecx
jmp __chkstk
__SEH_prolog4:
.byte 0x68
.long __except_handler3
push dword ptr fs:[0]
mov eax, [esp+0x10]
mov [esp+0x10], ebp
lea ebp, [esp+0x10]
sub esp, eax
push ebx
push esi
push edi
mov eax, [___security_cookie]
xor [ebp-4], eax
xor eax, ebp
push eax
mov [ebp-0x18], esp
push dword ptr [ebp-8]
mov eax, [ebp-4]
mov dword ptr [ebp-4], 0xfffffffe
mov [ebp-8], eax
lea eax, [ebp-0x10]
mov fs:[0], eax
RET
__SEH_epilog4:
mov ecx, [ebp-0x10]
mov fs:[0], ecx
pop ecx
pop edi
pop edi
pop esi
pop ebx
mov esp, ebp
pop ebp
push ecx
RET
__EH_prolog3:
push eax
push dword ptr fs:[0]
lea eax, [esp+0xc]
sub esp, [esp+0xc]
push ebx
push esi
push edi
mov [eax], ebp
mov ebp, eax
mov eax, [___security_cookie]
xor eax, ebp
push eax
push dword ptr [ebp-4]
mov dword ptr [ebp-4], 0xffffffff
lea eax, [ebp-0xc]
mov fs:[0], eax
RET
__EH_epilog3:
mov ecx, [ebp-0xc]
mov fs:[0], ecx
pop ecx
pop edi
pop edi
pop esi
pop ebx
mov esp, ebp
pop ebp
push ecx
RET
"""
