"""Hardware interrupts in the lab's nt: a connected interrupt's code, its dispatcher, and the clock, as assembly.

Shaped after the published listings: the entry code lies in the KINTERRUPT object, in no module, and jumps on; the trap
frame's error code points at the word above itself.
"""

from __future__ import annotations

from tests.lab.abi import array_address

ISR, CONTEXT, CODE = 0x0C, 0x10, 0x3C  # offsets in the KINTERRUPT object, as in Windows XP

_ENTER = """\
push esp
push ebp
push ebx
push esi
push edi
sub esp, 0x54
mov ebp, esp
mov [ebp+0x44], eax
mov [ebp+0x40], ecx
mov [ebp+0x3c], edx
mov dword ptr [ebp+0x50], 0x30
mov dword ptr [ebp+0x38], 0x23
mov dword ptr [ebp+0x34], 0x23
mov ebx, fs:[0]
mov dword ptr fs:[0], -1
mov [ebp+0x4c], ebx
cld
mov ebx, [ebp+0x60]
mov edi, [ebp+0x68]
mov [ebp+0xc], edx
mov dword ptr [ebp+8], 0xbadb0d00
mov [ebp], ebx
mov [ebp+4], edi
"""

_LEAVE = """\
mov ebx, [ebp+0x4c]
mov fs:[0], ebx
mov eax, [ebp+0x44]
mov ecx, [ebp+0x40]
mov edx, [ebp+0x3c]
lea esp, [ebp+0x54]
pop edi
pop esi
pop ebx
pop ebp
add esp, 4
iretd
"""

# _KiInterruptTemplate is copied into the KINTERRUPT object, its last two instructions made to fit there.
INTERRUPTS = f"""\
.p2align 4
.globl _KiInterruptTemplate
_KiInterruptTemplate:
{_ENTER}.byte 0xbf, 0, 0, 0, 0
.byte 0xe9, 0, 0, 0, 0
.globl _KiInterruptTemplateEnd
_KiInterruptTemplateEnd:
nop
.p2align 4
.globl _KiInterruptDispatch
_KiInterruptDispatch:
mov ebp, esp
push 0x31
push 2
sub esp, 0xc
push dword ptr [edi+{CONTEXT}]
push edi
call dword ptr [edi+{ISR}]
add esp, 0x14
{_LEAVE}
.p2align 4
.globl _HalpClockInterrupt
_HalpClockInterrupt:
{_ENTER}push 0xd1
push 0x1c
call _HalBeginSystemInterrupt
jmp _KeUpdateSystemTime
.p2align 4
_HalBeginSystemInterrupt:
mov eax, [esp+4]
ret
.p2align 4
.globl _KeUpdateSystemTime
_KeUpdateSystemTime:
push dword ptr [ebp+0x68]
push ebp
push 0
mov eax, [{array_address("callbacks")}]
call eax
add esp, 8
{_LEAVE}"""
