"""What a called function does to its caller's stack."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Dict, List, NamedTuple, Optional, Set, Tuple

from hogwalk.machine.x86.blocks import Block, Exit
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.machine.x86.rets import MOST_BYTES, first_return
from hogwalk.machine.x86.scan import scan
from hogwalk.machine.x86.values import ESP

THUNK_HOPS = 8
MOST_STEPS, FEW_BLOCKS = 30_000, 16  # the largest stack of the lab takes 7,000
CALLEE_STEPS = 10  # blocks that take as long as a look at a callee
SHORT_LOOK = 0x100  # bytes of a callee looked at for its first `ret` then
MOST_BLOCKS = 300  # of one callee, looking for its first `ret`
HELPER_BLOCKS, HELPER_BYTES = 12, 0xC0  # _chkstk, __SEH_prolog4_GS and the like are smaller
TABLE_ENTRIES, TABLE_REACH = 512, 0x10000


class Callee(NamedTuple):
    """A called function: `popped` argument bytes its `ret N` takes (None: unknown), and whether it returns at all.

    `helper` marks small functions that set their caller's ESP or EBP: prologue helpers and stack probes.
    """

    address: int
    popped: Optional[int]
    returns: bool
    helper: bool


class Blocks:
    """Blocks by start address, each scanned once; also jump tables and thunks.

    `steps` counts the blocks that flows went through: from MOST_STEPS on each of them takes a few more at most, so
    that code made to keep an analysis busy cannot.
    """

    def __init__(self, reader: CodeReader) -> None:
        self.reader = reader
        self.steps = 0
        self._blocks: Dict[int, Block] = {}

    @property
    def spent(self) -> bool:
        """Whether more than a few blocks of a function are too many by now."""
        return self.steps > MOST_STEPS

    def at(self, start: int) -> Block:
        """The block that begins at `start`."""
        block = self._blocks.get(start)
        if block is None:
            block = self._blocks[start] = scan(self.reader, start)
        return block

    def table_targets(self, block: Block) -> Tuple[int, ...]:
        """The distinct addresses in the jump table of a TABLE block: those near the jump, up to the first other."""
        found: List[int] = []
        table = block.pointer
        while table is not None and len(found) < TABLE_ENTRIES:
            target = self.reader.word_at(table + 4 * len(found))
            if target is None or abs(target - block.start) > TABLE_REACH:
                break
            found.append(target)
        return tuple(dict.fromkeys(found))

    def through_thunks(self, target: int) -> int:
        """The function behind import thunks (`jmp [pointer]`) and incremental-link jumps at `target`."""
        for _ in range(THUNK_HOPS):
            block = self.at(target)
            if block.registers or block.end - target > 6:
                break
            if block.exit is Exit.JUMP:
                target = block.targets[0]
                continue
            word = self.reader.word_at(block.pointer) if block.exit is Exit.POINTER and block.pointer else None
            if word is None:
                break
            target = word
        return target


class Callees:
    """What is known about called functions, each looked at once."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._known: Dict[int, Callee] = {}

    def of(self, target: int) -> Callee:
        """What the function at `target` does to its caller's stack."""
        known = self._known.get(target)
        if known is None:
            entry = self._blocks.through_thunks(target)
            spent = self._blocks.spent
            found = first_return(self._blocks.reader, entry, SHORT_LOOK if spent else MOST_BYTES)
            if found is not None and found[1] > HELPER_BYTES:
                known = Callee(entry, found[0], True, False)
            else:
                known = self._examine(entry)
            self._blocks.steps += CALLEE_STEPS
            self._known[target] = known
        return known

    def called_by(self, block: Block) -> Optional[int]:
        """The function that a CALL block calls, as far as its code or a readable pointer tells."""
        if len(block.targets) > 1:
            return block.targets[1]
        return None if block.pointer is None else self._blocks.reader.word_at(block.pointer)

    def _examine(self, entry: int) -> Callee:
        """Reads blocks in address order from `entry` up to the first `ret`."""
        waiting, seen = [entry], {entry}
        odd, blind, count = False, False, 0
        most = FEW_BLOCKS if self._blocks.spent else MOST_BLOCKS
        while waiting and count < most:
            last = self._blocks.at(heappop(waiting))
            count += 1
            odd = odd or last.odd
            if last.exit is Exit.RETURN:
                own = last.esp == (ESP, 0) if last.start == entry else not odd
                small = count <= HELPER_BLOCKS and last.end - entry <= HELPER_BYTES
                return Callee(entry, last.popped, True, small and not own)
            blind = blind or last.exit in (Exit.UNREAD, Exit.UNKNOWN)
            self._wait(last, waiting, seen)
        return Callee(entry, None, blind or bool(waiting), False)

    def _wait(self, block: Block, waiting: List[int], seen: Set[int]) -> None:
        targets = block.targets[:1] if block.exit is Exit.CALL else block.targets
        if block.exit is Exit.TABLE:
            targets = self._blocks.table_targets(block)
        elif block.exit is Exit.POINTER and block.pointer is not None:
            word = self._blocks.reader.word_at(block.pointer)
            targets = () if word is None else (word,)
        for target in targets:
            if target not in seen:
                seen.add(target)
                heappush(waiting, target)
