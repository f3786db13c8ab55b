"""What a user waits for: one call of hogwalk in a session of the real engine, of each kind."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Dict

from tests.engine.engine import Engine, Target
from tests.engine.wine import Setting
from tests.stackhog import DUMP, ROOT, SYMBOLS

CALLS, ROUNDS = 6, 3
KINDS = {"!py hogwalk": "!py hogwalk --plain", "!py -g hogwalk, from the second call on": "!py -g hogwalk --plain"}
BARS = dict(zip(KINDS, (0.45, 0.05)))  # seconds


def measure(engine: Engine, root: Path = ROOT) -> Dict[str, float]:
    """Seconds of one call of each kind on StackHog, compiled before: the quickest of some rounds.

    A session of several calls less one of a single call, so that neither Wine nor the dump's opening is counted.
    """
    setting = Setting(import_path=(root,), search_path=(root / "hogwalk" / "app" / "launcher",))
    target = Target(DUMP, symbols=[SYMBOLS])

    def seconds(step: str, calls: int) -> float:
        begun = time.perf_counter()
        engine.host(target, [step] * calls, setting)
        return time.perf_counter() - begun

    found: Dict[str, float] = {}
    for name, step in KINDS.items():
        seconds(step, 1)
        few = min(seconds(step, 1) for _ in range(ROUNDS))
        many = min(seconds(step, 1 + CALLS) for _ in range(ROUNDS))
        found[name] = (many - few) / CALLS
    return found
