"""C source of one generated driver: dispatch code that recurses, leaves stale frames and keeps data on the stack."""

from __future__ import annotations

from random import Random
from typing import List, Tuple

from tests.lab import asmcode
from tests.lab.abi import RUNTIME
from tests.lab.bodies import Body
from tests.lab.plan import FunctionPlan, ModulePlan
from tests.lab.styles import GCC_FPO, MSVC, Style

_CONVENTION = {"stdcall": "STDCALL", "cdecl": "CDECL", "fastcall": "FASTCALL"}


def module_source(plan: ModulePlan, style: Style, rng: Random) -> str:
    """The module's whole C text, with its hand-written assembly as file-level asm."""
    parts = [RUNTIME, _RUNTIME_CALLS]
    thunked = {imp[1] for imp in plan.imports if rng.random() < 0.25}
    parts += [_import_prototype(imp, imp[1] in thunked) for imp in plan.imports]
    parts += [_prototype(f) + ";" for f in plan.functions]
    asm_steps: List[FunctionPlan] = []
    if plan.name == "nt":
        parts.append(_NT_PROTOTYPES)
    for function in plan.functions:
        if function.role == "asm":
            step = FunctionPlan("Step" + function.name[3:], "stdcall", 2, False, "plain")
            asm_steps.append(step)
            parts.append(_prototype(step) + ";")
    for function in plan.functions:
        if function.role != "asm":
            parts.append(function_text(function, plan, style, rng))
    parts += [function_text(step, plan, style, rng) for step in asm_steps]
    parts.append(_tables(plan))
    parts.append(asmcode.module_asm(plan, style, rng))
    return "\n".join(parts) + "\n"


def function_text(function: FunctionPlan, plan: ModulePlan, style: Style, rng: Random) -> str:
    """One function definition."""
    if function.name == "IofCallDriver":
        return _IOF_CALL_DRIVER
    body = Body(function, plan, style, rng)
    return f"{_prototype(function)} {{\n{body.text()}\n}}"


def _prototype(function: FunctionPlan) -> str:
    if function.name == "IofCallDriver":
        return "NOINLINE U FASTCALL IofCallDriver(struct dev *, struct irp *)"
    linkage = "static " if function.static else ""
    if function.role == "dispatch":
        return f"{linkage}NOINLINE U STDCALL {function.name}(struct dev *a0, struct irp *a1)"
    arguments = ", ".join(f"U a{i}" for i in range(function.arguments)) or "void"
    return f"{linkage}NOINLINE U {_CONVENTION[function.convention]} {function.name}({arguments})"


def _import_prototype(imported: Tuple[str, str, str, int], thunk: bool) -> str:
    _, name, convention, count = imported
    arguments = "struct dev *, struct irp *" if name == "IofCallDriver" else ", ".join(["U"] * count)
    linkage = "" if thunk else "__declspec(dllimport) "
    return f"{linkage}U {_CONVENTION[convention]} {name}({arguments});"


def _tables(plan: ModulePlan) -> str:
    """DriverEntry (exported) plus the tables of dispatch routines and callbacks that the loader reads."""
    dispatch = [f.name for f in plan.functions if f.role == "dispatch"]
    callbacks = [f.name for f in plan.functions if f.role == "callback"]
    used = "__attribute__((used)) "
    lines = []
    if dispatch:
        lines.append("{}dispatch_t const DispatchTable[{}] = {{{}}};".format(used, len(dispatch), ", ".join(dispatch)))
    lines.append("{}callback_t const CallbackTable[{}] = {{{}}};".format(used, len(callbacks), ", ".join(callbacks)))
    if plan.name != "nt":
        sum_of = "+".join(f"(U)&{t}" for t in (["DispatchTable"] if dispatch else []) + ["CallbackTable"])
        lines.append(f"U STDCALL DriverEntry(U a0, U a1) {{ return a0 + a1 + {sum_of}; }}")
    if plan.kind == GCC_FPO:
        lines.append("U __stack_chk_guard = 0xBB40E64E; void __stack_chk_fail(void) { for (;;) ; }")
    else:
        lines.append(
            "U __security_cookie = 0xBB40E64E; void FASTCALL __security_check_cookie(U c)"
            " { while (c != __security_cookie) ; }"
        )
    if plan.kind in MSVC:
        lines.append("void CDECL guard_nothing(void) {} void *const __guard_check_icall_fptr = (void *)guard_nothing;")
    return "\n".join(lines)


_RUNTIME_CALLS = """\
static NOINLINE U rnd(void) { IO->seed = IO->seed * 1664525u + 1013904223u; return IO->seed >> 16; }
static NOINLINE void fill(void *p, U n) { B *b = p; U i; for (i = 0; i < n; i++) b[i] = (B)(i * 3 + n); }
static NOINLINE U sum(const void *p, U n) { const B *b = p; U s = 0; while (n--) s += *b++; return s; }
static NOINLINE U copy_string(W *to, U room, const W *from)
{ U n = 0; while (n + 1 < room && from[n]) { to[n] = from[n]; n++; } to[n] = 0; return n; }
static NOINLINE U copy_text(B *to, U room, const B *from)
{ U n = 0; while (n + 1 < room && from[n]) { to[n] = from[n]; n++; } to[n] = 0; return n; }
static NOINLINE U copy_words(U *to, const U *from, U n) { U i; for (i = 0; i < n; i++) to[i] = from[i]; return n; }
"""

_NT_PROTOTYPES = "U STDCALL KeExpandKernelStackAndCallout(callback_t, U, U);"

# The shape of the walkthrough's nt!IofCallDriver: call dword ptr [reg+reg*4+38h].
_IOF_CALL_DRIVER = """\
NOINLINE U FASTCALL IofCallDriver(struct dev *d, struct irp *i)
{ B m = i->major; i->current--; return d->driver->major[m](d, i); }"""
