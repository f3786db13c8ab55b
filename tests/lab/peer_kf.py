"""The real engine's kf as a peer: from its own context, the first plausible pair, and the best possible triple."""

from __future__ import annotations

import re
from typing import Dict, List, Sequence, Tuple

from tests.engine.engine import Engine, Target
from tests.lab.cases import StoredCase
from tests.lab.score import score

Frames = List[Tuple[int, str]]

OWN, FIRST, BEST = "kf, own context", "kf, first pair", "kf, best triple"
_MOST_FRAMES = 24
_ROW = re.compile(r"^(?:[0-9a-f]{2,4} )?\s*(?:[0-9a-f]+ )?([0-9a-f]{8}) ([0-9a-f]{8}) (\S+)", re.MULTILINE)


def walk(engine: Engine, case: StoredCase) -> Dict[str, Frames]:
    """What kf finds in the case, by way of starting it; all walks in one session of the engine."""
    count = 8 + len(case.true_slots()) * 2
    triples = best_triples(case)
    steps = ["kf={:08x} {:08x} {:08x} 0x{:x}".format(*triple, count) for triple in triples]
    steps.append("kf={:08x} {:08x} {:08x} 0x{:x}".format(*first_pair(case), count))
    steps += [".tss 28", f"kf 0x{count:x}"] if case.truth["registers_known"] else [f"kf 0x{count:x}"]
    done = engine.kd(Target(dump=case.dump, symbols=[case.symbols]), steps)
    walks = [rows(step.output, case) for step in done]
    best = max(walks[: len(triples)], key=lambda found: _merit(case, found), default=[])
    return {OWN: walks[-1], FIRST: walks[len(triples)], BEST: best}


def rows(text: str, case: StoredCase) -> Frames:
    """(return slot, module) of every row: the slot lies one word above ChildEBP on x86."""
    found: Frames = []
    for match in _ROW.finditer(text):
        site = match.group(3)
        bare = re.match(r"0x([0-9a-f]{1,8})$", site)
        module = case.module_at(int(bare.group(1), 16)) if bare else re.split(r"[!+]", site)[0]
        found.append((int(match.group(1), 16) + 4, module))
    return found


def first_pair(case: StoredCase) -> Tuple[int, int, int]:
    """The triple of the first slot that holds a pointer up into the stack with a module address behind it."""
    words = case.stack_words()
    for (address, word), (behind, value) in zip(words, words[1:]):
        if address < word < case.truth["base"] and not word & 3 and behind == address + 4 and case.module_at(value):
            return word, address, value
    return 0, 0, 0


def best_triples(case: StoredCase) -> List[Tuple[int, int, int]]:
    """Triples with the right values at the newest true frames, which only the truth can tell.

    StackPtr once as the walkthrough takes it (where the saved EBP lies) and once as it is behind the return.
    """
    triples: List[Tuple[int, int, int]] = []
    base_pointer = case.truth["registers"]["ebp"]
    for slot, frame in sorted(case.true_slots().items())[:_MOST_FRAMES]:
        saved = case.word(slot - 4)
        if frame["saved_ebp_slot"] and saved is not None:
            base_pointer = saved
        triples += [
            (base_pointer, slot - 4, frame["return_address"]),
            (base_pointer, slot + 4, frame["return_address"]),
        ]
    return triples


def _merit(case: StoredCase, found: Sequence[Tuple[int, str]]) -> Tuple[float, float]:
    result = score(case.truth, found)
    return result.recall, result.bytes_right
