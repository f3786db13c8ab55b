"""hogwalk's own walk on a case, from the dump file, without a debugger."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from hogwalk.answer.charge.books import module_of
from hogwalk.targets.dump import open_dump
from hogwalk.walk.evidence import Request, gather
from hogwalk.walk.rebuild import Rebuilt, rebuild
from tests.lab.cases import StoredCase
from tests.lab.score import WORD, Found

OWN = "hogwalk"


def walk(case: StoredCase) -> Dict[str, Found]:
    """The return slots hogwalk finds, each with the module it charges."""
    target = open_dump(str(case.dump), str(case.symbols))
    evidence = gather(target, Request(), lambda doing: None)
    return {OWN: found(rebuild(evidence), evidence.image.holes)}


def found(rebuilt: Rebuilt, holes: Sequence[Tuple[int, int]]) -> List[Tuple[int, str]]:
    """A walk as the lab scores it; what ends in an unreadable page is nobody's, but for a frame known to end there."""
    return [*((frame.return_slot, module_of(frame)) for frame in rebuilt.frames), *ends_of_holes(holes)]


def ends_of_holes(holes: Sequence[Tuple[int, int]]) -> List[Tuple[int, str]]:
    """The last word of each unreadable page, as nobody's slot."""
    return [(end - WORD, "") for _, end in holes]
