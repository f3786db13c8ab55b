"""Random plans of the lab's drivers: functions, their conventions, exports and who calls whom."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Dict, List, Tuple

from tests.lab.styles import CLANG_EBP, FIRST_PARTY, GCC_FPO, MSVC, MSVC_EBP, Style

# Exported by name with fixed signatures, so that import libraries never change: name, convention, arguments.
NT_EXPORTS: Tuple[Tuple[str, str, int], ...] = (
    ("IofCallDriver", "fastcall", 2),
    ("ExAllocatePoolWithTag", "stdcall", 3),
    ("MmProbeAndLockPages", "stdcall", 3),
    ("CcCopyRead", "stdcall", 6),
    ("CcMdlRead", "stdcall", 5),
    ("ObReferenceObjectByHandle", "stdcall", 6),
    ("SeAccessCheck", "stdcall", 8),
    ("IoBuildSynchronousFsdRequest", "stdcall", 7),
    ("FsRtlNotifyReport", "stdcall", 4),
    ("ObfReferenceObject", "fastcall", 1),
    ("ExRaiseStatus", "fastcall", 3),
    ("DbgPrint", "cdecl", 3),
    ("MmAccessFault", "stdcall", 4),
    ("KeExpandKernelStackAndCallout", "stdcall", 3),
)
FLT_EXPORTS: Tuple[Tuple[str, str, int], ...] = (
    ("FltReadFile", "stdcall", 9),
    ("FltGetFileNameInformation", "stdcall", 3),
    ("FltPerformSynchronousIo", "stdcall", 1),
    ("FltQueryInformationFile", "stdcall", 6),
    ("FltpDispatch", "stdcall", 2),
)
LIB_EXPORTS: Tuple[Tuple[str, str, int], ...] = (
    ("HlpScanBuffer", "stdcall", 4),
    ("HlpLookup", "cdecl", 2),
    ("HlpNormalize", "fastcall", 3),
    ("HlpLog", "cdecl", 4),
)
ZW_SERVICES: Tuple[Tuple[str, int], ...] = (
    ("CreateFile", 11),
    ("QueryInformationFile", 5),
    ("ReadFile", 9),
    ("OpenKey", 3),
    ("Close", 1),
    ("QueryValueKey", 6),
)
THIRD_NAMES = (
    "avguard",
    "dedupvol",
    "cryptfs",
    "netmon5",
    "usbprot",
    "hsmflt",
    "bkagent",
    "scrnlck",
    "volsnp2",
    "cdrhlp",
    "fsquota",
    "mirrdsk",
    "ipfwd",
    "regprot",
    "sisfltr",
    "tapcls",
    "zipfold",
    "wormlck",
    "raidx",
    "hvcache",
)


@dataclass(frozen=True)
class FunctionPlan:
    """One generated function; role is plain, dispatch, callback, export or asm."""

    name: str
    convention: str
    arguments: int
    static: bool
    role: str


@dataclass(frozen=True)
class ModulePlan:
    """One module: its compiler kind and flags, and its functions; imports are (module, name, convention, arguments)."""

    name: str
    file: str
    kind: str
    flags: Tuple[str, ...]
    symbols: bool
    third_party: bool
    functions: Tuple[FunctionPlan, ...]
    exports: Tuple[str, ...]
    imports: Tuple[Tuple[str, str, str, int], ...]
    fat: float


def plan_modules(style: Style, rng: Random) -> List[ModulePlan]:
    """Plans of the 8 modules, nt first; the last third party is the library the others import from."""
    thirds = [*rng.sample(THIRD_NAMES, 4), "shlpr"]
    hog = rng.choice(thirds)
    plans = []
    for name in FIRST_PARTY + tuple(thirds):
        third = name not in FIRST_PARTY
        kind = rng.choice(style.third_party) if third else style.first_party
        fat = (3.0 if name == hog else rng.choice((0.7, 1.1, 1.5))) if third else rng.choice((0.7, 1.1))
        plans.append(_plan_module(name, kind, third, fat, style, rng))
    return plans


def exports_of(name: str) -> Tuple[Tuple[str, str, int], ...]:
    """The fixed export signatures of the module; () for modules that export only DriverEntry."""
    table: Dict[str, Tuple[Tuple[str, str, int], ...]] = {"nt": NT_EXPORTS, "fltmgr": FLT_EXPORTS, "shlpr": LIB_EXPORTS}
    return table.get(name, ())


def _plan_module(name: str, kind: str, third: bool, fat: float, style: Style, rng: Random) -> ModulePlan:
    exports = exports_of(name)
    functions = [FunctionPlan(n, c, a, False, "export") for n, c, a in exports if n != "KeExpandKernelStackAndCallout"]
    if name == "nt":
        functions += [FunctionPlan("Nt" + n, "stdcall", a, False, "export") for n, a in ZW_SERVICES]
        functions.append(FunctionPlan("PspStartRoutine", "stdcall", 1, False, "export"))
    else:
        functions += [FunctionPlan(f"Dispatch{i}", "stdcall", 2, True, "dispatch") for i in range(rng.randint(2, 4))]
    functions += [FunctionPlan(f"Callback{i}", "stdcall", 3, True, "callback") for i in range(rng.randint(1, 3))]
    for i in range(rng.randint(3, 7) if kind in MSVC else rng.randint(8, 16)):
        convention = rng.choices(("stdcall", "cdecl", "fastcall"), (6, 3, 2))[0]
        functions.append(
            FunctionPlan(
                f"{rng.choice(_STEMS)}{i}",
                convention,
                rng.choice((1, 1, 2, 2, 3, 3, 4, 5, 6)),
                rng.random() < 0.6,
                "plain",
            )
        )
    for i in range(rng.randint(10, 16) if kind in MSVC else rng.randint(2, 4)):
        functions.append(FunctionPlan(f"Asm{i}", "stdcall", rng.randint(1, 3), False, "asm"))
    return ModulePlan(
        name,
        name + ".dll" if style.has("user") else "ntoskrnl.exe" if name == "nt" else name + ".sys",
        kind,
        _flags(kind, rng),
        style.third_symbols if third else style.first_symbols,
        third,
        tuple(functions),
        _export_names(name),
        _imports(name, style, rng),
        fat,
    )


def _export_names(name: str) -> Tuple[str, ...]:
    if name == "nt":
        return tuple(n for n, _, _ in NT_EXPORTS) + tuple("Zw" + n for n, _ in ZW_SERVICES)
    return (*tuple(n for n, _, _ in exports_of(name)), "DriverEntry")


_STEMS = (
    "Query",
    "Update",
    "Scan",
    "Lookup",
    "Insert",
    "Flush",
    "Build",
    "Check",
    "Map",
    "Resolve",
    "Process",
    "Parse",
)


def _imports(name: str, style: Style, rng: Random) -> Tuple[Tuple[str, str, str, int], ...]:
    """Every driver imports IofCallDriver; the rest is drawn from nt, fltmgr and the library."""
    if name == "nt":
        return ()
    chosen = [("nt", *e) for e in NT_EXPORTS if e[0] == "IofCallDriver" or rng.random() < 0.45]
    if name != "fltmgr":
        chosen += [("fltmgr", *e) for e in FLT_EXPORTS if rng.random() < 0.5]
    if name not in FIRST_PARTY and name != "shlpr":
        chosen += [("shlpr", *e) for e in LIB_EXPORTS if rng.random() < 0.35]
    chosen = [c for c in chosen if c[1] not in ("MmAccessFault", "KeExpandKernelStackAndCallout")]
    if style.has("segment"):
        chosen.append(("nt", "KeExpandKernelStackAndCallout", "stdcall", 3))
    if style.has("trap") or style.has("user"):
        chosen += [("nt", "Zw" + n, "stdcall", a) for n, a in ZW_SERVICES if rng.random() < 0.6]
    return tuple(chosen)


def _flags(kind: str, rng: Random) -> Tuple[str, ...]:
    """Compiler flags of one module, drawn from what drivers of the time were built with."""
    if kind == GCC_FPO:
        extra = rng.choice(((), ("-fno-shrink-wrap",), ("-mpush-args", "-mno-accumulate-outgoing-args")))
        return (rng.choice(("-O2", "-Os")), "-fomit-frame-pointer", *extra)
    frame = "-fno-omit-frame-pointer" if kind in (CLANG_EBP, MSVC_EBP) else "-fomit-frame-pointer"
    if kind in MSVC:
        guard = rng.choice(((), ("-Xclang", "-cfguard")))
        return (rng.choice(("-O1", "-O2", "-Os")), frame, "-fstack-protector-strong", *guard)
    cookie = ("-fstack-protector-strong",) if rng.random() < 0.25 else ()
    return (rng.choice(("-O1", "-O2", "-Os")), frame, *cookie)
