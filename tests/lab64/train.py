"""Fits the x64 clues' weights on the x64 lab and writes hogwalk/walk/unwound/weights.py's table.

python -m tests.lab64.train [-s STYLES] [-n 201-222] [-o FOLDER]

The lab's frames are larger than most code's: of the frames in code that its dumps lack 1 % are of up to 40h bytes, of
the functions that call in the debugger's own dbgeng.dll (10.0.15063: 8172 by its .pdata) 43 %.  A quarter of what the
weights take sizes to be is the latter's; with these held all others are fitted once more.

As on x86 (tests/rebuild/train.py) the weights maximize the log-likelihood of the true walks, less a quadratic penalty
for leaving the table that is there, which clues that no case shows keep.  Every case is taken with its dump's registers
and, for the weights of a start that is searched for, without any; there its step's weight is fitted apart.
"""

from __future__ import annotations

import argparse
import io
import re
from dataclasses import replace
from functools import partial
from math import log
from multiprocessing import Pool
from pathlib import Path
from typing import Any, List, Optional, Sequence, Tuple

import numpy
from scipy.optimize import minimize

from hogwalk.targets.text import open_text
from hogwalk.walk.evidence import Evidence, Request, gather
from hogwalk.walk.unwound import weights as table
from hogwalk.walk.unwound.walk import again, collect, sought_above
from tests.lab.__main__ import seeds
from tests.lab.toolchain import cache_root
from tests.lab64.case import case
from tests.lab64.log import log as written
from tests.rebuild.field import NAMES, Example, example, likelihood

STYLES = "dark2,dark4,unloaded,small,wiped,fp,trap,jit,asm,retcfg"
READABLE, FEW = ("fp", "trap", "jit", "asm", "retcfg"), 5  # code that can be read has less to teach
REAL_SHARE = 0.25
# Shares of frames up to 40h, 80h, 100h, 200h, 400h, 800h and larger: the lab's, and dbgeng.dll's.
SHARES = {
    "UP_TO_40": (0.008, 0.427), "UP_TO_80": (0.203, 0.299), "UP_TO_100": (0.237, 0.164), "UP_TO_200": (0.398, 0.047),
    "UP_TO_400": (0.076, 0.030), "UP_TO_800": (0.078, 0.012), "OVER_800": (0.0008, 0.021),
}  # fmt: skip
TABLE = Path(table.__file__)
PENALTY, ROUNDS = 0.2, 60
Array = Any


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Fits and writes the weights; prints the log-likelihood on the way."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab64.train")
    parser.add_argument("-s", "--styles", default=STYLES)
    parser.add_argument("-n", "--seeds", type=seeds, default=seeds("201-222"))
    parser.add_argument("-o", "--out", type=Path, default=cache_root() / "cases64")
    options = parser.parse_args(arguments)
    jobs = [
        (style, seed, options.out)
        for style in options.styles.split(",")
        for seed in (options.seeds[:FEW] if style in READABLE else options.seeds)
    ]
    with Pool(2) as pool:
        pairs = pool.map(examples, jobs)
        known = [(one, bare) for some in pairs for one, bare in some if one is not None]
        print(f"{len(known)} examples, {sum(map(len, pairs)) - len(known)} left out", flush=True)
        found = _realistic(fit(known, _table(), ()))
        write(fit(known, found, tuple(SHARES)))


def examples(job: Tuple[str, int, Path]) -> List[Tuple[Optional[Example], bool]]:
    """A case as the first weighing sees it and, as the second one does, with registers, without, and as logs.

    With each, whether it is without registers.
    """
    made = case(*job)
    evidence = gather(made.target(), Request(), lambda _: None)
    wiped = made.truth["wiped"]
    slots = [frame["slot"] for frame in made.truth["frames"] if frame["slot"] in evidence.region]
    slots = [slot for slot in slots if not wiped[0] <= slot < wiped[1]]
    found: List[Tuple[Optional[Example], bool]] = []
    for known in (
        evidence,
        replace(evidence, registers=None),
        *(pasted(written(made, code)) for code in (False, True)),
    ):
        first, finder = collect(known)
        bottom, started = sought_above(known, first), known.registers is not None
        given = partial(table.nearness, bottom=bottom)
        if known is evidence:
            found.append((example(first, slots, given), False))
        found.append((example(again(first, finder, started, bottom), slots, given), not started))
    return found


def pasted(text: str) -> Evidence:
    """What a log of a case says."""
    return gather(open_text(io.BytesIO(text.encode())), Request(), lambda _: None)


def _table() -> Array:
    """The weights that are in the table, in the order of NAMES, then the step's without registers."""
    start = numpy.array([table.WEIGHTS.get(clue, 0.0) for clue in _clues()] + [table.STEP, table.BLIND_STEP])
    return numpy.append(start, table.SEARCHED_STEP)


def _realistic(weights: Array) -> Array:
    """The weights with those of frames' sizes made more like real code's."""
    found = weights.copy()
    for name, (lab, real) in SHARES.items():
        found[NAMES.index(name)] += log(1 - REAL_SHARE + REAL_SHARE * real / lab)
    return found


def fit(known: Sequence[Tuple[Example, bool]], start: Array, held: Sequence[str]) -> Array:
    """The weights, from `start` on, as _table has them; those of the `held` names stay."""
    fixed = [NAMES.index(name) for name in held]
    step = len(NAMES) - 2

    def cost(weights: Array) -> Tuple[float, Array]:
        away = weights - start
        total, gradient = PENALTY / 2 * float(away @ away), PENALTY * away
        for one, bare in known:
            used = weights[:-1].copy()
            if bare:
                used[step] = weights[-1]
            value, change = likelihood(one, used)
            total -= value
            if bare:
                gradient[-1] -= change[step]
                change[step] = 0.0
            gradient[:-1] -= change
        gradient[fixed] = 0.0
        print(f"log-likelihood {-total:.1f}", flush=True)
        return total, gradient

    found = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": ROUNDS, "ftol": 1e-6})
    return found.x


def _clues() -> List[Any]:
    from hogwalk.walk.rebuild.clues import Clue

    return list(Clue)


def write(weights: Array) -> None:
    """Puts the weights into the table."""
    text = TABLE.read_text("utf-8")
    for name, weight in zip(NAMES[:-2], weights):
        text = re.sub(rf"(?<=    Clue\.{name}: )[-\d.]+", f"{weight:.2f}", text)
    for name, weight in zip(("STEP", "BLIND_STEP", "SEARCHED_STEP"), weights[-3:]):
        text = re.sub(rf"(?m)(?<=^{name} = )[-\d.]+", f"{weight:.2f}", text)
    TABLE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
