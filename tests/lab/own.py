"""hogwalk's own walk on a case, from the dump file, without a debugger."""

from __future__ import annotations

from typing import Dict, List, Tuple

from hogwalk.analysis import Wanted, gather
from hogwalk.rebuild import rebuild
from hogwalk.target.dump import open_dump
from hogwalk.usage.books import module_of
from tests.lab.cases import StoredCase
from tests.lab.score import Found

OWN = "hogwalk"

def walk(case: StoredCase) -> Dict[str, Found]:
    """The return slots hogwalk finds, each with the module it charges."""
    target = open_dump(str(case.dump), str(case.symbols))
    evidence = gather(target, Wanted(case.truth["limit"], case.truth["base"]), lambda doing: None)
    found: List[Tuple[int, str]] = [(frame.return_slot, module_of(frame)) for frame in rebuild(evidence).frames]
    return {OWN: found}
