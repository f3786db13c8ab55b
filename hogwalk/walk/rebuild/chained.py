"""Chains of saved EBPs through code that cannot be read, believed as every debugger believes them (user mode).

Programs are built with frames, and their minidumps hold no code: there a chain that the registers start, or one of many
links, is the walk, and what else reads as a return address inside its frames is old.  Where code can be read it decides
instead, and kernel stacks keep every candidate: their drivers omit frames.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from hogwalk.machine.windows import PAGE
from hogwalk.machine.words import X86
from hogwalk.model import Registers
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.facts.sites import SiteKind
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.nodes import Node
from hogwalk.walk.rebuild.reach import FARTHEST_START

WORD = X86.word
UNREAD = int(Clue.UNREAD)
FEWEST = 4  # links of a chain that no register starts: fewer come up among old words
FEWEST_STARTED = 2  # links of one that EBP starts and that ends with no zero: one alone may be a pointer to a local


class Chains(NamedTuple):
    """What the believed chains of a stack say.

    `onward` leads from a return slot to the one that the saved EBP below it points to (None: the chain ends there);
    `bottom` is the last one of the oldest chain, `closed` whether no frame can follow it.
    `first` is the slot that the registers' EBP points to, `at_esp` the one at ESP where a system call's stub, a leaf or
    a call of a bad address has left it; `dropped` the candidates inside the chains' frames and beyond a bottom.
    `whole`, rising: the slots of all chains that lead, in code that cannot be read, from near where the stack was saved
    from up to the thread's first frame, where no registers say which is the newest live one; `esp`: where ESP can lie
    then, from and up to.
    """

    onward: Dict[int, Optional[int]]
    bottom: Optional[int]
    closed: bool
    first: Optional[int]
    at_esp: Optional[int]
    dropped: Set[int]
    whole: Tuple[int, ...] = ()
    esp: Optional[Tuple[int, int]] = None


NO_CHAINS = Chains({}, None, False, None, None, set())


def chains(evidence: Evidence, nodes: Sequence[Node]) -> Chains:
    """The believed chains among the candidates of a stack."""
    if evidence.about.kernel or not any(node.clues & UNREAD for node in nodes):
        return NO_CHAINS
    return _Finder(evidence, nodes).find()


class _Finder:
    """Finds the chains of one stack; slots are return slots throughout, so that a saved EBP leads to itself + 4."""

    def __init__(self, evidence: Evidence, nodes: Sequence[Node]) -> None:
        self._evidence = evidence
        self._nodes = {node.slot: node for node in nodes}
        self._older: Dict[int, Optional[int]] = {}
        self._links: Dict[int, int] = {}
        self._last: Dict[int, int] = {}
        self._heights: Dict[int, int] = {}  # links of the longest chain that ends at a slot
        for node in reversed(nodes):
            older = node.below + WORD if node.below + WORD > node.slot and node.below + WORD in self._nodes else None
            self._older[node.slot] = older
            self._links[node.slot] = 1 if older is None else 1 + self._links[older]
            last = self._last[node.slot] = node.slot if older is None else self._last[older]
            self._heights[last] = max(self._heights.get(last, 0), self._links[node.slot])

    def find(self) -> Chains:
        """The registers' chain, or the whole one without them, then the longest others above it."""
        registers = self._evidence.registers
        first = self._started(registers)
        lead = self._whole() if registers is None else first
        found: List[Tuple[int, int]] = []
        if lead is not None:
            found.append((lead, self._last[lead]))
        # Above a zero only a longer chain is believed: main's EBP is zero in some programs.
        least = FEWEST if lead is None or not self._at_zero(lead) else max(FEWEST, self._links[lead] + 1)
        found.extend(self._longest(self._evidence.region.limit if lead is None else self._last[lead] + WORD, least))
        if not found:
            return NO_CHAINS
        onward: Dict[int, Optional[int]] = {}
        for start, last in found:
            onward.update(self._tree(start, last, start == first))
        at_esp = self._at_esp(registers, first)
        if at_esp is not None and registers is not None and first is not None:
            above = at_esp + WORD
            stub = self._in_module(registers.ip) and above < first and self._no_text(above)
            onward.update({at_esp: above, above: first} if stub else {at_esp: first})
        last = max(found)[1]
        dropped, closed = self._dropped(found, onward, lead), self._no_frame(last)
        whole = () if first is not None or lead is None else self._members(self._last[lead])
        return Chains(onward, last, closed, first, at_esp, dropped, whole, self._esp() if whole else None)

    def _members(self, last: int) -> Tuple[int, ...]:
        """The slots from which chains lead to the last one; none where the code of one can be read."""
        found = tuple(slot for slot in sorted(self._nodes) if self._last[slot] == last)
        return found if all(self._nodes[slot].clues & UNREAD for slot in found) else ()

    def _esp(self) -> Tuple[int, int]:
        """Where ESP can lie: stacks are saved from it on, or from its page."""
        low = self._evidence.image.start
        return low, low + (WORD if low % PAGE else PAGE)

    def _whole(self) -> Optional[int]:
        """The newest slot of the chains that end closest to Base as threads do and start near where ESP can lie.

        Chains of calls that have returned break where a newer call's frames lie now.
        """
        end = self._esp()[1] + FARTHEST_START
        near = [slot for slot in self._nodes if slot < end and self._at_zero(slot)]
        near = [slot for slot in near if self._heights[self._last[slot]] >= FEWEST]
        if not near:
            return None
        last = max(self._last[slot] for slot in near)
        return min(slot for slot in near if self._last[slot] == last)

    def _started(self, registers: Optional[Registers]) -> Optional[int]:
        """The slot at which EBP starts a chain, None where it starts none."""
        if registers is None or registers.bp < registers.sp or registers.bp % WORD:
            return None
        layout = self._evidence.layouts.get(registers.ip)
        if layout is not None and layout.frame_ebp is None and not layout.ebp_kept:
            return None
        slot = registers.bp + WORD
        if slot not in self._nodes:
            return None
        return slot if self._links[slot] >= FEWEST_STARTED or self._at_zero(slot) else None

    def _at_zero(self, slot: int) -> bool:
        return self._no_frame(self._last[slot])

    def _no_frame(self, last: int) -> bool:
        """Whether the saved EBP below a slot is zero, or points to the pair without return address at a stack's end."""
        below, image = self._nodes[last].below, self._evidence.image
        return below == 0 or (below > last and image.word(below + WORD) == 0)

    def _ends(self, last: int) -> bool:
        """Whether nothing is looked for above a chain: it ends as threads do, or a long one leaves the stack."""
        node = self._nodes[last]
        leaves = self._heights[last] >= FEWEST and not last <= node.below < self._evidence.region.base
        return bool(node.clues & UNREAD) and (leaves or self._no_frame(last))

    def _longest(self, low: int, least: int) -> List[Tuple[int, int]]:
        """The first and last slots of chains of `least` links from `low` on that do not overlap, the longest first."""
        heads = [slot for slot in self._nodes if slot >= low and self._links[slot] >= least]
        heads.sort(key=lambda slot: (-self._links[slot], slot))
        found: List[Tuple[int, int]] = []
        for slot in heads:
            last = self._last[slot]
            if all(last < other or slot > end for other, end in found):
                found.append((slot, last))
        return found

    def _tree(self, start: int, last: int, known: bool) -> Dict[int, Optional[int]]:
        """The chain's own links; where no register starts it, those of all that lead into it too."""
        if not known:
            own = [slot for slot in self._nodes if start <= slot <= last and self._last[slot] == last]
            return {slot: self._older[slot] for slot in own}
        links: Dict[int, Optional[int]] = {}
        at: Optional[int] = start
        while at is not None:
            links[at] = self._older[at]
            at = links[at]
        return links

    def _at_esp(self, registers: Optional[Registers], first: Optional[int]) -> Optional[int]:
        """The slot at ESP where what runs has no frame: the system call's own `ret`, a leaf, or no code at all.

        Both return into the same module: a leaf to its caller, KiFastSystemCallRet into the stub that called it, and
        that to the stub's caller.
        """
        if registers is None or first is None or registers.sp not in self._nodes or registers.sp >= first:
            return None
        if not self._in_module(registers.ip):
            return registers.sp
        modules = self._evidence.modules
        same = modules.at(self._nodes[registers.sp].address) is modules.at(registers.ip)
        return registers.sp if same and self._no_text(registers.sp) else None

    def _no_text(self, slot: int) -> bool:
        """Whether a candidate lies there, and is none that reads as text."""
        return slot in self._nodes and not self._nodes[slot].clues & Clue.TEXT

    def _in_module(self, address: int) -> bool:
        return self._evidence.modules.at(address) is not None

    def _dropped(self, found: List[Tuple[int, int]], onward: Dict[int, Optional[int]], lead: Optional[int]) -> Set[int]:
        """Candidates inside frames of functions that cannot be read, and above a bottom that a zero EBP marks."""
        last = max(found)[1]
        bottom = last if self._ends(last) else self._evidence.region.base
        spans = sorted(span for start, _ in found for span in self._frames(start))
        starts = [start for start, _ in spans]
        dropped: Set[int] = set()
        for slot in self._nodes:
            index = bisect_left(starts, slot) - 1
            inside = index >= 0 and slot < spans[index][1]
            if slot not in onward and (inside or slot > bottom or (lead is not None and slot < lead)):
                dropped.add(slot)
        return dropped if lead is None or self._blind_start() else {slot for slot in dropped if slot > lead}

    def _frames(self, start: int) -> Iterator[Tuple[int, int]]:
        """The return slots at both ends of each frame of a chain whose function cannot be read."""
        newer, older = start, self._older[start]
        while older is not None:
            if self._nodes[newer].clues & UNREAD:
                yield newer, older
            newer, older = older, self._older[older]

    def _blind_start(self) -> bool:
        """Whether nothing but EBP says where the running function has its return slot."""
        registers = self._evidence.registers
        kinds = SiteKind.UNREAD, SiteKind.OUTSIDE
        if registers is None:
            return True
        if registers.ip in self._evidence.layouts:
            return False
        return self._evidence.sites.at(registers.ip).kind in kinds
