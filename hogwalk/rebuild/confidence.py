"""How sure a verdict is: sums of bytes over many walks, each drawn by its probability."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from math import exp
from random import Random
from typing import Callable, Dict, List, Sequence, Tuple

from hogwalk.evidence.modules import ModuleMap
from hogwalk.rebuild.clues import Clue
from hogwalk.rebuild.walk import Rebuilt, Weighed

DRAWS = 200
SEED = 20040  # any fixed number: the same stack gives the same statement
