"""The lab's command: generate cases, measure hogwalk and its peers on them, score found frames.

python -m tests.lab generate [-o FOLDER] [-s fpo,gcc] [-n 1-30]
python -m tests.lab measure  [-o FOLDER] [-s fpo,gcc] [-n 1-30] [--hogwalk] [--kf] [--breakpad] [--scores FILE]
python -m tests.lab score TRUTH.json FRAMES.json     (FRAMES: [["0xADDRESS of the return slot", "module"], ...])
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import List, Optional, Sequence

from tests.lab import own, peer_breakpad
from tests.lab.own import OWN
from tests.lab.peer_kf import BEST
from tests.lab.score import score
from tests.lab.sheet import Sheet
from tests.lab.styles import STYLES
from tests.lab.table import Method, measure, stored, table
from tests.lab.toolchain import ToolError, cache_root, versions


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Exit code: 0 done, 3 a tool is missing or failed."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "score":
            _score(options.truth, options.frames)
        elif options.command == "generate":
            _generate(options)
        else:
            _measure(options)
    except ToolError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 3
    return 0


def seeds(text: str) -> List[int]:
    """Seeds of "1-10,15"; raises argparse.ArgumentTypeError on anything else."""
    found: List[int] = []
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            found += range(int(first), int(last or first) + 1)
    except ValueError as error:
        raise argparse.ArgumentTypeError("seeds are like 1-10,15") from error
    return found


def styles(text: str) -> List[str]:
    """Style names of "fpo,gcc", or all of them for "all"; raises argparse.ArgumentTypeError on an unknown one."""
    names = list(STYLES) if text == "all" else text.split(",")
    unknown = [name for name in names if name not in STYLES]
    if unknown:
        raise argparse.ArgumentTypeError("no style {}; there are: {}".format(", ".join(unknown), ", ".join(STYLES)))
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab", description="generated stack overflows with exact truth"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in (("generate", "write cases"), ("measure", "measure hogwalk and its peers on cases")):
        command = commands.add_parser(name, help=about)
        command.add_argument("-o", "--out", type=Path, default=cache_root() / "cases", help="folder of cases")
        command.add_argument("-s", "--styles", type=styles, default=list(STYLES), help="all, or names with commas")
        command.add_argument("-n", "--seeds", type=seeds, default=[1], help="like 1-10,15")
        if name == "measure":
            command.add_argument("--hogwalk", action="store_true", help="hogwalk's own walk")
            command.add_argument("--kf", action="store_true", help="the real engine's kf")
            command.add_argument("--breakpad", action="store_true", help="Breakpad's stackwalker")
            command.add_argument("--scores", type=Path, help="file that keeps all scores, also those measured before")
    scoring = commands.add_parser("score", help="score found frames")
    scoring.add_argument("truth", type=Path)
    scoring.add_argument("frames", type=Path)
    return parser


def _generate(options: argparse.Namespace) -> None:
    for style in options.styles:
        for seed in options.seeds:
            case = stored(style, seed, options.out)
            print(
                "{}: {} frames, {} bytes".format(
                    case.folder, len(case.truth["frames"]), case.truth["base"] - case.truth["limit"]
                )
            )


def _measure(options: argparse.Namespace) -> None:
    methods: List[Method] = []
    every = not (options.hogwalk or options.kf or options.breakpad)
    if options.hogwalk or every:
        methods.append(own.walk)
    if options.breakpad or every:
        program = peer_breakpad.fetch()
        methods.append(lambda case: peer_breakpad.walk(program, case))
    if options.kf or every:
        methods.append(_engine_method())
    sheet = Sheet(options.scores)
    for style in options.styles:
        for seed in options.seeds:
            sheet.add(f"{style}/{seed}", measure(style, seed, options.out, methods))
        sheet.save()
    print(table([(style, sheet.of(style, options.seeds)) for style in options.styles]))
    below = sheet.below(OWN, BEST, [f"{style}/{seed}" for style in options.styles for seed in options.seeds])
    print("{} below {}, in recall or bytes: {}".format(OWN, BEST, ", ".join(below) or "in no dump"))
    print("\n".join("{}: {}".format(*tool) for tool in versions()))


def _engine_method() -> Method:
    from tests.engine.engine import Engine  # only this peer needs Wine
    from tests.engine.errors import EngineUnavailableError
    from tests.engine.setup import install
    from tests.lab import peer_kf

    try:
        engine = Engine(install())
    except EngineUnavailableError as error:
        raise ToolError(f"no engine: {error}") from error
    return lambda case: peer_kf.walk(engine, case)


def _score(truth: Path, frames: Path) -> None:
    found = [(int(slot, 16), str(module)) for slot, module in json.loads(frames.read_text("utf-8"))]
    print(json.dumps(asdict(score(json.loads(truth.read_text("utf-8")), found)), indent=1))


if __name__ == "__main__":
    sys.exit(main())
