"""Bytes of single x86 instructions that are told by their looks, where no disassembly is needed.

Sources: the Intel SDM's encodings; what MSVC and gcc lay at functions' starts.
"""

from __future__ import annotations

INT3 = 0xCC  # behind a call that never returns
MOV_EAX, CALL_NEAR = 0xB8, 0xE8  # mov eax,imm32; call rel32: together a stack probe's
MOV_REGISTERS = range(0xB8, 0xC0)  # mov r32,imm32
MOV_EAX_FROM = 0xA1  # mov eax,[moffs32]
PUSH_REGISTERS = range(0x50, 0x58)
ROOM_PUSHES = (0x50, 0x51, 0x52)  # push eax|ecx|edx in a prologue: the shortest way to make room for a word
PUSH_CONSTANTS = (0x68, 0x6A)
GROUP_FF = 0xFF  # push r/m32 among them
FS_PREFIX = 0x64
ADD_ESP = b"\x83\xc4"  # add esp,imm8
MOST_IMM8 = 0x80  # from here on an imm8 is negative
ALIGNMENT = 16  # of functions
POPS_NOWHERE = (b"\x59", b"\x5a")  # pop ecx|edx after a call: one argument removed
HOT_PATCH = b"\x8b\xff"  # mov edi,edi
EBP_PROLOGUES = (b"\x55\x8b\xec", b"\x55\x89\xe5")  # push ebp; mov ebp,esp in both encodings
KEEPS_EBP = (HOT_PATCH + EBP_PROLOGUES[0], *EBP_PROLOGUES)
FRAMES = (  # what only the first instructions of a function look like
    *KEEPS_EBP,
    b"\x8d\x4c\x24\x04\x83\xe4",  # lea ecx,[esp+4]; and esp,N: gcc realigns
    b"\x57\x8d\x7c\x24\x08\x83\xe4",  # push edi; lea edi,[esp+8]; and esp,N
    b"\x53\x8b\xdc",  # push ebx; mov ebx,esp: MSVC realigns
)
LOAD_CHAIN = (b"\x64\xa1\0\0\0\0", b"\x64\x8b\x0d\0\0\0\0", b"\x64\x8b\x15\0\0\0\0")  # mov eax|ecx|edx,fs:[0]
PUSH_CHAIN = b"\x64\xff\x35\0\0\0\0"  # push dword ptr fs:[0]
SET_UP = (b"\x8b\xec", b"\x89\xe5", HOT_PATCH)  # besides pushes and changes of ESP, what a prologue consists of
