"""What a debugger's log shows of a case: `lm`, `dps` of the whole stack, perhaps the calls before its code addresses.

The rows are as the engine prints them (10.0.15063); for logs of the engine itself see tests/engine.
"""

from __future__ import annotations

from typing import List, Optional

from hogwalk.model import Symbol
from hogwalk.walk.evidence import Request, gather
from tests.lab64.case import WORD, Case

PROMPT = "0: kd> "


def log(made: Case, code: bool = False, symbols: bool = True) -> str:
    """The log; with `code` the calls before the stack's code addresses, without `symbols` a `dq` instead of a `dps`."""
    known = gather(made.target(), Request(), lambda doing: None)
    lines = [f"{PROMPT}.bugcheck", "Bugcheck code 0000007F"]
    check = (8, made.truth["trap_frame"], made.truth["fault"]["rsp"], made.truth["fault"]["rip"])
    lines += [f"Arguments {' '.join(map(_wide, check))}", "", f"{PROMPT}lm"]
    lines.append("start             end                 module name")
    for module in known.modules.modules:
        kind = "private pdb symbols" if module.symbols == "pdb" else "export symbols"
        lines.append(f"{_wide(module.start)} {_wide(module.end)}   {module.name:8} ({kind})  {module.name}")
    limit, words = known.region.limit, known.image.words
    lines += ["", f"{PROMPT}dps {limit:x} L{len(words):x}"]
    for at, word in enumerate(words):
        named = known.symbols.get(word) if symbols else None
        lines.append(f"{_wide(limit + WORD * at)}  {_wide(word)}{_named(named)}")
    for word in sorted(known.symbols) if code else ():
        call = known.sites.at(word).call
        if call is not None:
            start = word - call.length
            raw = known.reader.bytes_at(start, call.length)
            lines += ["", f"{PROMPT}ub {word:x} L1", f"{_wide(start)} {raw.hex() if raw else '':16}call    there"]
    return "\n".join(lines) + "\n"


def fnent(made: Case) -> str:
    """The log's `.fnent` of each function with a return address on the stack."""
    known = gather(made.target(), Request(), lambda doing: None)
    lines: List[str] = []
    done = set()
    for word in sorted(known.symbols):
        unwinder = known.unwinding.of(word) if known.unwinding is not None else None
        entry = unwinder.table.entry(word - 1) if unwinder is not None else None
        info = unwinder.table.info(entry) if unwinder is not None and entry is not None else None
        if unwinder is None or entry is None or info is None or entry in done:
            continue
        done.add(entry)
        module = known.modules.at(word)
        base = module.start if module is not None else 0
        lines += [f"{PROMPT}.fnent {word:x}", "Debugger function entry 00000000`00354310 for:", ""]
        for name, at in (("BeginAddress     ", entry.begin), ("EndAddress       ", entry.end)):
            lines.append(f"{name} = {_wide(at - base)}")
        lines += [f"UnwindInfoAddress = {_wide(entry.unwind - base)}", ""]
        lines.append(f"Unwind info at {_wide(entry.unwind)}, {4 + 2 * len(info.codes):x} bytes")
        flags = 4 if info.parent else 0
        lines.append(f"  version {info.version}, flags {flags}, prolog {info.prologue:x}, codes {len(info.codes):x}")
        if info.register:
            lines.append(f"  frame reg {info.register:x} (rbp), frame offs {info.frame_offset:x}h")
        for at, code in enumerate(info.codes):
            place = f" FrameOffset: {code.value:x}" if code.operation in (1, 4, 5) else ""
            row = f"offs {code.offset:x}, unwind op {code.operation:x}, op info {code.info:x}"
            lines.append(f"  {at:02x}: {row}\tUWOP_NAME{place}.")
        lines.append("")
    return "\n".join(lines) + "\n"


def kf(made: Case, count: int) -> str:
    """The log's `.trap` and `kf COUNT`, made of the truth: for newest frames that calls alone made."""
    fault, frames = made.truth["fault"], made.truth["frames"]
    lines = [f"{PROMPT}.trap {made.truth['trap_frame']:x}"]
    lines += [f"rip={fault['rip']:016x} rsp={fault['rsp']:016x} rbp={fault['rbp']:016x}", "", f"{PROMPT}kf {count:x}"]
    lines.append("  Memory  Child-SP          RetAddr           Call Site")
    running, stack_ptr = fault["rip"], fault["rsp"]
    for frame in frames[:count]:
        site = f"{frame['module']}+0x{running & 0xFFFFF:x}"
        lines.append(f"{'':9} {_wide(stack_ptr)} {_wide(frame['address'])} {site}")
        running, stack_ptr = frame["address"], frame["slot"] + WORD
    return "\n".join(lines) + "\n\n"


def _wide(value: int) -> str:
    return f"{value >> 32:08x}`{value & 0xFFFFFFFF:08x}"


def _named(symbol: Optional[Symbol]) -> str:
    if symbol is None:
        return ""
    name = f"{symbol.module}!{symbol.name}" if symbol.name else symbol.module
    return f" {name}+0x{symbol.displacement:x}"
