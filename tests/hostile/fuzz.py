"""Fuzz of names: python -m tests.hostile.fuzz COUNT [FIRST] [--state FILE].

Each input is a run in a debugger, on a log, on a recording or on a dump with its image and PDB.  The names of a
module's file, its company, its product and each of its functions are hostile; the run must end with a report or with
one line, send and recommend no command with a name in it, and print no control character.  With --state what is done
is kept in FILE, and the next call with the same COUNT goes on from there.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Dict, Iterator, List, Sequence

from hogwalk.analysis import Run
from hogwalk.answer.render.compare import render_compare
from hogwalk.answer.render.json_report import to_json
from hogwalk.answer.render.stack import render_stack
from hogwalk.answer.render.triage import render
from hogwalk.answer.render.walk import render_walk
from hogwalk.errors import HogwalkError
from hogwalk.printable import ascii_only
from hogwalk.targets.dump import open_dump
from hogwalk.targets.engine import EngineTarget
from hogwalk.targets.protocol import Target
from hogwalk.targets.recorder import Recorder
from hogwalk.targets.recording import Replay
from hogwalk.targets.text import open_text
from hogwalk.walk.evidence import Request
from tests.hostile import dumps, logs
from tests.hostile.debugger import Debugger
from tests.hostile.names import ADVICE, COMMAND, RAW, names

ADVISED = re.compile(r"run `([^`]*(?:`[0-9a-f]{8}[^`]*)*)`")
DOORS, NAMES = 4, 8
CRASH = "it crashed"
KEPT_EVERY = 100  # inputs


def silent(_: str) -> None:
    """Nothing is said of the work."""


def outputs(target: Target, seed: int) -> Iterator[str]:
    """What the commands print about a target, JSON unpacked again; the error's line where there is one."""
    run = Run(target, Request(), None, silent)
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
        yield crash(error)


def crash(error: Exception) -> str:
    """One line about what nobody foresaw."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_lineno} of {trace.tb_frame.f_code.co_filename}" if trace is not None else "?"
    return f"{CRASH}: {error!r} at line {where}"


def recorded(target: Target, drawn: Sequence[str]) -> Target:
    """A recording of the report's questions, replayed; what they print is the other doors' matter."""
    recorder = Recorder(target)
    for _ in outputs(recorder, 0):
        break
    return Replay(recorder.lines(), drawn[1])


def faults(seed: int, folder: Path) -> List[str]:
    """What is wrong with the run of one input; empty when nothing is.  Files are made in `folder`."""
    drawn = names(seed, NAMES)
    debugger = Debugger(drawn)
    try:
        target: Target = EngineTarget(debugger)
        if seed % DOORS == 1:
            target = open_text(io.BytesIO(logs.log(drawn)))
        elif seed % DOORS == 2:
            target = recorded(target, drawn)
        elif seed % DOORS == 3:
            target = open_dump(str(dumps.write(folder, drawn)), str(folder))
        lines = list(outputs(target, seed))
    except HogwalkError as error:
        lines = [ascii_only(error.line())]
    except Exception as error:  # noqa: BLE001 - as above, where a target is opened
        lines = [crash(error)]
    found = [f"command {command!r}" for command in debugger.ran if not COMMAND.fullmatch(command)]
    found += [f"control character in {line!r}" for line in lines if RAW.search(line)]
    found += [line for line in lines if line.startswith(CRASH)]
    advice = [words for line in lines for words in ADVISED.findall(" ".join(line.split()))]
    return found + [f"advice {words!r}" for words in advice if not ADVICE.fullmatch(words)]


def resumed(state: str, first: int) -> Dict[str, int]:
    """The next seed and the faults found so far, as FILE has them, from `first` on where there is none."""
    if not state or not Path(state).exists():
        return {"next": first, "faults": 0}
    found: Dict[str, int] = json.loads(Path(state).read_text(encoding="ascii"))
    return found


def main(arguments: Sequence[str]) -> int:
    """Runs the seeds FIRST to FIRST + COUNT - 1; prints every fault, with the seed that shows it again."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("count", type=int)
    parser.add_argument("first", type=int, nargs="?", default=0)
    parser.add_argument("--state", default="", metavar="FILE")
    options = parser.parse_args(arguments)
    done = resumed(options.state, options.first)
    end = options.first + options.count
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(done["next"], end):
            for fault in faults(seed, Path(folder)):
                done["faults"] += 1
                print(f"seed {seed}: {fault}", flush=True)
            done["next"] = seed + 1
            if options.state and (seed % KEPT_EVERY == KEPT_EVERY - 1 or seed == end - 1):
                Path(options.state).write_text(json.dumps(done), encoding="ascii")
    print(f"seeds {options.first} to {end - 1}: {options.count} inputs, {done['faults']} faults")
    return 1 if done["faults"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
