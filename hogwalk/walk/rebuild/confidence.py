"""How sure a verdict is: sums of bytes over many walks, each drawn by its probability."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from hogwalk.machine.words import X86
from hogwalk.model import Frame
from hogwalk.walk.facts.gaps import UNREADABLE
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
# So the ranges of 72 lab dumps (seeds 551718224 to ..227 of 18 styles) hold the truth in .99, .97, .97 and 1.00 with
# none, 2, 5 and 8 of 8 modules' code hidden, in .96, .93, .88 and .78 if not widened.  That is too wide, but those of
# 180 walks of real code (tests.real.stacks, libraries 501 to 530, drivers 2001 to 2060) hold it in .97 with 2 hidden
# and .91 with 5, in .89 and .76 if not widened.
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
    if doubt < NO_DOUBT and _largest(sums) == named and _whole(rebuilt):
        return Confidence(named, _stated(SAMPLES, SAMPLES, rebuilt.verdict), sums[named], sums[named])
    from random import Random  # here, for a walk without doubt needs no draws

    names = _modules(rebuilt.weighed, modules)
    owners = [None if name is None else owner(name) for name in names]
    random, posterior, nodes = Random(SEED), rebuilt.weighed.posterior, rebuilt.weighed.clued.nodes
    count = max(FEWEST_SAMPLES, min(SAMPLES, WORK // len(owners)))
    summed = Sums(rebuilt.weighed, owners, owner, _behind(rebuilt))
    paths = [_without_left_over(rebuilt, posterior.sample(random, nodes), random) for _ in range(count)]
    draws = [_with_running(rebuilt, summed, path, owners, random) for path in paths]
    if rebuilt.weighed.ran_out is not None:
        draws = [_with_unknown(summed, draw, path, names, random) for draw, path in zip(draws, paths)]
    agreeing = sum(_largest(draw) == named for draw in draws)
    low, high = _range(sorted(draw.get(named, 0) for draw in draws), rebuilt)
    return Confidence(named, _stated(agreeing, count, rebuilt.verdict), low, high)


def _whole(rebuilt: Rebuilt) -> bool:
    """Whether the walk says of every byte between its ends and Limit whose it is, so that nothing is to be drawn."""
    weighed, frames = rebuilt.weighed, rebuilt.frames
    if rebuilt.esp is not None:
        return False
    if weighed.ran_out is not None and (frames[0].bytes is None or weighed.ran_out[0] < weighed.ran_out[1]):
        return False
    return all(frame.return_address for frame in frames) and not any(gap.why == UNREADABLE for gap in rebuilt.gaps)


def _behind(rebuilt: Rebuilt) -> int:
    """Bytes that cannot be read behind the walk's last frame: the oldest frames lie there, whosoever's they are."""
    last = rebuilt.frames[-1].return_slot or 0
    return sum(gap.bytes for gap in rebuilt.gaps if gap.why == UNREADABLE and gap.start > last)


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
    rebuilt: Rebuilt, summed: Sums, path: Tuple[int, ...], owners: Sequence[Optional[str]], random: Random
) -> Dict[str, int]:
    """A path's drawn sums with the frame of the function that runs, where nothing tells ESP: from where it can be.

    Where no call names the function it is of any owner that has frames, as often the one as the other.
    """
    sums = summed.drawn(path, random)
    if rebuilt.esp is None or not summed.unnamed(path):
        return sums
    low, end = rebuilt.esp
    word = rebuilt.weighed.builder.word
    top = rebuilt.weighed.clued.nodes[path[0]].slot + word
    size = (top - random.randrange(low, max(low + 1, min(end, top)))) & -word
    owner = random.choice(list(dict.fromkeys(owners[node] for node in path)))
    return sums if owner is None else {**sums, owner: sums.get(owner, 0) + size}


def _with_unknown(
    summed: Sums, sums: Dict[str, int], path: Tuple[int, ...], names: Sequence[Optional[str]], random: Random
) -> Dict[str, int]:
    """A draw's sums with the frame of the function that runs down to the stack's end, where its call names none.

    It is as likely of each module that has frames: so 23 of 200 lab dumps (seeds 1 to 8 and 84315705 to ..708) are
    most probable, for calls through pointers hardly ever stay in their module.
    """
    weighed = summed.weighed
    if weighed.ran_out is None or not summed.unnamed(path):
        return sums
    name = random.choice(list(dict.fromkeys(names[number] for number in path)))
    of = None if name is None else summed.owner(name)
    size = weighed.clued.nodes[path[0]].slot + X86.word - weighed.ran_out[1]
    return sums if of is None else {**sums, of: sums.get(of, 0) + size}


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


def _modules(weighed: Weighed, modules: ModuleMap) -> List[Optional[str]]:
    """For each candidate the name of the module whose function runs behind it."""
    found = [modules.at(node.address) for node in weighed.clued.nodes]
    return [None if module is None else module.name for module in found]


class Sums:
    """The bytes of paths by owner; `owners` holds each node's own."""

    def __init__(self, weighed: Weighed, owners: Sequence[Optional[str]], owner: Owner, behind: int = 0) -> None:
        """`behind`: bytes behind a path's last frame that may be anybody's."""
        self.weighed = weighed
        self._behind = behind
        self._owners = owners
        self.owner = owner
        self._ends = [weighed.builder.end(number) for number in range(len(weighed.clued.nodes))]
        self._known: Dict[Tuple[int, ...], Dict[str, int]] = {}
        self._rims: Dict[Tuple[object, ...], Dict[str, int]] = {}
        self._unnamed: Dict[Tuple[int, ...], bool] = {}

    def of(self, path: Tuple[int, ...]) -> Dict[str, int]:
        """One path's bytes by owner; most draws are the same few paths."""
        found = self._known.get(path)
        if found is None:
            found = self._known[path] = self._sum(path)
        return found

    def unnamed(self, path: Tuple[int, ...]) -> bool:
        """Whether no call names the function that runs where a path starts; many draws start at the same few places."""
        start = path[:1]
        if start not in self._unnamed:
            self._unnamed[start] = bool(start) and self.weighed.builder.first(start[0]).frame.bytes is None
        return self._unnamed[start]

    def drawn(self, path: Tuple[int, ...], random: Random) -> Dict[str, int]:
        """The same; where return addresses are gone frames lie as they do elsewhere on the path, drawn one by one."""
        sums = dict(self.of(path))
        left = sums.pop(ANYBODY, 0) + self._behind
        known = [step for step in zip(path, path[1:]) if step not in self.weighed.bridges] if left else []
        while left > 0 and known:
            newer, older = random.choice(known)
            name, size = self._owners[newer], min(left, self._ends[older] - self._ends[newer])
            left -= size
            if name is not None:
                sums[name] = sums.get(name, 0) + size
        return sums

    def _sum(self, path: Tuple[int, ...]) -> Dict[str, int]:
        bridges, builder, ends, owners = self.weighed.bridges, self.weighed.builder, self._ends, self._owners
        sums: Dict[str, int] = {}
        for newer, older in zip(path, path[1:]):
            name = owners[newer]
            if bridges and (newer, older) in bridges:
                charged = self._add(sums, (newer, older), builder.over_hole)
                sums[ANYBODY] = sums.get(ANYBODY, 0) + ends[older] - ends[newer] - charged
            elif name is not None:
                sums[name] = sums.get(name, 0) + ends[older] - ends[newer]
        if self.weighed.ran_out is not None:
            limit, low = self.weighed.ran_out
            sums[ANYBODY] = sums.get(ANYBODY, 0) + low - limit
        self._add(sums, path[:1], lambda first: [builder.first(first)])
        self._add(sums, path[-1:], builder.last)
        return sums

    def _add(self, sums: Dict[str, int], rims: Tuple[int, ...], build: Callable[..., Sequence[RimFrame]]) -> int:
        """Adds what is built at a path's start, at its end, or at both rims of an unreadable page."""
        key = (build.__name__, *rims)
        found = self._rims.get(key)
        if found is None:
            built = build(*rims) if rims else ()
            found = self._rims[key] = _of_frames([one.frame for one in built], self.owner)
        for owner, count in found.items():
            sums[owner] = sums.get(owner, 0) + count
        return sum(found.values())


def _largest(sums: Dict[str, int]) -> Optional[str]:
    return min(sums, key=lambda name: (-sums[name], name)) if sums else None
