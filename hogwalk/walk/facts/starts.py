"""Where functions start, and which of them holds an address: the one home of these facts, for kf's chains and rebuild.

Known starts are what symbols name (a PDB's functions, exports) and what calls found on the stack call; elsewhere the
looks of the code and the way it takes tell.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Dict, Iterable, List, Optional, Set

from hogwalk.machine.x86.depth import StackDepths
from hogwalk.machine.x86.functions import FunctionStarts
from hogwalk.model import Symbol
from hogwalk.walk.facts.sites import CallSites, SiteKind

FARTHEST = 0x10000  # no driver function seen reaches 64 KB; farther than that a target says nothing


class Starts:
    """Function starts of one machine; `depths` is the analysis that they are found with."""

    def __init__(self, sites: CallSites, symbols: Dict[int, Optional[Symbol]], code_words: Iterable[int]) -> None:
        self._sites = sites
        self._symbols = symbols
        self.depths = StackDepths(sites.reader, sites.blocks)
        self._search = FunctionStarts(self.depths)
        self._known: List[int] = []
        words = list(code_words)
        targets = {sites.at(word).target for word in words} | {self._symbol_start(word) for word in words}
        self.know(start for start in targets if start is not None)

    def know(self, starts: Iterable[int]) -> None:
        """Takes note of addresses at which functions are known to start."""
        fresh: Set[int] = {*starts}.difference(self._known)
        self._known = sorted({*self._known, *fresh})
        for start in fresh:
            self._search.add(start)

    def named(self, address: int) -> Optional[int]:
        """The start of the function that holds an address as the module's full symbols name it; None without these."""
        module = self._sites.modules.at(address)
        return self._symbol_start(address) if module is not None and module.symbols == "pdb" else None

    def _symbol_start(self, address: int) -> Optional[int]:
        symbol = self._symbols.get(address)
        if symbol is None or not symbol.name or symbol.displacement < 0:
            return None
        start = address - symbol.displacement
        return start if self._sites.modules.is_code(start) else None

    def nearest(self, address: int) -> Optional[int]:
        """The nearest known start at or below an address in its module, where it is near enough to be the address's."""
        index = bisect_right(self._known, address) - 1
        module = self._sites.modules.at(address)
        if index < 0 or module is None or self._known[index] < module.start:
            return None
        return self._known[index] if address - self._known[index] < FARTHEST else None

    def start(self, return_address: int) -> Optional[int]:
        """The start of the function that holds the call before an address; None when nothing tells."""
        named = self.named(return_address)
        return self._search.start_of(return_address) if named is None else named

    def certain(self, start: int) -> bool:
        """Whether a function starts there for sure, rather than by its looks."""
        return self._search.certain(start)

    def holds(self, function: int, address: int, interrupted: bool = False) -> bool:
        """Whether the code of a function comes to the call before an address, or with `interrupted` to the address."""
        self.depths.blocks.begin()
        flow = self.depths.flow(function)
        return bool(flow.path_around(address)) if interrupted else flow.reaches(address)

    def runs(self, target: int, address: int) -> Optional[bool]:
        """Whether a call of `target` runs the code before a return address; None where nothing tells for sure.

        So it is when that code is the target's own or the target jumps on into it.  Code that cannot be read belongs
        to the nearest known start.
        """
        modules = self._sites.modules
        if modules.at(target) is not modules.at(address) or modules.at(target) is None:
            return False
        kind = self._sites.at(address).kind
        if kind is SiteKind.UNREAD or self._sites.reader.bytes_at(target, 1) is None:
            near, named = self.nearest(address) == target, self.named(address)
            if kind is SiteKind.CALL and near == (named is None):
                return None  # its own code is not there: it could jump on, or end before the address
            return near
        if self.named(address) == target or self.holds(target, address, kind is not SiteKind.CALL):
            return True
        if self.nearest(address) == target and self.start(address) == target:
            return True
        return False if self.depths.ends(target) else None
