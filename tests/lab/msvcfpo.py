"""Hand-written functions without EBP as their frame, shaped as MSVC writes them; shapes as in msvcebp."""

from __future__ import annotations

from random import Random
from typing import List

from tests.lab.msvcebp import EBP_SHAPES, Shape, tag_of


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


def _cached_import(arguments: int, step: str, rng: Random) -> str:
    """The callee's address in EDI or ESI for two calls, the first one's arguments pushed early."""
    register = rng.choice(("edi", "esi"))
    tag = tag_of(step)
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
    tag, slot = tag_of(step), 4 * rng.randint(0, 3)
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


def _switch(arguments: int, step: str, rng: Random) -> str:
    """A switch whose cases call from different depths; its table lies in .text, another function's beside it."""
    tag = tag_of(step)
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


def _cold_frameless(arguments: int, step: str, rng: Random) -> str:
    tag, room = tag_of(step), 4 * rng.randint(1, 16)
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
    tag = tag_of(step)
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


def _custom(arguments: int, step: str, rng: Random) -> str:
    """Whole-program code: the inner function takes ESI and EAX and one argument that its caller removes."""
    tag, room = tag_of(step), 4 * rng.randint(1, 20)
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
