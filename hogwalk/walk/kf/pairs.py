"""Starts for the debugger's walk on x64: pairs `kf = StackPtr InstructionPtr`, ranked by the chain that each begins.

A chain steps from a return slot to the one that unwind data name; it needs no registers and no symbols.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from hogwalk.model import Registers, Triple
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.facts.sites import CallSites, SiteKind
from hogwalk.walk.kf.chains import Chain
from hogwalk.walk.kf.rank import Candidate
from hogwalk.walk.kf.scoring import End, Fact, Finding, Tally, distance_points

if TYPE_CHECKING:
    from hogwalk.walk.facts.unwinding import Unwinding

NEAR_BASE = 0x1000
FROM_REGISTERS = 100_000  # points of the fault's registers: they stand before any pair


class PairFinder:
    """Finds the chains of one stack; `alive_from` is the faulting RSP, below which every frame is dead."""

    def __init__(self, image: StackImage, sites: CallSites, unwinding: Unwinding, alive_from: Optional[int]) -> None:
        self._image = image
        self._sites = sites
        self._unwinding = unwinding
        self._alive_from = alive_from

    def chains(self) -> Dict[int, Chain]:
        """The best chain of every slot that a call can have pushed, by slot address."""
        machine, region = self._image.machine, self._image.region
        found: Dict[int, Chain] = {}
        limit, size, step = region.limit, machine.word, machine.slot_step
        first, words = (machine.slot_at - limit) % step // size, self._image.words
        low, high = self._sites.modules.span
        inside = [at for at in range(first, len(words), step // size) if low <= words[at] < high]
        for index in reversed(inside):
            word = words[index]
            if self._sites.modules.is_code(word) and self._sites.at(word).kind is SiteKind.CALL:
                slot = limit + size * index
                found[slot] = self._chain(slot, word, found)
        return found

    def _chain(self, slot: int, word: int, chains: Dict[int, Chain]) -> Chain:
        called_from = self._unwinding.slot(word, slot + self._image.machine.word)
        older = chains.get(called_from) if called_from is not None else None
        facts = [Fact.CALLED]
        if self._alive_from is not None and slot < self._alive_from:
            facts.append(Fact.STALE)
        if older is not None:
            target = self._sites.at(self._image.word(older.slot) or 0).target
            function = self._unwinding.function(word)
            if target is not None and function is not None:
                facts.append(Fact.LINKED if target == function else Fact.CONTRADICTED)
        tally = (older.tally if older is not None else Tally()).plus(*facts)
        end = older.end if older is not None else self._end(slot)
        last = older.last_slot if older is not None else slot
        count = older.frames + 1 if older is not None else 1
        successor = older.slot if older is not None else None
        return Chain(slot, successor, count, last, end, tally, tally.points() + end.points)

    def _end(self, slot: int) -> End:
        return End.BASE if self._image.region.base - slot <= NEAR_BASE else End.OPEN


class Starts(Sequence[Candidate]):
    """The starts of one stack, best first: the fault's own registers before all pairs.

    Pairs are looked for as soon as one asks for more than the first start, which most walks do not.
    """

    def __init__(self, registers: Optional[Registers], pairs: Callable[[], Tuple[Candidate, ...]]) -> None:
        self._first = () if registers is None else (from_registers(registers),)
        self._pairs = pairs

    @cached_property
    def _all(self) -> Tuple[Candidate, ...]:
        return (*self._first, *self._pairs())

    def __iter__(self) -> Iterator[Candidate]:
        yield from self._first
        yield from self._all[len(self._first) :]

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, at: Any) -> Any:
        return self._all[at]


def from_registers(registers: Registers) -> Candidate:
    """The start of the fault's own registers."""
    source = registers.source[4:] if registers.source.startswith("the ") else registers.source
    reason = Finding(FROM_REGISTERS, f"the registers of the {source}: RSP and RIP at the fault")
    return Candidate(Triple(None, registers.sp, registers.ip), FROM_REGISTERS, reason, 0, 0)


def rank_pairs(image: StackImage, chains: Dict[int, Chain], alive_from: Optional[int]) -> Tuple[Candidate, ...]:
    """The heads of all chains, best first, ties to the lower address."""
    region, word = image.region, image.machine.word
    newest = alive_from if alive_from is not None and alive_from in region else region.limit
    led_to: Set[Optional[int]] = {chain.successor for chain in chains.values()}
    found: List[Candidate] = []
    for chain in chains.values():
        address = image.word(chain.slot)
        if chain.slot in led_to or chain.frames < 2 or address is None:
            continue
        far = chain.slot - newest
        found.append(
            Candidate(
                Triple(None, chain.slot + word, address),
                chain.points - distance_points(far),
                (chain.tally, chain.end, far),
                chain.frames,
                chain.last_slot - chain.slot,
            )
        )
    found.sort(key=lambda candidate: (-candidate.score, candidate.triple.stack_ptr))
    return tuple(found)
