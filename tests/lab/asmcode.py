"""Hand-written assembly of the generated drivers: prologue helpers, stack probes, odd prologues."""

from __future__ import annotations

from random import Random
from typing import Callable, Dict, List

from tests.lab import ntasm
from tests.lab.msvcebp import EBP_SHAPES, before
from tests.lab.msvcfpo import SHAPES
from tests.lab.msvchelpers import helpers
from tests.lab.plan import FunctionPlan, ModulePlan
from tests.lab.styles import CLANG_EBP, CLANG_FPO, GCC_FPO, MSVC, MSVC_EBP, MSVC_FPO, Style


def module_asm(plan: ModulePlan, style: Style, rng: Random) -> str:
    """File-level asm statements: the module's helpers, its Asm functions, and nt's entry code."""
    lines = [".intel_syntax noprefix", ".text", _SEH, _PROBE[plan.kind == GCC_FPO]]
    if plan.kind in MSVC:
        lines.append(helpers(rng))
    for function in plan.functions:
        if function.role == "asm":
            lines.append(_asm_function(function, plan, rng))
    if plan.name == "nt":
        lines.append(ntasm.text(style, rng))
    lines.append(".att_syntax prefix")
    texts = [line for block in lines for line in block.split("\n") if line.strip()]
    quoted = "\n".join('"{}\\n"'.format(text.replace('"', '\\"')) for text in texts)
    return f"__asm__(\n{quoted}\n);"


def _asm_function(function: FunctionPlan, plan: ModulePlan, rng: Random) -> str:
    symbol = f"_{function.name}@{4 * function.arguments}"
    step = f"_Step{function.name[3:]}@8"
    shape = rng.choice(_SHAPES[plan.kind])
    body = shape(4 * function.arguments, step, rng)
    return f'{before(shape, step)}\n.globl "{symbol}"\n"{symbol}":\n{body}'


def _seh_prolog(arguments: int, step: str, rng: Random) -> str:
    """As MSVC with __try: push size, push scope table, call __SEH_prolog."""
    return f"""\
push {rng.choice((8, 0x10, 0x18, 0x30, 0x54))}
.byte 0x68
.long __scope
call __SEH_prolog
mov eax, [ebp+8]
and dword ptr [ebp-4], 0
push eax
lea ecx, [ebp-0x1c]
push ecx
call "{step}"
or dword ptr [ebp-4], -1
call __SEH_epilog
ret {arguments}"""


def _eh_prolog(arguments: int, step: str, rng: Random) -> str:
    """As MSVC with C++ handlers: mov eax, handler; call __EH_prolog."""
    return f"""\
mov eax, offset __except_handler3
call __EH_prolog
sub esp, {rng.choice((0xC, 0x14, 0x40, 0x68))}
push esi
mov esi, [ebp+8]
push esi
lea eax, [ebp-0x10]
push eax
call "{step}"
mov ecx, [ebp-0xc]
pop esi
mov fs:[0], ecx
leave
ret {arguments}"""


def _saves(arguments: int, step: str, rng: Random) -> str:
    """Frameless, registers saved by pushad."""
    size = 4 * rng.randint(2, 20)
    return f"""\
pushad
sub esp, {size}
mov eax, [esp+{size + 0x24}]
push eax
push esp
call "{step}"
add esp, {size}
popad
ret {arguments}"""


def _big_sub(arguments: int, step: str, rng: Random) -> str:
    """EBP frame with the local area made by add esp, -N, as in the walkthrough."""
    size = 4 * rng.choice((8, 20, 40, 82, 164))
    return f"""\
push ebp
mov ebp, esp
add esp, -{size}
push ebx
push edi
mov ebx, [ebp+8]
push ebx
push dword ptr [ebp-4]
call "{step}"
pop edi
pop ebx
leave
ret {arguments}"""


def _late_push(arguments: int, step: str, rng: Random) -> str:
    """Frameless, pushes in the middle, EBX holding the argument."""
    return """\
mov edi, edi
push ebx
mov ebx, [esp+8]
push esi
push ecx
test ebx, ebx
jz {label}
push edi
mov edi, ebx
push edi
push 0
call "{step}"
mov esi, eax
pop edi
{label}: push ebx
push esi
call "{step}"
pop ecx
pop esi
pop ebx
ret {arguments}""".format(step=step, arguments=arguments, label="L_" + step[1:].split("@")[0])


def _enter(arguments: int, step: str, rng: Random) -> str:
    """EBP frame made by the enter instruction."""
    return f"""\
enter {4 * rng.randint(1, 30)}, 0
push esi
push dword ptr [ebp+8]
push esi
call "{step}"
pop esi
leave
ret {arguments}"""


_Shape = Callable[[int, str, Random], str]
_EBP_SHAPES: List[_Shape] = [_seh_prolog, _eh_prolog, _big_sub, _enter]
_FRAMELESS_SHAPES: List[_Shape] = [_saves, _late_push]
_SHAPES: Dict[str, List[_Shape]] = {
    CLANG_EBP: _EBP_SHAPES,
    CLANG_FPO: _EBP_SHAPES + _FRAMELESS_SHAPES,
    GCC_FPO: _EBP_SHAPES + _FRAMELESS_SHAPES,
    MSVC_EBP: EBP_SHAPES + _EBP_SHAPES,
    MSVC_FPO: SHAPES + _EBP_SHAPES + _FRAMELESS_SHAPES,
}

_SEH = """\
.globl __except_handler3
__except_handler3:
mov eax, 1
ret
__scope:
.long -1, 0, 0
__SEH_prolog:
.byte 0x68
.long __except_handler3
mov eax, fs:[0]
push eax
mov eax, [esp+0x10]
mov [esp+0x10], ebp
lea ebp, [esp+0x10]
sub esp, eax
push ebx
push esi
push edi
mov eax, [ebp-8]
mov [ebp-0x18], esp
push eax
mov eax, [ebp-4]
mov dword ptr [ebp-4], -1
mov [ebp-8], eax
lea eax, [ebp-0x10]
mov fs:[0], eax
ret
__SEH_epilog:
mov ecx, [ebp-0x10]
mov fs:[0], ecx
pop ecx
pop edi
pop esi
pop ebx
leave
push ecx
ret
__EH_prolog:
push -1
push eax
mov eax, fs:[0]
push eax
mov eax, [esp+0xc]
mov fs:[0], esp
mov [esp+0xc], ebp
lea ebp, [esp+0xc]
push eax
ret
"""

_PROBE_CLANG = """\
.globl __chkstk
__chkstk:
push ecx
lea ecx, [esp+4]
sub ecx, eax
sbb eax, eax
not eax
and ecx, eax
mov eax, esp
and eax, 0xfffff000
L_probe: cmp ecx, eax
jb L_next
mov eax, ecx
pop ecx
xchg eax, esp
mov eax, [eax]
mov [esp], eax
ret
L_next: sub eax, 0x1000
test [eax], eax
jmp L_probe
"""

_PROBE_GCC = """\
.globl ___chkstk_ms
___chkstk_ms:
push ecx
push eax
cmp eax, 0x1000
lea ecx, [esp+0xc]
jb L_last
L_probe: sub ecx, 0x1000
or dword ptr [ecx], 0
sub eax, 0x1000
cmp eax, 0x1000
ja L_probe
L_last: sub ecx, eax
or dword ptr [ecx], 0
pop eax
pop ecx
ret
"""

_PROBE = (_PROBE_CLANG, _PROBE_GCC)
