"""Ranks the chains of a stack as candidate triples for the debugger's `kf=`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Sequence, Set, Tuple, Union

from hogwalk.machine.words import X86
from hogwalk.model import Region, Triple
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.kf.chains import Chain
from hogwalk.walk.kf.scoring import End, Finding, Tally, distance_points, findings

WORD = X86.word


@dataclass(frozen=True)
class Candidate:
    """A possible start of the walk, its score and what that was found of.

    `found` is the chain's tally, its end, and how many bytes above its expected place it starts; a start of the fault's
    own registers has the reason itself.  `frames` counts the chain's links; `bytes` what the chain spans, from its slot
    to its last one.  Both are 0 for the fault's own registers, which need no chain.
    """

    triple: Triple
    score: int
    found: Union[Finding, Tuple[Tally, End, int]]
    frames: int
    bytes: int

    @property
    def findings(self) -> Tuple[Finding, ...]:
        """The reasons that add up to the score."""
        return (self.found,) if isinstance(self.found, Finding) else findings(*self.found)

    @property
    def from_registers(self) -> bool:
        """Whether the start is that of the fault's own registers."""
        return not self.frames

    def standing(self, among: Sequence[Candidate]) -> str:
        """In words, why the walk starts there rather than anywhere else `among` the starts."""
        if self.from_registers:
            return self.findings[0].words
        return f"score {self.score} of {len(among)} candidates"


def rank(
    image: StackImage,
    chains: Dict[int, Chain],
    alive_from: Optional[int],
    bare: Callable[[int], bool] = lambda address: False,
) -> Tuple[Candidate, ...]:
    """The heads of all chains, best first; ties go to the lower address; `bare` is as for first_triple.

    A head is a slot to which no newer one leads, or only such as make the chain worse.
    """
    region = image.region
    newest = alive_from if alive_from is not None and alive_from in region else region.limit
    led_to = _led_to(chains)
    found: List[Candidate] = []
    for chain in chains.values():
        if chain.slot in led_to or (chain.successor is None and chain.frames < 2):
            continue
        word = image.word(chain.slot), image.word(chain.slot + WORD)
        if word[0] is None or word[1] is None:
            continue
        far = chain.slot - newest
        found.append(
            Candidate(
                first_triple(region, chain.slot + WORD, word[0], word[1], bare(word[1])),
                chain.points - distance_points(far),
                (chain.tally, chain.end, far),
                chain.frames,
                chain.last_slot - chain.slot,
            )
        )
    found.sort(key=lambda candidate: (-candidate.score, candidate.triple.stack_ptr))
    return tuple(found)


def first_triple(region: Region, slot: int, saved: int, address: int, bare: bool) -> Triple:
    """The start whose first row has the return slot `slot`, with the return address and the saved EBP below it.

    Of code that can neither be read nor has symbols (`bare`) the debugger takes the word at StackPtr for the first
    row's return address; else it goes by EBP, and StackPtr is the saved EBP's own slot.  BasePtr is on the stack, or 0.
    """
    return Triple(saved if saved in region else 0, slot if bare else slot - WORD, address)


def _led_to(chains: Dict[int, Chain]) -> Set[int]:
    """Slots that some newer slot's chain runs through with more points than they have themselves."""
    return {
        chain.successor
        for chain in chains.values()
        if chain.successor is not None and chain.points > chains[chain.successor].points
    }
