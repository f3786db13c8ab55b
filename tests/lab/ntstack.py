"""The kernel's thread start and its switch to a second stack segment in the lab's nt, as assembly."""

from __future__ import annotations

from tests.lab.abi import NPX_BYTES, field_address

_CONTROL_BYTES = 0x1C  # _KERNEL_STACK_CONTROL

# PspSystemThreadStartup(StartRoutine, StartContext), called by KiThreadStartup as the thread's first code.
THREAD_START = """\
.p2align 4
.globl _KiThreadStartup
_KiThreadStartup:
xor ebx, ebx
xor esi, esi
xor edi, edi
xor ebp, ebp
pop eax
call eax
int3
.p2align 4
.globl "_PspSystemThreadStartup@8"
"_PspSystemThreadStartup@8":
push 0x20
.byte 0x68
.long __scope
call __SEH_prolog
and dword ptr [ebp-4], 0
push dword ptr [ebp+0xc]
call dword ptr [ebp+8]
or dword ptr [ebp-4], -1
call __SEH_epilog
ret 8
"""

# KeExpandKernelStackAndCallout(Callout, Parameter, Size): runs Callout on a new segment whose control block
# at Base - 22Ch keeps the previous segment, as _KERNEL_STACK_CONTROL does.
EXPAND_STACK = """\
.p2align 4
.globl "_KeExpandKernelStackAndCallout@12"
"_KeExpandKernelStackAndCallout@12":
mov edi, edi
push ebp
mov ebp, esp
push esi
push dword ptr [ebp+8]
push dword ptr [ebp+0xc]
call "_KiSwitchKernelStackAndCallout@8"
xor eax, eax
pop esi
pop ebp
ret 12
.p2align 4
"_KiSwitchKernelStackAndCallout@8":
push ebp
mov ebp, esp
push ebx
push esi
push edi
mov esi, fs:[0x124]
mov ebx, [0x{base:x}]
lea eax, [ebx-0x{control:x}]
mov ecx, fs:[4]
mov [eax+0xc], ecx
mov ecx, fs:[8]
mov [eax+0x10], ecx
mov [eax+0x14], esp
mov ecx, [esi+0x18]
mov [eax+0x18], ecx
mov fs:[4], ebx
mov ecx, [0x{limit:x}]
mov fs:[8], ecx
mov [esi+0x1c], ecx
mov [esi+0x18], eax
mov edi, eax
mov edx, esp
mov esp, eax
push edx
push 0
push 0
push dword ptr [ebp+8]
call dword ptr [ebp+0xc]
mov esp, [edi+0x14]
mov ecx, [edi+0x18]
mov [esi+0x18], ecx
mov ecx, [edi+0xc]
mov fs:[4], ecx
mov ecx, [edi+0x10]
mov fs:[8], ecx
mov [esi+0x1c], ecx
pop edi
pop esi
pop ebx
pop ebp
ret 8
""".format(base=field_address("seg_base"), limit=field_address("seg_limit"), control=NPX_BYTES + _CONTROL_BYTES)
