"""What functions take off their caller's stack whose code does not tell: by their names, or by other calls of them."""

from __future__ import annotations

from typing import Dict, Optional, Sequence

from hogwalk.machine.x86.callees import Told
from hogwalk.machine.x86.elsewhere import taken_elsewhere
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.model import Symbol
from hogwalk.walk.facts.modules import ModuleMap
from hogwalk.walk.facts.sites import CallSites, SiteKind
from hogwalk.walk.facts.starts import Starts


class Taken:
    """The answers, by function or by import cell; None where neither tells.

    The code from which the return addresses on the stack come is looked through for such calls at the first question
    that names leave open, with nothing else known: so what is found depends on no other question.
    """

    def __init__(
        self,
        names: Told,
        modules: ModuleMap,
        reader: CodeReader,
        symbols: Dict[int, Optional[Symbol]],
        words: Sequence[int],
    ) -> None:
        """`words` are the addresses on the stack that lead into code."""
        self._names = names
        self._modules, self._reader, self._symbols, self._words = modules, reader, symbols, words
        self._shown: Optional[Dict[int, int]] = None

    def __call__(self, function: int) -> Optional[int]:
        """What a function, or the one in a cell, takes."""
        named = self._names(function)
        if named is not None or (self._modules.is_code(function) and self._reader.bytes_at(function, 1) is not None):
            return named  # else what can be read of it says why it is left open
        if self._shown is None:
            self._shown = self._look()
        return self._shown.get(function)

    def _look(self) -> Dict[int, int]:
        words = self._words
        sites = CallSites(self._modules, self._reader, len(words), told=self._names)
        starts = Starts(sites, self._symbols, words)
        found = [(starts.start(word), word) for word in words if sites.at(word).kind is SiteKind.CALL]
        certain = [(start, word) for start, word in found if start is not None and starts.certain(start)]
        return taken_elsewhere(starts.depths, certain)
