"""How sure a verdict is: sums of bytes over many walks, each drawn by its probability."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from hogwalk.machine.words import X86
from hogwalk.model import Frame
from hogwalk.walk.facts.modules import ModuleMap
from hogwalk.walk.rebuild.walk import LEFT_OVER_SHAPE, Rebuilt, RimFrame, Truth, Weighed

if TYPE_CHECKING:
    from random import Random

ANYBODY = ""  # the owner of bytes of which nothing tells whose they are
SAMPLES, FEWEST_SAMPLES = 200, 20
WORK = 400_000  # candidates times draws: a stack of 1 MB is worth fewer draws, not seconds
SEED = 20040  # any fixed number: the same stack gives the same statement
INTERVAL = 0.9  # the share of the draws that the stated range of bytes holds
# The draws of a kernel stack (x86) are too much alike: their range is widened at both ends by WIDENED of its width.
# So the ranges of 324 dumps (lab seeds 9 to 14 of 18 styles) hold the truth in .92, .92 and .94 with 2, 5 and 8 of 8
# modules' code hidden, in .87, .78 and .75 without.
WIDENED = 0.7
NO_DOUBT = 0.005  # the chance that any frame is wrong, below which all draws would be the same walk
PSEUDO_COUNT = 1  # draws each way beside those made: 200 equal ones do not make a certainty


@dataclass(frozen=True)
class Confidence:
    """The owner that holds most bytes, the probability that it really does, and its bytes' 90 % range [low, high]."""

    owner: str
    probability: float
    low: int
    high: int

    def less(self, unseen: int, size: int) -> Confidence:
        """The same where `unseen` of the stack's `size` bytes were not looked at: they may be anybody's.

        It is then as much less sure as it is less of the stack.
        """
        return replace(self, probability=self.probability * (size - unseen) / size, high=self.high + unseen)


Owner = Callable[[str], Optional[str]]


def confidence(rebuilt: Rebuilt, modules: ModuleMap, owner: Owner, named: Optional[str] = None) -> Optional[Confidence]:
    """How sure it is that `named` (else the walk's own largest owner) holds most of the stack.

    `owner` maps a module's name to a product's, say; a module without an owner (None: the system's own, say) is left
    out.  None where the walk holds no bytes.
    """
    sums = _of_frames(rebuilt.frames, owner)
    named = _largest(sums) if named is None else named
    if named is None:
        return None
    doubt = sum(1 - live for live in rebuilt.probabilities)
    whole = not rebuilt.weighed.anybody or all(frame.return_address for frame in rebuilt.frames)
    whole = whole and rebuilt.esp is None
    if doubt < NO_DOUBT and _largest(sums) == named and whole:
        return Confidence(named, _stated(SAMPLES, SAMPLES, rebuilt.verdict), sums[named], sums[named])
    from random import Random  # here, for a walk without doubt needs no draws

    owners = _owners(rebuilt.weighed, modules, owner)
    random, posterior = Random(SEED), rebuilt.weighed.posterior
    count = max(FEWEST_SAMPLES, min(SAMPLES, WORK // len(owners)))
    summed = Sums(rebuilt.weighed, owners, owner)
    paths = [_without_left_over(rebuilt, posterior.sample(random), random) for _ in range(count)]
    draws = [_with_running(rebuilt, summed.drawn(path, random), path, owners, random) for path in paths]
    agreeing = sum(_largest(draw) == named for draw in draws)
    low, high = _range(sorted(draw.get(named, 0) for draw in draws), rebuilt)
    return Confidence(named, _stated(agreeing, count, rebuilt.verdict), low, high)


def _range(held: Sequence[int], rebuilt: Rebuilt) -> Tuple[int, int]:
    """The range of bytes to state: that of the draws' sums in the middle, or the shortest that holds enough of them.

    `held` are the sums, ascending.
    """
    if rebuilt.shortest:
        most = ceil(len(held) * rebuilt.shortest)
        return min(zip(held, held[most - 1 :]), key=lambda ends: ends[1] - ends[0])
    cut = int(len(held) * (1 - INTERVAL) / 2)
    low, high = held[cut], held[-1 - cut]
    room = int(WIDENED * (high - low)) & -X86.word if rebuilt.alike else 0
    return max(0, low - room), min(_size(rebuilt), high + room)


def _without_left_over(rebuilt: Rebuilt, path: Tuple[int, ...], random: Random) -> Tuple[int, ...]:
    """The drawn path without the newest nodes that are left over in this draw; the oldest one stays."""
    if not rebuilt.left_over or not path:
        return path
    return path[min(len(path) - 1, int(random.weibullvariate(rebuilt.left_over, LEFT_OVER_SHAPE))) :]


def _with_running(
    rebuilt: Rebuilt, sums: Dict[str, int], path: Tuple[int, ...], owners: Sequence[Optional[str]], random: Random
) -> Dict[str, int]:
    """A draw's sums with the frame of the function that runs, where nothing tells ESP: from any place that it can be.

    Where no call names the function it is of any owner that has frames, as often the one as the other.
    """
    if rebuilt.esp is None or not path or rebuilt.weighed.builder.first(path[0]).frame.bytes is not None:
        return sums
    low, end = rebuilt.esp
    word = rebuilt.weighed.builder.word
    top = rebuilt.weighed.clued.nodes[path[0]].slot + word
    size = (top - random.randrange(low, max(low + 1, min(end, top)))) & -word
    owner = random.choice(list(dict.fromkeys(owners[node] for node in path)))
    return sums if owner is None else {**sums, owner: sums.get(owner, 0) + size}


def _size(rebuilt: Rebuilt) -> int:
    """Bytes of the stack: frames and gaps are Base minus Limit."""
    return sum(frame.bytes or 0 for frame in rebuilt.frames) + sum(gap.bytes for gap in rebuilt.gaps)


def _stated(agreeing: int, count: int, verdict: Truth) -> float:
    share = (agreeing + PSEUDO_COUNT) / (count + 2 * PSEUDO_COUNT)
    return min(share, verdict.most) if agreeing == count else verdict.of(share)


def _of_frames(frames: Iterable[Frame], owner: Owner) -> Dict[str, int]:
    sums: Dict[str, int] = {}
    for frame in frames:
        if frame.bytes is not None and frame.symbol is not None:
            name = owner(frame.symbol.module)
            if name is not None:
                sums[name] = sums.get(name, 0) + frame.bytes
    return sums


def _owners(weighed: Weighed, modules: ModuleMap, owner: Owner) -> List[Optional[str]]:
    """For each candidate who owns the function that runs behind it."""
    found = [modules.at(node.address) for node in weighed.clued.nodes]
    return [None if module is None else owner(module.name) for module in found]


class Sums:
    """The bytes of paths by owner; `owners` holds each node's own."""

    def __init__(self, weighed: Weighed, owners: Sequence[Optional[str]], owner: Owner) -> None:
        self._weighed = weighed
        self._owners = owners
        self._owner = owner
        self._ends = [weighed.builder.end(number) for number in range(len(weighed.clued.nodes))]
        self._known: Dict[Tuple[int, ...], Dict[str, int]] = {}
        self._rims: Dict[Tuple[object, ...], Dict[str, int]] = {}

    def of(self, path: Tuple[int, ...]) -> Dict[str, int]:
        """One path's bytes by owner; most draws are the same few paths."""
        found = self._known.get(path)
        if found is None:
            found = self._known[path] = self._sum(path)
        return found

    def drawn(self, path: Tuple[int, ...], random: Random) -> Dict[str, int]:
        """The same; where return addresses are gone frames lie as they do elsewhere on the path, drawn one by one."""
        sums = dict(self.of(path))
        left = sums.pop(ANYBODY, 0)
        known = [step for step in zip(path, path[1:]) if step not in self._weighed.bridges] if left else []
        while left > 0 and known:
            newer, older = random.choice(known)
            name, size = self._owners[newer], min(left, self._ends[older] - self._ends[newer])
            left -= size
            if name is not None:
                sums[name] = sums.get(name, 0) + size
        return sums

    def _sum(self, path: Tuple[int, ...]) -> Dict[str, int]:
        bridges, builder, ends, owners = self._weighed.bridges, self._weighed.builder, self._ends, self._owners
        sums: Dict[str, int] = {}
        for newer, older in zip(path, path[1:]):
            name = owners[newer]
            if bridges and (newer, older) in bridges:
                charged = self._add(sums, (newer, older), builder.over_hole)
                if self._weighed.anybody:
                    sums[ANYBODY] = sums.get(ANYBODY, 0) + ends[older] - ends[newer] - charged
            elif name is not None:
                sums[name] = sums.get(name, 0) + ends[older] - ends[newer]
        self._add(sums, path[:1], lambda first: [builder.first(first)])
        self._add(sums, path[-1:], builder.last)
        return sums

    def _add(self, sums: Dict[str, int], rims: Tuple[int, ...], build: Callable[..., Sequence[RimFrame]]) -> int:
        """Adds what is built at a path's start, at its end, or at both rims of an unreadable page."""
        key = (build.__name__, *rims)
        found = self._rims.get(key)
        if found is None:
            built = build(*rims) if rims else ()
            found = self._rims[key] = _of_frames([one.frame for one in built], self._owner)
        for owner, count in found.items():
            sums[owner] = sums.get(owner, 0) + count
        return sum(found.values())


def _largest(sums: Dict[str, int]) -> Optional[str]:
    return min(sums, key=lambda name: (-sums[name], name)) if sums else None
