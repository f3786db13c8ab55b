"""Who fills a stack: by hogwalk's walk of its frames, or, cheaply, by the return addresses that lie on it."""

from __future__ import annotations

import struct
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from hogwalk.analysis import Run
from hogwalk.answer.charge.books import Share
from hogwalk.answer.charge.products import product_shares, products
from hogwalk.answer.report.document import ProductUse
from hogwalk.answer.threads.records import Depth, ThreadUse
from hogwalk.errors import BadInput, Unreadable
from hogwalk.machine.windows import PAGE
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.targets.protocol import Target
from hogwalk.walk.evidence import LIVE_LINE, Request
from hogwalk.walk.facts.modules import ModuleMap
from hogwalk.walk.facts.sites import CallSites, SiteKind

MOST_WALKED = 128 << 10  # bytes: a deeper stack is only counted, so that one thread cannot take minutes
MOST_COUNTED = 1 << 20  # bytes next to the newest frame that are counted
MOST_IN_ALL = 32 << 20  # bytes counted on all stacks together: nothing keeps a dump from naming one many times


def silent(doing: str) -> None:
    """Says nothing."""


class Owners:
    """Finds the owners of the stacks of one dump."""

    def __init__(self, target: Target) -> None:
        self._target = target
        about = target.about()
        self._wide = about.pointer_bytes == 8
        self._x86 = about.machine == "x86"
        self._live = about.live
        reader = CodeReader(target.read, about.page_bytes, about.words, LIVE_LINE if about.live else None)
        self._modules = ModuleMap(target.modules(), reader)
        self._sites = CallSites(self._modules, reader)
        self._owner: Dict[int, Optional[str]] = {}
        self._left = MOST_IN_ALL

    def walked(self, use: ThreadUse, depth: Depth) -> Tuple[ProductUse, ...]:
        """The products of a stack's frames, the hog first; raises HogwalkError where it cannot be walked."""
        if not self.walkable(depth):
            raise BadInput("only x86 stacks up to 128 KB are walked")
        limit = depth.floor if depth.lowest is None else max(depth.lowest & -PAGE, depth.floor)
        wanted = Request(limit, depth.base, use.stack.thread)
        report = Run(self._target, wanted, None, silent, self._unasked).report()
        return _hog_first(report.products)

    def _unasked(self, size: int) -> str:
        # Over a wire a kf for each thread would take minutes.
        return "kf not run" if self._live else ""

    def walkable(self, depth: Depth) -> bool:
        """Whether a stack's frames can be walked in bounded time."""
        return self._x86 and depth.used is not None and depth.used <= MOST_WALKED

    def counted(self, depth: Depth) -> Tuple[ProductUse, ...]:
        """The products of the return addresses on a stack, the hog first: an estimate, for some may be dead.

        Raises BadInput where too much has been counted already.
        """
        if depth.lowest is None:
            return ()
        end = min(depth.base, depth.lowest + MOST_COUNTED)
        self._left -= end - depth.lowest
        if self._left < 0:
            raise BadInput(f"not looked at: after {MOST_IN_ALL >> 20} MB of worse stacks")
        shares = self._shares(depth.lowest, end)
        names = [share.name for share in shares]
        owners = products(names, self._target.versions(names))
        return _hog_first([ProductUse(product, share) for product, share in product_shares(shares, owners)])

    def _shares(self, start: int, end: int) -> List[Share]:
        # As on a walk, what lies between two return addresses is the frame of the function the newer one returns to.
        sums: Dict[str, List[int]] = {}
        running, since = None, start
        for address, word in self._words(start, end):
            if word not in self._owner:
                self._owner[word] = self._returns_to(word)
            owner = self._owner[word]
            if owner is None:
                continue
            if running is not None:
                sums.setdefault(running, []).append(address - since)
            running, since = owner, address
        found = [Share(name, sum(sizes), len(sizes), None) for name, sizes in sums.items()]
        return sorted(found, key=lambda share: (-share.bytes, share.name))

    def _returns_to(self, word: int) -> Optional[str]:
        module = self._modules.at(word)
        if module is None or not self._modules.is_code(word):
            return None
        if self._x86 and self._sites.at(word).kind in (SiteKind.PLAIN, SiteKind.OUTSIDE):
            return None
        return module.name

    def _words(self, start: int, end: int) -> Iterator[Tuple[int, int]]:
        """(address, word) of the words that lie between the first module's start and the last one's end."""
        low, high = self._modules.span
        size, letter = (8, "Q") if self._wide else (4, "I")
        while start < end:
            stop = min(end, (start | (PAGE - 1)) + 1)
            count = (stop - start) // size
            try:
                words = struct.unpack(f"<{count}{letter}", self._target.read(start, count * size))
            except Unreadable:
                words = ()
            for index, word in enumerate(words):
                if low <= word < high:
                    yield start + index * size, word
            start = stop


def _hog_first(uses: Sequence[ProductUse]) -> Tuple[ProductUse, ...]:
    hog = next((use for use in uses if not use.product.system and use.share.bytes), None)
    return tuple(uses) if hog is None else (hog, *(use for use in uses if use is not hog))
