"""Fits the x64 clues' weights on the x64 lab and writes hogwalk/walk/unwound/weights.py's table.

python -m tests.lab64.train [-s STYLES] [-n 201-230] [-o FOLDER]

As on x86 (tests/rebuild/train.py) the weights maximize the log-likelihood of the true walks, less a quadratic penalty
for leaving the table that is there, which clues that no case shows keep.  Every case is taken with its dump's registers
and, for the weights of a start that is searched for, without any; there its step's weight is fitted apart.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from multiprocessing import Pool
from pathlib import Path
from typing import Any, List, Optional, Sequence, Tuple

import numpy
from scipy.optimize import minimize

from hogwalk.walk.evidence import Wanted, gather
from hogwalk.walk.unwound import weights as table
from hogwalk.walk.unwound.walk import collect
from tests.lab.__main__ import seeds
from tests.lab.toolchain import cache_root
from tests.lab64.case import case
from tests.rebuild.field import NAMES, Example, example, likelihood

STYLES = "dark2,dark4,unloaded,small,wiped,fp,trap,jit,asm,retcfg"
READABLE, FEW = ("fp", "trap", "jit", "asm", "retcfg"), 5  # code that can be read has less to teach
TABLE = Path(table.__file__)
PENALTY, ROUNDS = 0.2, 60
Array = Any


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Fits and writes the weights; prints the log-likelihood on the way."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab64.train")
    parser.add_argument("-s", "--styles", default=STYLES)
    parser.add_argument("-n", "--seeds", type=seeds, default=seeds("201-230"))
    parser.add_argument("-o", "--out", type=Path, default=cache_root() / "cases64")
    options = parser.parse_args(arguments)
    jobs = [
        (style, seed, options.out)
        for style in options.styles.split(",")
        for seed in (options.seeds[:FEW] if style in READABLE else options.seeds)
    ]
    with Pool(2) as pool:
        pairs = pool.map(examples, jobs)
        known = [(one, bare) for pair in pairs for one, bare in zip(pair, (False, True)) if one is not None]
        print(f"{len(known)} examples, {2 * len(jobs) - len(known)} left out", flush=True)
        write(fit(known))


def examples(job: Tuple[str, int, Path]) -> List[Optional[Example]]:
    """A case as an example with registers, and one without."""
    made = case(*job)
    evidence = gather(made.target(), Wanted(), lambda _: None)
    wiped = made.truth["wiped"]
    slots = [frame["slot"] for frame in made.truth["frames"] if frame["slot"] in evidence.region]
    slots = [slot for slot in slots if not wiped[0] <= slot < wiped[1]]
    return [example(collect(one)[0], slots) for one in (evidence, replace(evidence, registers=None))]


def fit(known: Sequence[Tuple[Example, bool]]) -> Array:
    """The weights in the order of NAMES, then the step's without registers."""
    start = numpy.array([table.WEIGHTS.get(clue, 0.0) for clue in _clues()] + [table.STEP, table.BLIND_STEP])
    start = numpy.append(start, table.SEARCHED_STEP)
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
