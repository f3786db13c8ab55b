"""Measures hogwalk's depths and call targets on real code against an emulator's truth.

python -m tests.real [-f NAME,NAME] [-n FUNCTIONS] [-i] [-v]

Downloads wheels with pip (into HOGWALK_REAL_CACHE, or hogwalk-real in the temporary folder); what imported functions
take off the stack comes from the import libraries of i686-w64-mingw32-gcc.  Exit code: 0 nothing stated as exact is
wrong, 1 something is, 3 a tool or a wheel cannot be had.
"""

from __future__ import annotations

import argparse
import sys
from typing import Optional, Sequence

from tests.real.compare import EXACT, Comparison
from tests.real.measure import measured, stack_bytes
from tests.real.wheels import FILES, RealFile, UnreachableError, cache_root

MOST_FUNCTIONS = 400


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Prints one line a file and one for all."""
    options = _parser().parse_args(arguments)
    names = options.files.split(",") if options.files else []
    files = [file for file in FILES if not names or any(name in file.path for name in names)]
    try:
        return _measure(files, options.functions, options.imports_hidden, options.verbose)
    except UnreachableError as error:
        print(f"real: {error}", file=sys.stderr)
        return 3


def _measure(files: Sequence[RealFile], functions: int, hidden: bool, verbose: bool) -> int:
    taken, total = stack_bytes(), Comparison()
    print("| file | linker | call sites | exact | exact or by EBP | false |\n|---|---|---|---|---|---|")
    for file in files:
        linker, found = measured(file, taken, functions, cache_root(), hidden)
        print(_line(file.name + (" (held)" if file.held else ""), linker, found), flush=True)
        if verbose:
            for verdict, call, start, told in found.wrong:
                print("   ", verdict, *(f"{number:x}" for number in call[:3]), start and f"{start:x}", told)
        total.counts.update(found.counts)
    print(_line("all", "", total))
    return 1 if total.false else 0


def _line(name: str, linker: str, found: Comparison) -> str:
    sites = max(1, found.sites)
    shares = f"{found.counts[EXACT] / sites:.3f} | {found.known / sites:.3f}"
    return f"| {name} | {linker} | {found.sites} | {shares} | {found.false} |"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.real", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-f", "--files", default="", help="only files whose paths contain one of these (default: all)")
    parser.add_argument("-n", "--functions", type=int, default=MOST_FUNCTIONS, help="functions run of each file")
    parser.add_argument("-i", "--imports-hidden", action="store_true", help="the code of imported functions not there")
    parser.add_argument("-v", "--verbose", action="store_true", help="print the call sites hogwalk is wrong about")
    return parser


if __name__ == "__main__":
    sys.exit(main())
