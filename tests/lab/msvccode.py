"""Hand-written functions shaped as MSVC writes them, with its prologue helpers in their real variants.

Shapes after the published listings of the C run-time library's helpers and of drivers: no byte of them is copied from
a file.  Every shape takes (argument bytes, the function it calls, rng) and gives the lines behind the symbol's label;
what it places elsewhere (cold parts, tables, inner functions) follows the last `ret`.
"""

from __future__ import annotations

from random import Random
from typing import Callable, List

Shape = Callable[[int, str, Random], str]


def _tag(step: str) -> str:
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


def _ebx_frame(arguments: int, step: str, rng: Random) -> str:
    """EBX holds the frame, EBP is aligned and has a copy of the return address above it."""
    room = rng.choice(("sub esp, 8", "push ecx\npush ecx"))
    return f"""\
push ebx
mov ebx, esp
{room}
and esp, -{rng.choice((8, 16, 64))}
add esp, 4
push ebp
mov ebp, [ebx+4]
mov [esp+4], ebp
mov ebp, esp
sub esp, {8 * rng.randint(2, 30)}
push esi
mov esi, [ebx+8]
push esi
push dword ptr [ebp-8]
call "{step}"
pop esi
mov esp, ebp
pop ebp
mov esp, ebx
pop ebx
ret {arguments}"""


def _push_ecx(arguments: int, step: str, rng: Random) -> str:
    """Locals made by push ecx, without EBP."""
    count = rng.randint(1, 4)
    locals_, gone = "\n".join(["push ecx"] * count), "\n".join(["pop ecx"] * count)
    return f"""\
{locals_}
push esi
mov esi, [esp+{4 * count + 8}]
mov [esp+4], esi
lea eax, [esp+4]
push eax
push esi
call "{step}"
pop esi
{gone}
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


def _cached_import(arguments: int, step: str, rng: Random) -> str:
    """The callee's address in EDI or ESI for two calls, the first one's arguments pushed early."""
    register = rng.choice(("edi", "esi"))
    tag = _tag(step)
    return f"""\
push {register}
push dword ptr [esp+8]
mov {register}, [{tag}_cell]
push 0
call {register}
test al, 7
jne {tag}_done
push eax
push dword ptr [esp+0xc]
call {register}
{tag}_done: pop {register}
ret {arguments}
.p2align 2
{tag}_cell: .long "{step}\""""


def _virtual(arguments: int, step: str, rng: Random) -> str:
    """A method called through a table of functions, in an EBP or a frameless function."""
    tag, slot = _tag(step), 4 * rng.randint(0, 3)
    head, tail, first = rng.choice(
        (("push ebp\nmov ebp, esp\npush ecx", "leave", "[ebp+8]"), ("push ecx", "pop ecx", "[esp+8]"))
    )
    return f"""\
{head}
mov eax, {first}
mov ecx, offset {tag}_object
mov edx, [ecx]
push eax
push ecx
call dword ptr [edx+{slot}]
{tail}
ret {arguments}
.p2align 2
{tag}_object: .long {tag}_methods
{tag}_methods: .long "{step}", "{step}", "{step}", "{step}\""""


def _guarded(arguments: int, step: str, rng: Random) -> str:
    """Control flow guard: the check takes ECX, the call behind it goes through the register."""
    tag = _tag(step)
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


def _switch(arguments: int, step: str, rng: Random) -> str:
    """A switch whose cases call from different depths; its table lies in .text, another function's beside it."""
    tag = _tag(step)
    return f"""\
push ebx
push esi
mov esi, [esp+0xc]
mov eax, esi
and eax, 3
jmp dword ptr [eax*4+{tag}_table]
{tag}_0: push esi
push 1
call "{step}"
jmp {tag}_out
{tag}_1: push ecx
push edi
push esi
push esi
call "{step}"
pop edi
pop ecx
jmp {tag}_out
{tag}_2: sub esp, {4 * rng.randint(2, 12)}
mov ebx, esp
push ebx
push esi
call "{step}"
lea esp, [ebx+{{}}]
{tag}_out: pop esi
pop ebx
ret {arguments}
.p2align 2
{tag}_table: .long {tag}_0, {tag}_1, {tag}_2, {tag}_out"""


def _switch_text(arguments: int, step: str, rng: Random) -> str:
    text = _switch(arguments, step, rng)
    taken = text.split("_2: sub esp, ")[1].split("\n")[0]
    return text.replace("{}", taken)


def _cold(arguments: int, step: str, rng: Random) -> str:
    """The call lies in a cold part, behind padding and another function."""
    tag = _tag(step)
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


def _cold_frameless(arguments: int, step: str, rng: Random) -> str:
    tag, room = _tag(step), 4 * rng.randint(1, 16)
    return f"""\
sub esp, {room}
push edi
mov edi, [esp+{room + 8}]
test esp, esp
jne {tag}_cold
{tag}_back: pop edi
add esp, {room}
ret {arguments}
.byte 0x90, 0x90, 0x90, 0x90, 0x90
{tag}_cold: push edi
push esp
call "{step}"
jmp {tag}_back"""


def _shared_tail(arguments: int, step: str, rng: Random) -> str:
    """The end with its call belongs to another function of the same frame; both jump or run into it."""
    tag = _tag(step)
    return f"""\
push ebx
push esi
push edi
mov esi, [esp+0x10]
mov edi, 1
jmp {tag}_tail
.byte 0xcc, 0xcc
.p2align 4, 0xcc
{tag}_other: push ebx
push esi
push edi
mov esi, [esp+0x10]
xor edi, edi
{tag}_tail: push edi
push esi
call "{step}"
pop edi
pop esi
pop ebx
ret {arguments}"""


def _jumped_out(arguments: int, step: str, rng: Random) -> str:
    """Leaves by a jump with its frame on the stack, which the other one takes down."""
    tag = _tag(step)
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
{adjust}jmp {_tag(step)}_real
.byte 0xcc, 0xcc, 0xcc
.p2align 4, 0xcc
{_tag(step)}_real: {rng.choice(_PLAIN)(arguments, step, rng)}"""


def _patched(arguments: int, step: str, rng: Random) -> str:
    """Hot patched: the first two bytes jump to five bytes before, which jump to the new code."""
    tag = _tag(step)
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


def _custom(arguments: int, step: str, rng: Random) -> str:
    """Whole-program code: the inner function takes ESI and EAX and one argument that its caller removes."""
    tag, room = _tag(step), 4 * rng.randint(1, 20)
    return f"""\
push esi
mov esi, [esp+8]
mov eax, 2
push eax
call {tag}_inner
add esp, 4
pop esi
ret {arguments}
.p2align 4, 0xcc
{tag}_inner: sub esp, {room}
push ebx
mov ebx, eax
push esi
push ebx
call "{step}"
pop ebx
add esp, {room}
ret"""


def _record(arguments: int, step: str, rng: Random) -> str:
    """A C++ handler's record pushed by the function itself, without EBP."""
    room = 4 * rng.randint(1, 24)
    return f"""\
push -1
.byte 0x68
.long __except_handler3
mov eax, fs:[0]
push eax
mov fs:[0], esp
sub esp, {room}
push esi
mov esi, [esp+{room + 0x14}]
push esi
push esp
call "{step}"
mov ecx, [esp+{room + 4}]
mov fs:[0], ecx
pop esi
add esp, {room + 12}
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
SHAPES: List[Shape] = [
    *EBP_SHAPES,
    _ebx_frame,
    _push_ecx,
    _cached_import,
    _virtual,
    _switch_text,
    _cold_frameless,
    _shared_tail,
    _custom,
    _record,
]


def before(shape: Shape, step: str) -> str:
    """What lies right before a function's label: padding, or the jump of a hot patch."""
    if shape is _patched:
        return f".p2align 4, 0xcc\n.fill 11, 1, 0xcc\n.byte 0xe9\n.long {_tag(step)}_new - (. + 4)"
    return ".p2align 2"


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
