"""What a debugger's log shows of a case: `lm`, `dps` of the whole stack, perhaps the calls before its code addresses.

The rows are as the engine prints them (10.0.15063); for logs of the engine itself see tests/engine.
"""

from __future__ import annotations

from typing import Optional

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
