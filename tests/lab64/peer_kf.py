"""The real engine's kf on an x64 case: from the dump's own context, from the fault's, and from its best true pair."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Tuple

from tests.engine.engine import Engine, Target
from tests.lab64.case import WORD, Case, score
from tests.lab64.measure import KF_OWN, KF_PAIR, KF_TRUE

Frames = List[Tuple[int, str]]
_ROW = re.compile(r"^([0-9a-f`]{16,17}) ([0-9a-f`]{16,17}) (\S+)", re.MULTILINE)
MOST = 0x400
PAIRS = 6  # the newest true pairs that are tried


def walk(engine: Engine, case: Case) -> Dict[str, Frames]:
    """What kf finds, by way of starting it."""
    truth = case.truth
    pairs = [one for one in truth["frames"] if one["kind"] == "call" and truth["limit"] <= one["slot"] < truth["base"]]
    steps = [f"k 0x{MOST:x}", f".trap {truth['trap_frame']:x}; k 0x{MOST:x}"]
    steps += [f"k = {one['slot'] + WORD:x} {one['address']:x} 0x{MOST:x}" for one in pairs[:PAIRS]]
    target = Target(dump=case.dump, symbols=[case.symbols], images=[case.images] if case.images.exists() else [])
    own, trap, *others = [rows(step.output, truth) for step in engine.kd(target, steps)]
    return {KF_OWN: own, KF_TRUE: trap, KF_PAIR: min(others, key=lambda found: score(truth, found).missed)}


def rows(text: str, truth: Mapping[str, Any]) -> Frames:
    """(return slot, module) of every row: the slot lies one word below the next row's Child-SP.

    Where the processor pushed the return address it lies elsewhere: there the row is taken at its word, RetAddr.
    """
    pushed = {one["address"]: one["slot"] for one in truth["frames"] if one["kind"] != "call"}
    found: Frames = []
    matches = list(_ROW.finditer(text))
    for row, older in zip(matches, matches[1:]):
        site = row.group(3)
        module = "" if site.startswith("0x") else re.split(r"[!+]", site)[0]
        returns = int(row.group(2).replace("`", ""), 16)
        found.append((pushed.get(returns, int(older.group(1).replace("`", ""), 16) - WORD), module))
    return found
