"""The lab's command: generate cases, measure hogwalk and its peers on them, score found frames.

python -m tests.lab generate [-o FOLDER] [-s fpo,gcc] [-n 1-30]
python -m tests.lab seeds --fresh [COUNT]            (also as -n fresh or -n fresh:COUNT)
python -m tests.lab measure  [-o FOLDER] [-s fpo,gcc] [-n 1-30|fresh] [--bang] [--hogwalk] [--kf] [--breakpad]
                             [--bar SHARE] [--scores FILE]
python -m tests.lab score TRUTH.json FRAMES.json     (FRAMES: [["0xADDRESS of the return slot", "module"], ...])
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import List, Optional, Sequence

from tests.lab.fresh import COUNT, fresh, seeds
from tests.lab.measuring import fill, methods
from tests.lab.own import OWN
from tests.lab.peer_bang import BANG
from tests.lab.peer_kf import BEST
from tests.lab.score import score
from tests.lab.sheet import Sheet
from tests.lab.styles import STYLES
from tests.lab.table import stored, table
from tests.lab.toolchain import ToolError, cache_root, versions

BAR, NEAR = 0.95, 0.002

__all__ = ["main", "seeds", "styles"]


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Exit code: 0 done, 3 a tool is missing or failed."""
    try:
        options = _parser().parse_args(arguments)
        if options.command == "score":
            _score(options.truth, options.frames)
        elif options.command == "seeds":
            print("{}-{}".format(*fresh(options.fresh)[:: max(1, options.fresh - 1)]))
        elif options.command == "generate":
            _generate(options)
        else:
            _measure(options)
    except ToolError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 3
    return 0


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
        command.add_argument("-n", "--seeds", type=seeds, default=[1], help="like 1-10,15, or fresh, or fresh:10")
        if name == "measure":
            command.add_argument("--bang", action="store_true", help="`!py hogwalk` in the real engine")
            command.add_argument("--hogwalk", action="store_true", help="hogwalk's own walk")
            command.add_argument("--bar", type=float, default=BAR, help=f"list each dump below this share ({BAR})")
            command.add_argument("--kf", action="store_true", help="the real engine's kf")
            command.add_argument("--breakpad", action="store_true", help="Breakpad's stackwalker")
            command.add_argument(
                "--scores", type=Path, help="file that keeps all scores; what it holds is not measured again"
            )
    listing = commands.add_parser("seeds", help="the seeds that follow from the last commit that changed hogwalk")
    listing.add_argument("--fresh", type=int, nargs="?", const=COUNT, default=COUNT, metavar="COUNT")
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
    every = not (options.hogwalk or options.bang or options.kf or options.breakpad)
    wanted = methods(options.hogwalk or every, options.bang or every, options.kf or every, options.breakpad or every)
    sheet = Sheet(options.scores)
    for style in options.styles:
        print(fill(sheet, wanted, style, options.seeds, options.out), file=sys.stderr, flush=True)
    print(table([(style, sheet.of(style, options.seeds)) for style in options.styles]))
    cases = [f"{style}/{seed}" for style in options.styles for seed in options.seeds]
    for name in (BANG, OWN):
        poor = sheet.poor(name, options.bar, cases)
        print(f"{name}: {len(poor)} below {options.bar:g} in recall or bytes, or with another hog")
        print("".join(f"  {line}\n" for line in poor), end="")
    both, near, far = sheet.alike(BANG, OWN, NEAR, cases)
    print(f"{BANG} and {OWN}: the same hog and bytes within {NEAR:g} in {near} of {both}")
    print("".join(f"  {line}\n" for line in far), end="")
    below = sheet.below(OWN, BEST, cases)
    print("{} below {}, in recall or bytes: {}".format(OWN, BEST, ", ".join(below) or "in no dump"))
    print("\n".join("{}: {}".format(*tool) for tool in versions()))


def _score(truth: Path, frames: Path) -> None:
    found = [(int(slot, 16), str(module)) for slot, module in json.loads(frames.read_text("utf-8"))]
    print(json.dumps(asdict(score(json.loads(truth.read_text("utf-8")), found)), indent=1))


if __name__ == "__main__":
    sys.exit(main())
