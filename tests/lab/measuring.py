"""Measure methods on cases, so that a measurement that was stopped goes on where it was."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List, Mapping, Sequence, Tuple

from tests.lab import own, peer_bang, peer_breakpad, peer_kf
from tests.lab.cases import StoredCase
from tests.lab.score import Found, score
from tests.lab.sheet import Sheet
from tests.lab.styles import STYLES
from tests.lab.table import stored
from tests.lab.toolchain import ToolError

AT_ONCE = 10  # cases: what a stop may lose, and what one session of the debugger looks at
Walk = Callable[[StoredCase], Mapping[str, Found]]


@dataclass(frozen=True)
class Method:
    """A way to find frames: the names of its results, and what it finds in some cases, by name for each.

    `programs`: it can be asked about programs' minidumps; the engine opens none of the lab's ("Reload failure").
    """

    names: Tuple[str, ...]
    walk: Callable[[Sequence[StoredCase]], Sequence[Mapping[str, Found]]]
    programs: bool = True


def _each(names: Sequence[str], walk: Walk, programs: bool = True) -> Method:
    return Method(tuple(names), lambda cases: [walk(case) for case in cases], programs)


def methods(hogwalk: bool, bang: bool, kf: bool, breakpad: bool) -> List[Method]:
    """The methods that are wanted; raises ToolError where the engine or a peer cannot be had."""
    found: List[Method] = []
    if bang:
        engine = _engine()
        found.append(Method((peer_bang.BANG,), lambda cases: peer_bang.walk(engine, cases)))
    if hogwalk:
        found.append(_each([own.OWN], own.walk))
    if breakpad:
        program = peer_breakpad.fetch()
        names = (peer_breakpad.WITH_REGISTERS, peer_breakpad.AS_FOUND)
        found.append(_each(names, lambda case: peer_breakpad.walk(program, case)))
    if kf:
        debugger = _engine()
        found.append(
            _each((peer_kf.OWN, peer_kf.FIRST, peer_kf.BEST), lambda case: peer_kf.walk(debugger, case), programs=False)
        )
    return found


def _engine() -> peer_bang.Engine:
    from tests.engine.errors import EngineUnavailableError  # only these need Wine
    from tests.engine.setup import install

    try:
        return peer_bang.Engine(install())
    except EngineUnavailableError as error:
        raise ToolError(f"no engine: {error}") from error


def fill(sheet: Sheet, wanted: Sequence[Method], style: str, seeds: Sequence[int], root: Path) -> str:
    """Measures what the sheet lacks of a style's cases, some at a time, each saved; how fast that was, in words."""
    begun, count = time.monotonic(), 0
    for method in wanted:
        if STYLES[style].has("user") and not method.programs:
            continue
        lacking = [seed for seed in seeds if not sheet.has(f"{style}/{seed}", method.names)]
        for start in range(0, len(lacking), AT_ONCE):
            part = lacking[start : start + AT_ONCE]
            cases = [stored(style, seed, root) for seed in part]
            for seed, case, walks in zip(part, cases, method.walk(cases)):
                sheet.add(f"{style}/{seed}", {name: score(case.truth, found) for name, found in walks.items()})
            sheet.save()
            count += len(part)
    seconds = time.monotonic() - begun
    return f"{style}: {count} walks in {seconds:.0f} s, {seconds / count:.2f} s each" if count else f"{style}: known"
