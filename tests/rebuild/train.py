"""Fits the clues' weights on lab cases and writes hogwalk/walk/rebuild/weights.py.

python -m tests.rebuild.train CASES [-n 1-18]     (CASES: a folder as `python -m tests.lab generate -o` writes it)

The weights maximize the log-likelihood of the true walks, less a quadratic penalty for leaving the clues' priors, by
L-BFGS from the table that is there.  No weight says the opposite of its prior, what the code rules out (LEAST) is for
sale to no chain of other evidence, and a clue that hardly any case shows keeps its prior.  So that each kind of
evidence can do without the others, a case is taken as it is, and with the code of some modules hidden, or with the
stack depth of some or all functions unknown.  Cases whose true walk is not among those weighed are left out and
counted.
"""

from __future__ import annotations

import argparse
import json
from multiprocessing import Pool
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Tuple
from unittest.mock import patch

import numpy
from scipy.optimize import minimize

from hogwalk.machine.x86.depth import Depths
from hogwalk.targets.dump import open_dump
from hogwalk.walk.evidence import Request, gather
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.collect import Collector
from hogwalk.walk.rebuild.functions import Functions
from hogwalk.walk.rebuild.weights import BLIND_STEP, STEP, WEIGHTS
from tests.lab.__main__ import seeds
from tests.lab.hidden import hide
from tests.lab.styles import STYLES
from tests.rebuild.field import NAMES, Array, Example, Vector, example, likelihood

TABLE = Path(__file__).parents[2] / "hogwalk" / "walk" / "rebuild" / "weights.py"
PENALTY = 0.1
HIDDEN = 0, 2, 5, 8  # modules whose code is hidden: once each
BLINDNESS = {7: 40, 19: 100}  # percent of the functions whose depth is hidden too, by the seed's remainder
BLIND_EVERY = 24
MOST_ROUNDS = 300
# What is this or less; of addresses that are multiples of 16 real code, which passes pointers to functions more than
# the lab's does, says so: of other unread words .37 (libraries), .57 (drivers) are live, of these .14, .24.
LEAST = {"DEPTH_OTHER": -25.0, "OTHER_TARGET": -10.0, "ALIGNED": -1.6}
FEWEST_TRUE, FEWEST_SEEN = 5, 300  # times that a clue is in true walks, or anywhere, for its weight to be fitted
PIECES = 16  # of the examples, each weighed by one process at a time


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Fits and writes the weights; prints the log-likelihood on the way."""
    parser = argparse.ArgumentParser(prog="python -m tests.rebuild.train")
    parser.add_argument("cases", type=Path)
    parser.add_argument("-n", "--seeds", type=seeds, default=seeds("1-18"))
    options = parser.parse_args(arguments)
    with Pool() as pool:
        taken = list(folders(options.cases, options.seeds))
        found = [one for some in pool.imap(examples, taken) for one in some]
    known = [one for one in found if one is not None]
    print(f"{len(known)} examples, {len(found) - len(known)} left out", flush=True)
    held = unidentified(known)
    write(fit(known, held), held, f"{len(known)} examples, lab seeds {min(options.seeds)}-{max(options.seeds)}")


def folders(cases: Path, wanted: Sequence[int]) -> Iterator[Path]:
    """The folders of all styles' cases with the wanted seeds."""
    for style in sorted(folder for folder in cases.iterdir() if folder.is_dir()):
        yield from (style / str(seed) for seed in wanted if (style / str(seed) / "truth.json").is_file())


def examples(folder: Path) -> List[Optional[Example]]:
    """A case as examples."""
    seed = int(folder.name)
    hidden = (0,) if STYLES[folder.parent.name].has("user") else HIDDEN
    found = [read(folder, count) for count in hidden]
    if seed % BLIND_EVERY in BLINDNESS:
        with patch.object(Functions, "look", blind(BLINDNESS[seed % BLIND_EVERY])):
            found.append(read(folder, 0))
    return found


def blind(percent: int) -> object:
    """A Functions.look that knows nothing of so many percent of the addresses."""
    original = Functions.look

    def look(self: Functions, address: int) -> Tuple[Depths, Tuple[int, ...]]:
        hidden = (address * 2654435761 >> 8) % 100 < percent
        return (Depths(), ()) if hidden else original(self, address)

    return look


def read(folder: Path, hidden: int) -> Optional[Example]:
    """One case's candidates with their clues, the code of `hidden` modules unreadable, and its true walk."""
    truth = json.loads((folder / "truth.json").read_text())
    target = hide(open_dump(str(folder / "memory.dmp"), str(folder / "symbols")), truth, hidden, int(folder.name))
    evidence = gather(target, Request(), lambda _: None)
    slots = [frame["return_slot"] for frame in truth["frames"] if frame["return_slot"] in evidence.region]
    clued = Collector(evidence).collect()
    return example(clued, [slot for slot in slots if not evidence.image.unreadable(slot)])


def unidentified(known: Sequence[Example]) -> List[str]:
    """The clues that too few examples show."""
    true, seen = numpy.zeros(len(NAMES)), numpy.zeros(len(NAMES))
    for one in known:
        own = one.arrays
        steps = numpy.bincount(own.masks, minlength=len(own.clues)).astype(float)
        taken = numpy.bincount(own.masks, weights=own.taken, minlength=len(own.clues))
        numpy.add.at(steps, [mask for mask in (*one.starts, *one.ends) if mask is not None], 1)
        numpy.add.at(taken, [own.starts[one.walk[0]], own.ends[one.walk[-1]]], 1)
        seen, true = seen + steps @ own.clues, true + taken @ own.clues
    return [clue.name for clue, few in zip(Clue, (true < FEWEST_TRUE) & (seen < FEWEST_SEEN)) if few]


def between(held: Sequence[str]) -> List[Tuple[Optional[float], Optional[float]]]:
    """The lowest and the highest value of each weight, in the order of NAMES; None where there is no bound."""
    found: List[Tuple[Optional[float], Optional[float]]] = []
    for clue in Clue:
        if clue.name in held:
            found.append((clue.prior, clue.prior))
        elif clue.name in LEAST:
            found.append((None, LEAST[clue.name]))
        else:
            found.append((0.0 if clue.prior > 0 else None, 0.0 if clue.prior < 0 else None))
    return [*found, (0.0, None), (0.0, None)]


def fit(known: Sequence[Example], held: Sequence[str]) -> Vector:
    """The weights, in the order of NAMES; those `held` keep their prior."""
    prior = numpy.array([*(clue.prior for clue in Clue), 0.0, 0.0])
    pieces = [known[first::PIECES] for first in range(PIECES)]
    with Pool(initializer=_share, initargs=(pieces,)) as pool:

        def cost(weights: Array) -> Tuple[float, Array]:
            away = weights - prior
            total, gradient = PENALTY / 2 * float(away @ away), PENALTY * away
            for value, change in pool.imap_unordered(_piece, [(at, weights) for at in range(PIECES)]):
                total, gradient = total - value, gradient - change
            print(f"log-likelihood {-total:.1f}", flush=True)
            return total, gradient

        table = {clue.name: weight for clue, weight in WEIGHTS.items()}
        table.update(STEP=STEP, BLIND_STEP=BLIND_STEP)
        start = numpy.array([table.get(name, guess) for name, guess in zip(NAMES, prior)])
        options = {"maxiter": MOST_ROUNDS, "ftol": 1e-7, "maxcor": 20}
        found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=between(held), options=options)
        return [float(weight) for weight in found.x]


_shared: List[Sequence[Sequence[Example]]] = []


def _share(pieces: Sequence[Sequence[Example]]) -> None:
    # Each process is handed the examples once, not with every question.
    _shared.append(pieces)


def _piece(asked: Tuple[int, Array]) -> Tuple[float, Array]:
    at, weights = asked
    total, gradient = 0.0, numpy.zeros(len(NAMES))
    for one in _shared[0][at]:
        value, change = likelihood(one, weights)
        total, gradient = total + value, gradient + change
    return total, gradient


def write(weights: Vector, unfitted: Sequence[str], source: str) -> None:
    """Writes weights.py; `unfitted` names the clues that hardly any case shows, of which x64's own stay out."""
    rows = [f"    Clue.{name}: {weight:.2f},\n" for name, weight in zip(NAMES[:-2], weights) if Clue[name] in WEIGHTS]
    priors = "".join(f"    Clue.{name},\n" for name in unfitted if Clue[name] in WEIGHTS)
    tail = TAIL.format(priors=priors, step=weights[-2], blind=weights[-1])
    TABLE.write_text(HEAD.format(source=source) + "".join(rows) + tail)


HEAD = '''"""What each clue weighs: natural log-likelihoods, fitted, not chosen.

They are the weights of a conditional random field over whole walks that makes the true walks of the lab's training
seeds as probable as can be; tests/rebuild/train.py wrote this table and says how
({source}).
Clues that hardly any training case shows keep their prior: UNFITTED names them.
"""

from __future__ import annotations

from typing import Dict, Tuple

from hogwalk.walk.rebuild.clues import Clue

WEIGHTS: Dict[Clue, float] = {{
'''
TAIL = """}}
UNFITTED: Tuple[Clue, ...] = (
{priors})
STEP = {step:.2f}  # what a step adds beside the log-probability of its clues
BLIND_STEP = {blind:.2f}  # the same where the code behind the newer slot cannot be read
TEMPERATURE = 1.0  # over 1: less certain than fitted; seeds not trained on bear 1 out (tests/rebuild/calibrate.py)
"""

if __name__ == "__main__":
    main()
