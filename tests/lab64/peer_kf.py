"""The real engine's kf on an x64 case: from the dump's own context, and from the newest true pair."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Tuple

from tests.engine.engine import Engine, Target
from tests.lab64.case import WORD, Case

Frames = List[Tuple[int, str]]
OWN, TRAP, PAIR = "kf, own context", "kf, .trap", "kf, newest pair"
_ROW = re.compile(r"^([0-9a-f`]{16,17}) ([0-9a-f`]{16,17}) (\S+)", re.MULTILINE)
MOST = 0x400


def walk(engine: Engine, case: Case) -> Dict[str, Frames]:
    """What kf finds, by way of starting it."""
    truth = case.truth
    newest = truth["frames"][0]
    steps = [
        f"k 0x{MOST:x}",
        f".trap {truth['trap_frame']:x}; k 0x{MOST:x}",
        f"k = {newest['slot'] + WORD:x} {newest['address']:x} 0x{MOST:x}",
    ]
    done = engine.kd(Target(dump=case.dump, symbols=[case.symbols]), steps)
    return {name: rows(step.output, truth) for name, step in zip((OWN, TRAP, PAIR), done)}


def rows(text: str, truth: Mapping[str, Any]) -> Frames:
    """(return slot, module) of every row: the slot lies one word below the next row's Child-SP."""
    found: Frames = []
    matches = list(_ROW.finditer(text))
    for row, older in zip(matches, matches[1:]):
        site = row.group(3)
        module = "" if site.startswith("0x") else re.split(r"[!+]", site)[0]
        found.append((int(older.group(1).replace("`", ""), 16) - WORD, module))
    return found
