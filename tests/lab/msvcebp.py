"""Hand-written functions that keep EBP, shaped as MSVC writes them.

Every shape takes (argument bytes, the function it calls, rng) and gives the lines behind the symbol's label; what it
places elsewhere (cold parts, tables, inner functions) follows the last `ret`.
"""

from __future__ import annotations

from random import Random
from typing import Callable, List

Shape = Callable[[int, str, Random], str]


def tag_of(step: str) -> str:
    """The prefix of the private labels of the function that calls step."""
    return "L_" + step[1:].split("@")[0]


def _seh_prolog4(arguments: int, step: str, rng: Random) -> str:
    return f"""\
push {rng.choice((8, 0xC, 0x14, 0x24, 0x40, 0x70))}
.byte 0x68
.long __scope
call __SEH_prolog4
and dword ptr [ebp-4], 0
push dword ptr [ebp+8]
lea eax, [ebp-0x1c]
push eax
call "{step}"
mov dword ptr [ebp-4], 0xfffffffe
call __SEH_epilog4
ret {arguments}"""


def _eh_prolog3(arguments: int, step: str, rng: Random) -> str:
    return f"""\
push {rng.choice((4, 8, 0x10, 0x2C, 0x54))}
mov eax, offset __except_handler3
call __EH_prolog3
mov esi, [ebp+8]
and dword ptr [ebp-4], 0
push esi
push dword ptr [ebp+8]
call "{step}"
call __EH_epilog3
ret {arguments}"""


def _aligned(arguments: int, step: str, rng: Random) -> str:
    """EBP frame with ESP aligned, as for doubles on the stack."""
    return f"""\
push ebp
mov ebp, esp
and esp, -{rng.choice((8, 16, 64))}
sub esp, {4 * rng.randint(3, 40)}
push ebx
push esi
push edi
mov edi, [ebp+8]
push edi
lea eax, [esp+0x10]
push eax
call "{step}"
pop edi
pop esi
pop ebx
mov esp, ebp
pop ebp
ret {arguments}"""


def _push_ecx_ebp(arguments: int, step: str, rng: Random) -> str:
    pushes = "\n".join(["push ecx"] * rng.randint(1, 3))
    return f"""\
mov edi, edi
push ebp
mov ebp, esp
{pushes}
push esi
push edi
mov edi, [ebp+8]
push edi
lea eax, [ebp-4]
push eax
call "{step}"
pop edi
pop esi
leave
ret {arguments}"""


def _guarded(arguments: int, step: str, rng: Random) -> str:
    """Control flow guard: the check takes ECX, the call behind it goes through the register."""
    tag = tag_of(step)
    return f"""\
mov edi, edi
push ebp
mov ebp, esp
push esi
mov esi, [{tag}_cell]
push dword ptr [ebp+8]
push esi
mov ecx, esi
.byte 0xff, 0x15
.long __guard_pointer
call esi
pop esi
pop ebp
ret {arguments}
.p2align 2
{tag}_cell: .long "{step}\""""


def _cold(arguments: int, step: str, rng: Random) -> str:
    """The call lies in a cold part, behind padding and another function."""
    tag = tag_of(step)
    return f"""\
mov edi, edi
push ebp
mov ebp, esp
sub esp, {4 * rng.randint(1, 16)}
push esi
mov esi, [ebp+8]
test esp, esp
jne {tag}_cold
{tag}_back: mov eax, esi
pop esi
leave
ret {arguments}
.byte 0xcc, 0xcc, 0xcc, 0xcc, 0xcc
.p2align 4, 0xcc
{tag}_other: push esi
mov esi, ecx
mov eax, [esi]
pop esi
ret
.byte 0xcc, 0xcc, 0xcc, 0xcc, 0xcc
{tag}_cold: push esi
lea eax, [ebp-4]
push eax
call "{step}"
mov esi, eax
jmp {tag}_back"""


def _jumped_out(arguments: int, step: str, rng: Random) -> str:
    """Leaves by a jump with its frame on the stack, which the other one takes down."""
    tag = tag_of(step)
    return f"""\
push ebp
mov ebp, esp
jmp {tag}_test
{tag}_again: push dword ptr [ebp+8]
push 0
call "{step}"
{tag}_test: cmp dword ptr [ebp+8], -1
je {tag}_again
jmp {tag}_there
.p2align 4, 0xcc
{tag}_there: push dword ptr [ebp+8]
push 1
call "{step}"
pop ebp
ret {arguments}"""


def _thunk(arguments: int, step: str, rng: Random) -> str:
    """The symbol is a jump, as incremental linking or an adjusting thunk makes it."""
    adjust = rng.choice(("", "sub ecx, 8\n", "add dword ptr [esp+4], 8\n"))
    return f"""\
{adjust}jmp {tag_of(step)}_real
.byte 0xcc, 0xcc, 0xcc
.p2align 4, 0xcc
{tag_of(step)}_real: {rng.choice(_PLAIN)(arguments, step, rng)}"""


def _patched(arguments: int, step: str, rng: Random) -> str:
    """Hot patched: the first two bytes jump to five bytes before, which jump to the new code."""
    tag = tag_of(step)
    return f"""\
.byte 0xeb, 0xf9
{tag}_old: push ebp
mov ebp, esp
pop ebp
ret {arguments}
.p2align 4, 0xcc
{tag}_new: push ebp
mov ebp, esp
sub esp, {4 * rng.randint(1, 30)}
push dword ptr [ebp+8]
push dword ptr [ebp-4]
call "{step}"
leave
ret {arguments}"""


def _probed(arguments: int, step: str, rng: Random) -> str:
    """alloca of a size known only at run time, through the aligning probe."""
    return f"""\
push ebp
mov ebp, esp
push esi
mov eax, [ebp+8]
and eax, 0x7c
add eax, {rng.choice((0x10, 0x40, 0x100))}
call __alloca_probe_16
mov esi, esp
push esi
push dword ptr [ebp+8]
call "{step}"
lea esp, [ebp-4]
pop esi
leave
ret {arguments}"""


def _early_pushes(arguments: int, step: str, rng: Random) -> str:
    """The second call's arguments are pushed before the first call."""
    return f"""\
push ebp
mov ebp, esp
push ebx
mov ebx, [ebp+8]
push ebx
push 4
push ebx
push 8
call "{step}"
call "{step}"
pop ebx
pop ebp
ret {arguments}"""


def before(shape: Shape, step: str) -> str:
    """What lies right before a function's label: padding, or the jump of a hot patch."""
    if shape is _patched:
        return f".p2align 4, 0xcc\n.fill 11, 1, 0xcc\n.byte 0xe9\n.long {tag_of(step)}_new - (. + 4)"
    return ".p2align 2"


_PLAIN: List[Shape] = [_push_ecx_ebp, _early_pushes]
EBP_SHAPES: List[Shape] = [
    _seh_prolog4,
    _eh_prolog3,
    _aligned,
    _push_ecx_ebp,
    _guarded,
    _cold,
    _jumped_out,
    _thunk,
    _patched,
    _probed,
    _early_pushes,
]
