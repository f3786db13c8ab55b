"""The whole job on one target: region -> words -> evidence -> candidates -> walk -> usage -> Report.

This is the only place that strings the rooms together; each step asks the target what it needs and hands plain
records on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Dict, FrozenSet, List, Optional, Sequence, Tuple

from hogwalk.errors import BadInput
from hogwalk.machine.words import X86, shown
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.model import About, FrameLayout, Module, Region, Registers, Symbol
from hogwalk.targets.protocol import Announce, Target
from hogwalk.walk.facts import kernel
from hogwalk.walk.facts.faults import Fault, find_fault
from hogwalk.walk.facts.image import StackImage, read_stack
from hogwalk.walk.facts.links import LinkJudge
from hogwalk.walk.facts.modules import ModuleMap, Unlisted, unlisted
from hogwalk.walk.facts.region import find_region
from hogwalk.walk.facts.shadow import neighbours, shadow_entries
from hogwalk.walk.facts.sites import LONGEST_CALL, CallSites, SiteKind
from hogwalk.walk.facts.taken import Taken
from hogwalk.walk.facts.traps import Traps
from hogwalk.walk.kf.chains import Chain, ChainFinder
from hogwalk.walk.kf.pairs import PairFinder, Starts, rank_pairs
from hogwalk.walk.kf.rank import Candidate, rank

if TYPE_CHECKING:
    from hogwalk.walk.facts.unwinding import Unwinding

# Code is read so many bytes at a time from a machine at the other end of a wire: around a call hardly more are looked
# at, and whole pages cost three times as much.
LIVE_LINE = 128


@dataclass(frozen=True)
class Request:
    """What the user gave on the command line: None where hogwalk finds it out by itself."""

    limit: Optional[int] = None
    base: Optional[int] = None
    thread: Optional[int] = None
    context: Optional[int] = None


@dataclass(frozen=True)
class Seen:
    """A stack and what is known of it before any code is read; `registers` are those that its walk starts with."""

    about: About
    region: Region
    image: StackImage
    registers: Optional[Registers]
    fault: Fault
    modules: Tuple[Module, ...]
    unlisted: Optional[Unlisted]


@dataclass(frozen=True)
class Evidence:
    """Everything known about one stack before any walk; `oldest` is where its oldest slot can lie at lowest.

    `registers` are those of `fault`; `unwinding` is what unwind data say (x64 only); `unlisted` what the debugger lacks
    of a live machine's modules.
    """

    about: About
    region: Region
    image: StackImage
    registers: Optional[Registers]
    modules: ModuleMap
    reader: CodeReader
    sites: CallSites
    judge: LinkJudge
    symbols: Dict[int, Optional[Symbol]]
    layouts: Dict[int, FrameLayout]
    traps: Traps
    oldest: int
    chains: Dict[int, Chain]
    candidates: Sequence[Candidate]
    fault: Fault
    shadow: FrozenSet[Tuple[int, int]] = frozenset()
    unwinding: Optional[Unwinding] = None
    unlisted: Optional[Unlisted] = None


def look(target: Target, wanted: Request, announce: Announce, resumed: Optional[Registers] = None) -> Seen:
    """Reads the stack; raises BadInput when there is no usable one.

    `resumed` are the registers with which a newer segment's walk goes on on this one.
    """
    about = target.about()
    _refuse_other_machines(about)
    region = find_region(target, wanted.limit, wanted.base, wanted.thread)
    announce(f"reading {region.size} bytes of stack at {shown(region.limit)}")
    image = read_stack(target, region)
    fault = find_fault(target, region, image, wanted.context)
    registers = resumed if resumed is not None else fault.registers
    modules = target.modules()
    on_stack = registers is not None and registers.sp in region
    image = image.newest(modules, registers.sp if registers is not None and on_stack else region.limit)
    return Seen(about, region, image, registers, fault, modules, unlisted(target))


def gather(target: Target, wanted: Request, announce: Announce, resumed: Optional[Registers] = None) -> Evidence:
    """Reads the stack and weighs every word of it, as `look` and `weigh` do."""
    return weigh(target, look(target, wanted, announce, resumed), announce)


def weigh(target: Target, seen: Seen, announce: Announce, earlier: Optional[Evidence] = None) -> Evidence:
    """Weighs every word of a stack by the code that it leads to.

    `earlier` is given back where all that it was made of is the same now.
    """
    about, region, image, registers = seen.about, seen.region, seen.image, seen.registers
    known = earlier if earlier is not None and _held(target, earlier, seen) else None
    reader = CodeReader(target.read, about.page_bytes, about.words, LIVE_LINE if about.live else None)
    words = list(known.symbols) if known else code_words(image.words, registers, ModuleMap(seen.modules, reader))
    announce(f"asking for the symbols of {len(words)} code addresses")
    symbols = dict(zip(words, target.symbols(words)))
    if known is not None and _unchanged(target, known, seen, symbols):
        return known
    modules = ModuleMap(target.modules(), reader)  # again: only now it is known what symbols each of them has
    taken = _taken(target, about, modules, reader, symbols)
    sites = CallSites(modules, reader, len(words), about.kind == "text", taken)
    announce("reading the code before the return addresses")
    reader.fetch(at for word in words for at in (word - LONGEST_CALL, word - 1))
    judge = LinkJudge(sites, symbols, words)
    layouts = _layouts(target, sites, words, about)
    initial = kernel.initial_stack_offset(target) if about.kernel else None
    traps = Traps(image, symbols, kernel.handler_reach(initial))
    unwinding = _unwinding(image, sites)
    chains, candidates = _starts(image, sites, judge, unwinding, registers)
    return Evidence(
        about,
        region,
        image,
        registers,
        modules,
        reader,
        sites,
        judge,
        symbols,
        layouts,
        traps,
        kernel.oldest_frame(target, region, initial) - image.cut_above,
        chains,
        candidates,
        seen.fault,
        neighbours(shadow_entries(target, region), modules.is_code),
        unwinding,
        seen.unlisted,
    )


def _held(target: Target, earlier: Evidence, seen: Seen) -> bool:
    """Whether stack, registers, modules and code are what they were when the earlier evidence was weighed."""
    places = sorted((module.start, module.end) for module in seen.modules)
    return (
        (seen.about, seen.region, seen.registers, seen.fault, seen.unlisted)
        == (earlier.about, earlier.region, earlier.registers, earlier.fault, earlier.unlisted)
        and (seen.image.words, seen.image.holes) == (earlier.image.words, earlier.image.holes)
        and places == [(module.start, module.end) for module in earlier.modules.modules]
        and earlier.reader.holds(target.read)
    )


def _unchanged(target: Target, earlier: Evidence, seen: Seen, symbols: Dict[int, Optional[Symbol]]) -> bool:
    """Whether the target answers what it did when the earlier evidence was weighed, what it holds being the same."""
    initial = kernel.initial_stack_offset(target) if seen.about.kernel else None
    return (
        symbols == earlier.symbols
        and ModuleMap(target.modules(), earlier.reader).modules == earlier.modules.modules
        and _layouts(target, earlier.sites, list(symbols), earlier.about) == earlier.layouts
        and kernel.handler_reach(initial) == earlier.traps.reach
        and kernel.oldest_frame(target, seen.region, initial) - seen.image.cut_above == earlier.oldest
        and neighbours(shadow_entries(target, seen.region), earlier.modules.is_code) == earlier.shadow
    )


def _starts(
    image: StackImage,
    sites: CallSites,
    judge: LinkJudge,
    unwinding: Optional[Unwinding],
    registers: Optional[Registers],
) -> Tuple[Dict[int, Chain], Sequence[Candidate]]:
    alive_from = registers.sp if registers is not None and registers.sp in image.region else None
    if unwinding is not None:
        finder = PairFinder(image, sites, unwinding, alive_from)
        return {}, Starts(registers, lambda: rank_pairs(image, finder.chains(), alive_from))
    chains = ChainFinder(image, sites, judge, alive_from).chains()
    return chains, rank(image, chains, alive_from, sites.bare)


def _unwinding(image: StackImage, sites: CallSites) -> Optional[Unwinding]:
    """Asks the unwind data of the stack's code, each module's once for all who look; None for x86, which has none."""
    if image.machine is X86:
        return None
    from hogwalk.walk.facts.unwinding import Unwinding  # here, for only x64 needs it

    return Unwinding(sites.reader, sites.modules, image)


def code_words(words: Sequence[int], registers: Optional[Registers], modules: ModuleMap) -> List[int]:
    """The distinct words, and the faulting EIP, that lie in a module's code, lowest first."""
    return modules.code_among({*words} if registers is None else {*words, registers.ip})


def _taken(
    target: Target, about: About, modules: ModuleMap, reader: CodeReader, symbols: Dict[int, Optional[Symbol]]
) -> Taken:
    # Of a live machine's functions none are looked through that no walk comes to: each is read over a wire.
    words = () if about.live else tuple(symbols)
    return Taken(lambda function: target.taken((function,))[0], modules, reader, symbols, words)


def _layouts(target: Target, sites: CallSites, words: Sequence[int], about: About) -> Dict[int, FrameLayout]:
    # Code that can be read tells more than its frame data; a log shows no more than calls.
    excerpt = (SiteKind.UNREAD, SiteKind.CALL) if about.kind == "text" and about.words is not X86 else ()
    unread = [word for word in words if sites.at(word).kind in (SiteKind.UNREAD, *excerpt)]
    return {word: layout for word, layout in zip(unread, target.layouts(unread)) if layout is not None}


def _refuse_other_machines(about: About) -> None:
    if not about.words.walked and about.kind == "text":
        raise BadInput(
            f"this text is of {about.machine}; of that hogwalk reads stack tables alone (k, kv, kf)",
            "paste a stack table",
        )
    if not about.words.walked:
        raise BadInput(
            f"this target is {about.machine}; hogwalk walks the stacks of x86 and x64",
            "the debugger's own `kf` shows this stack",
        )
