"""The candidate return slots of a stack: every word that could be a live return address."""

from __future__ import annotations

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from hogwalk.machine.windows import EXCEPTION_CHAIN_END, TRAP_RESUMES
from hogwalk.machine.words import X86
from hogwalk.machine.x86.calls import CallKind
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.sites import SiteKind
from hogwalk.walk.facts.traps import Traps
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.copies import framed

WORD = X86.word

CALL, UNREAD = int(Clue.CALL), int(Clue.UNREAD)
TEXT, AT_START, LATE = int(Clue.TEXT), int(Clue.AT_START), int(Clue.LATE)
CROWDED = int(Clue.CROWDED)
TRAP_FRAME, SYSTEM_CALL = int(Clue.TRAP_FRAME), int(Clue.SYSTEM_CALL)
POINTED_AT, SAVED_EBP, ALIGNED = int(Clue.POINTED_AT), int(Clue.SAVED_EBP), int(Clue.ALIGNED)


Edge = Tuple[int, int]  # a step: the older node's number and the clues


class Node(NamedTuple):
    """One candidate: the address of the slot, the return address in it, its clues.

    `target` is the function that the call before the return address enters, None when it cannot be known;
    `behind` the address that ESP has when the return address runs, so the slot's end, or more behind a trap frame;
    `below` the word right below the slot, or below a copy of it, a saved EBP in many frames; `looks` the clues that
    only count where nothing better is known; `dispatch` tells that the call goes through a driver object's table.
    """

    slot: int
    address: int
    clues: int
    target: Optional[int]
    behind: int
    below: int
    looks: int
    dispatch: bool


FUNCTION_ALIGNMENT = 16  # compilers begin functions there: such a word may well be a pointer to one
CALL_BYTES = 5  # of e8 and its displacement; shorter ones (ff d0) hardly follow one another
PRINTABLE = 0x20, 0x7E  # ASCII
LATE_SHARE = 0.75  # of a large module: sections with code come first
LARGE = 0x100000  # bytes of a module from which on much of it is data
FEWEST_RECORDS, MOST_LEVELS = 3, 0x40  # try levels are counted from 0; -1 and -2: in none
DISPATCH_TABLE = 0x38  # _DRIVER_OBJECT.MajorFunction


def nodes(evidence: Evidence, traps: Traps, copied: Mapping[int, int]) -> List[Node]:
    """The candidates of a stack, lowest slot first; `copied` are no candidates, but what `copies` found."""
    words, limit = evidence.image.words, evidence.region.limit
    symbols = evidence.symbols
    pairs = [(limit + WORD * index, word) for index, word in enumerate(words) if word in symbols]
    kinds = {word: _kind(evidence, word) for _, word in pairs}
    pairs = [pair for pair in pairs if pair[0] not in copied]
    below = {slot: words[(slot - limit) // WORD - 1] if slot > limit else 0 for slot, _ in pairs}
    below.update((original, words[(copy - limit) // WORD - 1]) for copy, original in copied.items())
    slots = {slot for slot, word in pairs if kinds[word][0]}
    pointed = _pointed_at(pairs, kinds, below, slots, copied)
    unread = any(mask & UNREAD for mask, _, _ in kinds.values())
    handlers = _handlers(evidence, kinds) | _filled(evidence) if unread else ()
    crowded = _crowded(kinds) if unread else ()
    found: List[Node] = []
    for slot, word in pairs:
        mask, target, dispatch = kinds[word]
        if slot in handlers and mask & UNREAD:
            continue
        behind = slot + WORD
        if slot in traps.by_slot:
            mask, behind = _trap_kind(mask), slot + TRAP_RESUMES
        if not mask:
            continue
        looks = POINTED_AT if slot in pointed else 0
        if framed(copied, below[slot]) in slots and below[slot] > slot:
            looks |= SAVED_EBP
        if mask & UNREAD and word % FUNCTION_ALIGNMENT == 0:
            looks |= ALIGNED
        if _text(words, (slot - limit) // WORD):
            mask |= TEXT
        if mask & UNREAD:
            mask |= _place(evidence, word) | (CROWDED if word in crowded else 0)
        found.append(Node(slot, word, mask, target, behind, below[slot], looks, dispatch))
    return found


def _kind(evidence: Evidence, word: int) -> Tuple[int, Optional[int], bool]:
    """Clue, target and whether it is a dispatch call, for one return address; clue 0 where no call can end there."""
    site = evidence.sites.at(word)
    if site.kind is SiteKind.UNREAD and not evidence.about.kernel and evidence.modules.in_headers(word):
        return 0, None, False
    if site.kind is SiteKind.CALL:
        call = site.call
        dispatch = call is not None and call.kind is CallKind.MEMORY and call.displacement == DISPATCH_TABLE
        return CALL, site.target, dispatch
    return (UNREAD if site.kind is SiteKind.UNREAD else 0), None, False


def _handlers(evidence: Evidence, kinds: Dict[int, Tuple[int, Optional[int], bool]]) -> Set[int]:
    """The slots of the exception handlers in chains of EXCEPTION_REGISTRATION_RECORDs (Next, Handler; fs:[0]'s list).

    Such a chain looks as one of saved EBPs below return addresses does, but ends with Next = -1.  Where the code of its
    last handler cannot be read, each of its records must hold a small number where compilers keep the try level.
    """
    words, limit = evidence.image.words, evidence.region.limit
    links: Dict[int, List[int]] = {}
    for index, (following, handler) in enumerate(zip(words, words[1:])):
        if handler in kinds and (
            following == EXCEPTION_CHAIN_END or (following > limit + WORD * index and following < evidence.region.base)
        ):
            links.setdefault(following, []).append(limit + WORD * index)
    found: Set[int] = set()
    for last in links.get(EXCEPTION_CHAIN_END, ()):
        chain = [last]
        for record in chain:
            chain.extend(links.get(record, ()))
        mask = kinds[words[(last + WORD - limit) // WORD]][0]
        read = not mask  # no call ends there: no return address
        if read or (
            mask & UNREAD
            and len(chain) >= FEWEST_RECORDS
            and all(_in_try(words, (one - limit) // WORD) for one in chain)
        ):
            found.update(record + WORD for record in chain)
    return found


def _filled(evidence: Evidence) -> Set[int]:
    """The slots that lie between two of the same word: an array filled with it, as no three calls push nothing else.

    But from where the stack is in use on: what calls itself first of all gets there as well.
    """
    limit, registers = evidence.region.limit, evidence.registers
    first = limit if registers is None else max(limit, registers.sp)
    used = evidence.image.words[(first - limit) // WORD :]
    alike = next((at for at, word in enumerate(used) if word != used[0]), len(used))  # from the newest on
    triples = enumerate(zip(used[alike:], used[alike + 1 :], used[alike + 2 :]), alike + 1)
    return {first + WORD * at for at, (below, word, above) in triples if word and below == word == above}


def _crowded(kinds: Dict[int, Tuple[int, Optional[int], bool]]) -> Set[int]:
    """The words that point to unread code less than a call's bytes apart: hardly two calls end there."""
    unread = sorted(word for word, (mask, _, _) in kinds.items() if mask & UNREAD)
    near = [pair for pair in zip(unread, unread[1:]) if pair[1] - pair[0] < CALL_BYTES]
    return {word for pair in near for word in pair}


def _in_try(words: Sequence[int], index: int) -> bool:
    """Whether a record is followed by a try level: at once, or behind the address of a scope table."""
    return any((level + 2) & X86.mask <= MOST_LEVELS + 2 for level in words[index + 2 : index + 4])


def _place(evidence: Evidence, address: int) -> int:
    """The clues of where an address lies in a module whose code cannot be read."""
    symbol, module = evidence.symbols[address], evidence.modules.at(address)
    mask = AT_START if symbol is not None and symbol.name and not symbol.displacement else 0
    if module is not None and module.end - module.start >= LARGE:
        late = address - module.start > LATE_SHARE * (module.end - module.start)
        mask |= LATE if late and evidence.modules.code_ranges(module) is None else 0
    return mask


def _trap_kind(mask: int) -> int:
    """A call of KiSystemService pushes the same words as int 2e; other addresses in a trap frame were interrupted."""
    return CALL | SYSTEM_CALL if mask & CALL else TRAP_FRAME


def _pointed_at(
    pairs: Sequence[Tuple[int, int]],
    kinds: Dict[int, Tuple[int, Optional[int], bool]],
    below: Mapping[int, int],
    slots: Set[int],
    copied: Mapping[int, int],
) -> Set[int]:
    """The slots that the word below some lower slot points to as a saved EBP does."""
    found: Set[int] = set()
    for slot, word in pairs:
        if kinds[word][0] and below[slot] > slot:
            found.add(framed(copied, below[slot]))
    return found & slots


def _text(words: Sequence[int], index: int) -> bool:
    """Whether a word reads as two UTF-16 letters, or as ASCII beside a word that does."""
    if _wide(words[index]):
        return True
    if not _narrow(words[index], 3):
        return False
    return any(0 <= near < len(words) and _narrow(words[near], 4) for near in (index - 1, index + 1))


def _wide(word: int) -> bool:
    return not word & 0xFF00FF00 and all(PRINTABLE[0] <= word >> shift & 0xFF <= PRINTABLE[1] for shift in (0, 16))


def _narrow(word: int, least: int) -> bool:
    """Whether a word's bytes are printable, from the lowest on at least so many, with only zeros behind."""
    if not PRINTABLE[0] <= word & 0xFF <= PRINTABLE[1]:  # most words end here
        return False
    text = word.to_bytes(WORD, "little").rstrip(b"\0")
    return len(text) >= least and all(PRINTABLE[0] <= byte <= PRINTABLE[1] for byte in text)
