"""Print the benchmarks: python -m tests.bench."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Sequence, Union

from tests.bench.felt import BARS
from tests.bench.felt import measure as measure_felt
from tests.bench.logs import measure as measure_logs
from tests.bench.paint import BAR
from tests.bench.paint import measure as measure_paint
from tests.bench.scale import measure as measure_scale
from tests.bench.scale import measure_walk
from tests.bench.startup import measure as measure_startup
from tests.engine.engine import Engine
from tests.engine.errors import EngineUnavailableError
from tests.engine.setup import install
from tests.engine.wine import Setting
from tests.lab.toolchain import ToolError, cache_root
from tests.lab64.case import case
from tests.stackhog import DUMP, ROOT, SYMBOLS

SESSIONS = 5  # of which the quickest counts, where only the first answer is looked at
STYLES, SEED = ("sym", "asm", "dark4"), 101  # of the x64 lab: all unwind data, code without any, images absent


def _inside(dump: Path, symbols: Path, *more: str) -> Any:
    called: List[Union[str, Path]] = ["-m", "tests.bench.inside", dump, symbols, *more]
    return json.loads(Engine(install()).python(called, Setting(import_path=(ROOT,))).stdout)


def in_engine(dump: Path, symbols: Path) -> Dict[str, Any]:
    """The figures of tests/bench/inside.py on one dump, run in the real engine."""
    figures: Dict[str, Any] = _inside(dump, symbols)
    return figures


def first_of_a_session(asked: Sequence[str]) -> float:
    """How many times the engine's own answers to these commands a triage of StackHog takes, each a session's first."""
    triage, own = (min(_inside(DUMP, SYMBOLS, "first", *commands) for _ in range(SESSIONS)) for commands in ((), asked))
    return float(triage / own)


def ratios(name: str, figures: Dict[str, Any]) -> None:
    """Prints what a triage costs, in times of the engine's own answers."""
    own = figures["own"]
    print(f"{name + ': triage / (dps + kf=)':36} {figures['triage'] / own:6.2f}   at most 2.5")
    print(f"  again in the same session          {figures['again'] / own:6.2f}")
    print(f"  dps + kf=, triage, again           {own * 1000:6.1f} {figures['triage'] * 1000:.1f} ", end="")
    print(f"{figures['again'] * 1000:.1f} ms")


def in_the_lab() -> None:
    """The same of generated x64 dumps, 24 KB each, where their compilers are."""
    for style in STYLES:
        try:
            made = case(style, SEED, cache_root() / "cases64")
        except ToolError as error:
            print(f"x64 {style}: {error}")
            return
        ratios(f"x64 {style}-{SEED}", in_engine(made.dump, made.symbols))


def main() -> None:
    """Print one line for each figure, with the bar it is held against."""
    try:
        prefix = install()
        prefix.end_server()
        prefix.keep_server()
        figures = in_engine(DUMP, SYMBOLS)
        ratios("StackHog", figures)
        print(f"  the first of a session / the same  {first_of_a_session(figures['asked']):6.2f}")
        in_the_lab()
        print(f"debugger commands                    {figures['commands']:6d}   at most 12")
        print(f"reads of the stack                   {figures['stack_reads']:6d}   1")
        print(f"reads of code and structures         {figures['reads'] - figures['stack_reads']:6d}")
        print(f"bytes read                           {figures['bytes']:6d}")
        for name, seconds in measure_felt(Engine(install())).items():
            print(f"felt: {name:42} {seconds:6.2f} s  an idle machine: at most {BARS[name]:.2f}")
    except EngineUnavailableError as error:
        print(f"engine: {error}")
    small, large = measure_scale(12 << 10), measure_scale(1 << 20)
    print(f"time per KB, 1 MB against 12 KB      {large['per_kb'] / small['per_kb']:6.2f}   at most 1.5")
    half, whole = measure_walk(512 << 10), measure_walk(1 << 20)
    print(f"  of the own walk, 1 MB / 0.5 MB     {whole / half:6.2f}   1 is linear")
    print(f"  the own walk of 1 MB               {whole * 1024:6.2f} s")
    started = measure_startup()
    print(f"triage of a dump file, start to end  {started['triage']:6.2f} s  at most {started['bar']:.2f}")
    worst, growth = max(measure_logs().items(), key=lambda item: item[1])
    print(f"time per byte of a log, 2 MB / 0.5 MB {growth:5.2f}   1 is linear (worst of all kinds: {worst})")
    for name, seconds in measure_paint().items():  # none without Chromium
        print(f"first paint of the page, {name:12} {seconds:5.2f} s  at most {BAR:.0f}")
    print(f"memory of scan and score, 1 MB       {large['peak'] / (1 << 20):6.1f} MB at most 64")


if __name__ == "__main__":
    main()
