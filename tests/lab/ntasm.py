"""The kernel's entry code in the lab's nt: system-call entry, page-fault trap, thread start, stack switch.

Shaped after the published x86 listings of Windows XP and Server 2003; offsets are those of _KTRAP_FRAME.
"""

from __future__ import annotations

from random import Random

from tests.lab.abi import NPX_BYTES, TRAP_FRAME_BYTES, USER_RETURN, field_address
from tests.lab.ntinterrupt import INTERRUPTS
from tests.lab.ntstack import EXPAND_STACK, THREAD_START
from tests.lab.plan import ZW_SERVICES
from tests.lab.styles import Style

_TRAP_RESERVE = NPX_BYTES + TRAP_FRAME_BYTES


def text(style: Style, rng: Random) -> str:
    """Assembly of nt's entry points and Zw stubs; rng chooses how each stub enters the system service."""
    parts = [
        _FAST_ENTRY,
        _SERVICE_COMMON,
        _SYSTEM_SERVICE,
        _TRAP_0E,
        _TRAP_08,
        THREAD_START,
        EXPAND_STACK,
        INTERRUPTS,
        _service_tables(),
    ]
    if style.has("user"):
        parts.append(_USER_CALL)
    parts += [_zw_stub(i, name, count, style, rng) for i, (name, count) in enumerate(ZW_SERVICES)]
    return "\n".join(parts)


def _service_tables() -> str:
    services = ", ".join(f'"_Nt{name}@{4 * count}"' for name, count in ZW_SERVICES)
    counts = ", ".join(str(4 * count) for _, count in ZW_SERVICES)
    return f".p2align 2\n_KiServiceTable: .long {services}\n_KiArgumentTable: .byte {counts}"


def _zw_stub(index: int, name: str, count: int, style: Style, rng: Random) -> str:
    """A Zw stub: in the kernel int 2eh as NT 4 and 2000 do, or the call of KiSystemService as 2003 does."""
    symbol = f"_Zw{name}@{4 * count}"
    enter = rng.choice(("int 0x2e", "pushfd\npush 8\ncall _KiSystemService"))
    if style.has("user"):
        enter = "mov edx, offset L_shared\ncall dword ptr [edx]"
    return f'.p2align 2\n.globl "{symbol}"\n"{symbol}":\nmov eax, {index}\nlea edx, [esp+4]\n{enter}\nret {4 * count}'


# A user-mode stub's way into the system, through the address that the shared user data hold; here it enters nothing.
_USER_CALL = """\
.p2align 2
L_shared: .long _KiFastSystemCall
.p2align 4
.globl _KiFastSystemCall
_KiFastSystemCall:
mov edx, esp
xor eax, eax
jmp _KiFastSystemCallRet
.p2align 2
.globl _KiFastSystemCallRet
_KiFastSystemCallRet:
ret"""

_DEBUG_DATA = """\
mov ebx, [ebp+0x60]
mov edi, [ebp+0x68]
mov [ebp+0xc], edx
mov dword ptr [ebp+8], 0xbadb0d00
mov [ebp], ebx
mov [ebp+4], edi
"""

_FAST_ENTRY = """\
.p2align 4
.globl _KiFastCallEntry
_KiFastCallEntry:
mov ecx, 0x30
mov fs, cx
mov esp, [0x{:x}]
push 0x23
push edx
pushfd
add edx, 8
push 0x1b
push 0x{:x}
push 0
push ebp
push ebx
push esi
push edi
mov ebx, fs:[0x1c]
push 0x3b
mov esi, [ebx+0x124]
push dword ptr [ebx]
mov dword ptr [ebx], -1
mov ebp, [esi+0x18]
push 1
sub esp, 0x48
sub ebp, 0x{:x}
mov byte ptr [esi+0x140], 1
and dword ptr [ebp+0x2c], 0
mov [esi+0x134], ebp
{}""".format(field_address("esp0"), USER_RETURN, _TRAP_RESERVE, _DEBUG_DATA)

_SYSTEM_SERVICE = f"""\
.p2align 4
.globl _KiSystemService
_KiSystemService:
push 0
push ebp
push ebx
push esi
push edi
push fs
mov ebx, 0x30
mov fs, bx
push dword ptr fs:[0]
mov dword ptr fs:[0], -1
mov esi, fs:[0x124]
push dword ptr [esi+0x140]
sub esp, 0x48
mov ebx, [esp+0x6c]
and ebx, 1
mov [esi+0x140], bl
mov ebp, esp
mov ebx, [esi+0x134]
mov [ebp+0x3c], ebx
mov [esi+0x134], ebp
{_DEBUG_DATA}
jmp L_service
"""

_SERVICE_COMMON = """\
L_service:
mov esi, edx
xor ecx, ecx
mov ebx, [0x{:x}]
mov cl, [eax+ebx]
mov edi, [0x{:x}]
mov ebx, [edi+eax*4]
sub esp, ecx
shr ecx, 2
mov edi, esp
rep movsd
call ebx
mov esp, ebp
mov ecx, fs:[0x124]
mov edx, [ebp+0x3c]
mov [ecx+0x134], edx
mov edx, [esp+0x48]
mov [ecx+0x140], dl
mov edx, [esp+0x4c]
mov fs:[0], edx
lea esp, [ebp+0x54]
pop edi
pop esi
pop ebx
pop ebp
add esp, 4
pop edx
pop ecx
popfd
jmp edx
""".format(field_address("arguments"), field_address("services"))

# push ds, push es and their pops as bytes: the assembler would make them 16 bits wide.
_TRAP_0E = """\
.p2align 4
.globl _KiTrap0E
_KiTrap0E:
mov word ptr [esp+2], 0
push ebp
push ebx
push esi
push edi
push fs
mov ebx, 0x30
mov fs, bx
mov ebx, fs:[0]
push ebx
sub esp, 4
push eax
push ecx
push edx
.byte 0x1e, 0x06
push gs
mov ax, 0x23
sub esp, 0x30
mov ds, ax
mov es, ax
mov ebp, esp
cld
{}
mov edi, [0x{:x}]
push ebp
push 0
push edi
push 0
call "_MmAccessFault@16"
lea esp, [ebp+0x30]
pop gs
.byte 0x07, 0x1f
pop edx
pop ecx
pop eax
add esp, 4
pop dword ptr fs:[0]
pop fs
pop edi
pop esi
pop ebx
pop ebp
add esp, 4
iretd
""".format(_DEBUG_DATA, field_address("cr2"))

# Where a double fault arrives, on its own task's stack: the context that such a dump shows.
_TRAP_08 = """\
.p2align 4
.globl _KiTrap08
_KiTrap08:
cli
mov ecx, fs:[0x3c]
push 0
push 0
push 0x80042000
push 8
push 0x7f
L_stop:
jmp L_stop
"""
