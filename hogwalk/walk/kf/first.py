"""The first look at a live machine's stack: what its words and the list of modules say before any code is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

from hogwalk.errors import Unreadable
from hogwalk.machine.words import X86
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.model import Frame, Module, Registers, Source, Symbol, Trust
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.facts.links import LinkJudge
from hogwalk.walk.facts.modules import ModuleMap
from hogwalk.walk.facts.sites import CallSites
from hogwalk.walk.kf.chains import Chain, ChainFinder
from hogwalk.walk.kf.rank import rank

WORD = X86.word


@dataclass(frozen=True)
class FirstLook:
    """`frames` are the best chain of saved EBPs (x86), newest first, by module alone; `pointing` counts, for each
    module, the stack's words that point into it: return addresses, dead ones too, and data; `addresses` are
    the distinct ones among these, lowest first: each of them costs a look at its code."""

    frames: Tuple[Frame, ...]
    pointing: Dict[str, int]
    addresses: Tuple[int, ...]


def first_look(image: StackImage, registers: Optional[Registers], modules: Sequence[Module]) -> FirstLook:
    """The first look at a stack."""
    reader = CodeReader(_nothing, words=image.machine)
    known = ModuleMap(modules, reader)
    pointing: Dict[str, int] = {}
    addresses = set()
    for word in image.words:
        module = known.at(word)
        if module is not None:
            pointing[module.name] = pointing.get(module.name, 0) + 1
            addresses.add(word)
    frames = _chain(image, registers, known, reader) if image.machine is X86 else ()
    return FirstLook(frames, pointing, tuple(sorted(addresses)))


def _nothing(address: int, count: int) -> bytes:
    raise Unreadable(address, count)


def _chain(
    image: StackImage, registers: Optional[Registers], known: ModuleMap, reader: CodeReader
) -> Tuple[Frame, ...]:
    sites = CallSites(known, reader)
    alive_from = registers.sp if registers is not None and registers.sp in image.region else None
    chains = ChainFinder(image, sites, LinkJudge(sites, {}, ()), alive_from).chains()
    best = next(iter(rank(image, chains, alive_from)), None)
    slot = best.triple.stack_ptr if best is not None else None
    return _frames(image, chains, known, slot) if slot is not None else ()


def _frames(image: StackImage, chains: Dict[int, Chain], known: ModuleMap, head: int) -> Tuple[Frame, ...]:
    frames: List[Frame] = []
    chain: Optional[Chain] = chains[head]
    while chain is not None and chain.successor is not None:
        running, newer, chain = image.word(chain.slot + WORD) or 0, chain.slot, chains.get(chain.successor)
        if chain is None:
            break
        module = known.at(running)
        symbol = Symbol(module.name, "", running - module.start) if module is not None else None
        returns = image.word(chain.slot + WORD) or 0
        size = chain.slot - newer
        frames.append(
            Frame(chain.slot, chain.slot + WORD, returns, running, size, symbol, Source.HOGWALK, Trust.UNREAD)
        )
    return tuple(frames)
