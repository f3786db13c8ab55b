"""C and assembly of the lab's modules: functions that call each other down to the guard page, and such that return."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import List, Sequence, Tuple

from tests.lab64.styles import MODULES, Style

FUNCTIONS, NOISES, DATA = 8, 3, 64
_TYPE = "__declspec(dllexport) __attribute__((noinline)) u64 "
HERE = Path(__file__).parent


def c_source(name: str, style: Style, rng: Random) -> str:
    """The C of one module."""
    short = name[:2] if name == "nt" else name
    lines = [(HERE / "head.h").read_text("utf-8")]
    lines += [f"__declspec(dllimport) u64 {importable(other)}(CTX *c, u64 a, u64 b);" for other in _before(name)]
    lines += [f"{_TYPE}{short}Fn{at:02d}(CTX *c, u64 a, u64 b);" for at in range(FUNCTIONS)]
    if name == "nt":
        lines += ["u64 KiDispatch(FN f, CTX *c, u64 a, u64 b);", (HERE / "nt.h").read_text("utf-8")]
    else:
        lines.append("__declspec(dllimport) u64 KiDispatch(FN f, CTX *c, u64 a, u64 b);")
        lines.append("__declspec(dllimport) u64 MmTouch(CTX *c, u64 a, u64 b);")
    lines.append(f"static u64 {short}Data[{DATA}];")
    for at in range(NOISES):
        lines.append(_noise(f"{short}Noise{at}", rng))
    asm = _asm_names(name, style)
    lines += [f"u64 {one}(CTX *c, u64 a, u64 b);" for one in asm]
    for at in range(FUNCTIONS):
        lines.append(_function(short, at, _before(name), asm, style, rng))
    return "\n".join(lines)


def importable(module: str) -> str:
    """The function that other modules import from one."""
    return f"{module}Fn00"


def _before(name: str) -> List[str]:
    return list(MODULES[: MODULES.index(name)])


def _noise(name: str, rng: Random) -> str:
    size = rng.choice((24, 64, 128, 320))
    return (
        f"{_TYPE}{name}(CTX *c, u64 a, u64 n) {{ volatile char d[{size}]; d[a % {size}] = a;"
        f" u64 x = rnd(c) ^ a; if (n) x += c->noise[x % c->nnoise](c, x, n - 1); return x + d[x % {size}]; }}"
    )


def _function(short: str, at: int, imports: Sequence[str], asm: Sequence[str], style: Style, rng: Random) -> str:
    size = rng.choice((0, 16, 40, 72, 120, 200, 200, 320, 400, 760, 1400))
    body = ["u64 x = a * 3 + b, y = b ^ 7, z = rnd(c);"]
    if size:
        body.append(f"volatile char d[{size}]; d[z % {size}] = (char)a;")
    if rng.random() < 0.35:  # stacks hold pointers to data and to functions, too
        other = f"{short}Fn{rng.randrange(FUNCTIONS):02d}"
        body.append(f"void *volatile p[2]; p[0] = &{short}Data[z % {DATA}]; p[1] = z & 4 ? (void *){other} : p[0];")
    if style.has("fp") and rng.random() < 0.5:
        body.append("volatile char *v = __builtin_alloca(16 + (z & 0x70)); v[3] = (char)b; y += v[3];")
    if rng.random() < 0.8:
        body.append("if (z & 3) y += c->noise[z % c->nnoise](c, y, 2 + (z >> 4) % 3);")
    if rng.random() < 0.4:
        body.append("y += MmTouch(c, z, x);")
    body.append("switch (z % 5) {")
    body.append(f"case 0: x += {short}Fn{rng.randrange(FUNCTIONS):02d}(c, y, x); break;")
    if imports:
        body.append(f"case 1: x += {importable(rng.choice(imports))}(c, x, y); break;")
    if style.has("retcfg"):
        body.append("case 2: x += KiDispatch(c->table[y % c->ntable], c, x, z); break;")
    if asm:
        body.append(f"case 3: x += {rng.choice(asm)}(c, x, z); break;")
    body.append("default: x += c->table[(y >> 3) % c->ntable](c, x, z); }")
    if size:
        body.append(f"x += d[y % {size}];")
    if style.has("retcfg") and rng.random() < 0.25:
        body = ["u64 z = rnd(c); return c->table[z % c->ntable](c, a + z, b);"]
        return f"{_TYPE}{short}Fn{at:02d}(CTX *c, u64 a, u64 b) {{ {' '.join(body)} }}"
    return f"{_TYPE}{short}Fn{at:02d}(CTX *c, u64 a, u64 b) {{ {' '.join(body)} return x ^ y; }}"


def _asm_names(name: str, style: Style) -> Tuple[str, ...]:
    if style.has("asm") and name in ("HookDrv", "CryptFs"):
        return (f"{name}Hand0", f"{name}Hand1")
    if style.has("chain") and name in ("Ntfs", "AvFilter"):
        return (f"{name}Chain0",)
    return ()


def assembly(name: str, style: Style, rng: Random) -> str:
    """The assembly of one module beside its C, "" for none."""
    lines = ["    .intel_syntax noprefix", "    .text"]
    for at, one in enumerate(_asm_names(name, style)):
        if style.has("asm"):
            room = 16 * rng.randrange(2, 12)
            pushes = ("push rbx", "push rsi", "push rdi")
            lines += [f"    .globl {one}", "    .p2align 4", f"{one}:", *(f"    {push}" for push in pushes)]
            lines += [f"    sub rsp, {room}", "    mov rbx, rcx", "    mov rsi, rdx"]
            lines += [f"    call {name}Fn{at + 1:02d}", "    test rax, rax", "    je 1f", "    xor rax, rsi", "1:"]
            lines += [f"    add rsp, {room}", "    pop rdi", "    pop rsi", "    pop rbx", "    ret"]
        else:
            lines += _chained(one, name, 16 * rng.randrange(2, 9) + 8, 16 * rng.randrange(1, 9))
    return "\n".join(lines) + "\n" if len(lines) > 2 else ""


def _chained(one: str, name: str, first: int, more: int) -> List[str]:
    return [
        f"    .globl {one}", "    .p2align 4", f"    .seh_proc {one}", f"{one}:",
        "    push rbx", "    .seh_pushreg rbx", "    push rsi", "    .seh_pushreg rsi",
        f"    sub rsp, {first}", f"    .seh_stackalloc {first}", "    .seh_endprologue", "    mov rbx, rcx",
        "    .seh_startchained", f"    sub rsp, {more}", f"    .seh_stackalloc {more}", "    mov [rsp+0x20], rdi",
        "    .seh_savereg rdi, 0x20", "    .seh_endprologue", f"    call {name}Fn03", "    mov rdi, [rsp+0x20]",
        f"    add rsp, {more}", "    .seh_endchained",
        f"    add rsp, {first}", "    pop rsi", "    pop rbx", "    ret", "    .seh_endproc",
    ]  # fmt: skip
