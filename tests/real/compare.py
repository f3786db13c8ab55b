"""hogwalk's answers about the calls of real code against what an emulator saw of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from hogwalk.machine.x86.callees import Told, untold
from hogwalk.machine.x86.depth import Depths, StackDepths
from hogwalk.machine.x86.elsewhere import taken_elsewhere
from hogwalk.machine.x86.functions import FunctionStarts
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.model import Module
from hogwalk.walk.facts.modules import ModuleMap
from hogwalk.walk.facts.sites import CallSites, Site
from tests.real.pe import Image
from tests.real.run import STUBS, Call

EXACT, BY_EBP, LIKELY, POSSIBLE, OPEN = "exact", "exact from EBP", "likely", "possible", "open"
WRONG, WRONG_EBP, WRONG_CALLEE, MISSED = "exact, wrong", "EBP, wrong", "callee, wrong", "not likely, wrong"


@dataclass
class Comparison:
    """Call sites of one file by what hogwalk says of them; `wrong` holds those it is wrong about."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: List[Tuple[str, Call, Optional[int], Depths]] = field(default_factory=list)

    @property
    def sites(self) -> int:
        """Call sites in all."""
        return sum(self.counts.values())

    @property
    def known(self) -> int:
        """Call sites whose return slot is named exactly, and rightly, from ESP or from EBP."""
        return self.counts[EXACT] + self.counts[BY_EBP]

    @property
    def false(self) -> int:
        """Call sites about which something stated as exact is wrong."""
        return self.counts[WRONG] + self.counts[WRONG_EBP] + self.counts[WRONG_CALLEE]


def analysis(
    image: Image, reader: CodeReader, calls: Iterable[Call], told: Told = untold
) -> Tuple[CallSites, StackDepths, FunctionStarts]:
    """The file as hogwalk looks at it; `told` is what functions take whose code is not there."""
    modules = [Module("real", image.base, image.base + len(image.memory), "none")]
    modules.append(Module("imported", STUBS, STUBS + (1 << 24), "none"))
    sites = CallSites(ModuleMap(modules, reader), reader, told=told)
    known = {call.callee for call in calls if image.is_code(call.callee) and call.callee != call.return_address}
    depths = StackDepths(reader, sites.blocks)
    return sites, depths, FunctionStarts(depths, {*known, *image.exports})


def shown(image: Image, calls: Sequence[Call]) -> Dict[int, int]:
    """What the calls that were seen show imported functions to take, of whose code nothing is there."""
    _, depths, starts = analysis(image, image.reader(), calls)
    found = [(starts.start_of(address), address) for address in sorted({call.return_address for call in calls})]
    certain = [(start, address) for start, address in found if start is not None and starts.certain(start)]
    return taken_elsewhere(depths, certain)


def compare(image: Image, stubs: Tuple[int, bytes], calls: Sequence[Call], hidden: bool = False) -> Comparison:
    """Every call site once; a site that ran at several depths is right where each of them is allowed.

    `stubs` are address and code of the functions imported; `hidden`: they cannot be read.
    """
    imported: Told = shown(image, calls).get if hidden else untold
    sites, depths, starts = analysis(image, image.reader() if hidden else image.reader(stubs), calls, imported)
    by_site: Dict[int, List[Call]] = {}
    for call in calls:
        by_site.setdefault(call.return_address, []).append(call)
    found = Comparison()
    for address, seen in sorted(by_site.items()):
        start = starts.start_of(address)
        told = depths.at(start, address, certain=start is None or starts.certain(start))
        target = sites.at(address).target
        verdict, worst = max(((judge(told, call), call) for call in seen), key=lambda one: ORDER.index(one[0]))
        if target is not None and any(call.callee != target for call in seen) and not _stored(image, sites.at(address)):
            verdict, worst = WRONG_CALLEE, next(call for call in seen if call.callee != target)
        found.counts[verdict] += 1
        if verdict in WRONGS:
            found.wrong.append((verdict, worst, start, told))
    return found


def _stored(image: Image, site: Site) -> bool:
    """Whether a call goes through a word that the code itself writes: a dump holds what it led to then."""
    pointer = None if site.call is None else site.call.pointer
    return pointer is not None and image.is_writable(pointer) and all(one.cell != pointer for one in image.imports)


WRONGS = (WRONG, WRONG_EBP, WRONG_CALLEE, MISSED)
ORDER = (EXACT, BY_EBP, LIKELY, POSSIBLE, OPEN, MISSED, WRONG_CALLEE, WRONG_EBP, WRONG)


def judge(told: Depths, call: Call) -> str:
    """What hogwalk's answer is worth for one call as it ran."""
    if told.certain and told.frame_ebp is not None and told.frame_ebp != call.above:
        return WRONG_EBP
    if told.certain and told.ebp_kept and not call.kept:
        return WRONG_EBP
    if told.exact and len(told.depths) == 1:
        return EXACT if told.depths[0] == call.depth else WRONG
    if told.exact and call.depth not in told.depths:
        return WRONG
    if told.certain and told.frame_ebp is not None:
        return BY_EBP
    if told.depths:
        return LIKELY if told.depths[0] == call.depth else POSSIBLE if call.depth in told.depths else MISSED
    return OPEN if not told.dynamic or call.depth >= told.minimum else MISSED
