"""Fuzz of names: python -m tests.hostile.fuzz COUNT [FIRST]: each input is a run in a debugger, a log or a recording.

The names of a module's file, its functions, its company and its product are hostile; the run must end with a report or
with one line, send and recommend no command with a name in it, and print no control character.
"""

from __future__ import annotations

import io
import json
import re
import sys
from typing import Iterator, List

from hogwalk.analysis import Run
from hogwalk.answer.render.compare import render_compare
from hogwalk.answer.render.json_report import to_json
from hogwalk.answer.render.stack import render_stack
from hogwalk.answer.render.triage import render
from hogwalk.answer.render.walk import render_walk
from hogwalk.errors import HogwalkError
from hogwalk.printable import ascii_only
from hogwalk.targets.engine import EngineTarget
from hogwalk.targets.protocol import Target
from hogwalk.targets.recorder import Recorder
from hogwalk.targets.recording import Replay
from hogwalk.targets.text import open_text
from hogwalk.walk.evidence import Request
from tests.core.test_printable import hostile_log
from tests.hostile.debugger import Debugger
from tests.hostile.names import ADVICE, COMMAND, RAW, names

ADVISED = re.compile(r"run `([^`]*(?:`[0-9a-f]{8}[^`]*)*)`")
DOORS = 3
CRASH = "it crashed"


def outputs(target: Target, seed: int) -> Iterator[str]:
    """What the commands print about a target, JSON unpacked again; the error's line where there is one."""
    run = Run(target, Request(), None, lambda *_: None)
    try:
        report = run.report()
        yield from map(ascii_only, render(report))
        more = (
            lambda: render_walk(report),
            lambda: render_compare(report, True),
            lambda: render_stack(run.evidence(), run.call_targets(), True),
        )
        yield from map(ascii_only, more[seed // DOORS % len(more)]())
        packed = to_json(report)
        yield packed
        yield json.dumps(json.loads(packed), ensure_ascii=False)
    except HogwalkError as error:
        yield ascii_only(error.line())
    except Exception as error:  # noqa: BLE001 - what nobody foresaw is what is looked for
        yield f"{CRASH}: {error!r} at line {_line(error)}"


def _line(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_lineno} of {trace.tb_frame.f_code.co_filename}" if trace is not None else "?"


def faults(seed: int) -> List[str]:
    """What is wrong with the run of one input; empty when nothing is."""
    drawn = names(seed, 4)
    debugger = Debugger(drawn)
    target: Target = EngineTarget(debugger)
    if seed % DOORS == 1:
        target = open_text(io.BytesIO(hostile_log(drawn[0]).encode("utf-8", "surrogatepass")))
    elif seed % DOORS == 2:
        recorder = Recorder(target)
        list(outputs(recorder, seed))
        target = Replay(recorder.lines(), drawn[1])
    lines = list(outputs(target, seed))
    found = [f"command {command!r}" for command in debugger.ran if not COMMAND.fullmatch(command)]
    found += [f"control character in {line!r}" for line in lines if RAW.search(line)]
    found += [line for line in lines if line.startswith(CRASH)]
    advice = [words for line in lines for words in ADVISED.findall(" ".join(line.split()))]
    return found + [f"advice {words!r}" for words in advice if not ADVICE.fullmatch(words)]


def main(arguments: List[str]) -> int:
    """Runs COUNT inputs from FIRST (0) on; prints every fault, with the seed that shows it again."""
    count, first = int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 0
    bad = 0
    for seed in range(first, first + count):
        for fault in faults(seed):
            bad += 1
            print(f"seed {seed}: {fault}")
    print(f"{count} inputs, {bad} faults")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
