"""What a called function does to its caller's stack."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from hogwalk.machine.x86.blocks import Block, Exit
from hogwalk.machine.x86.opcodes import ALIGNMENT
from hogwalk.machine.x86.padding import CALL_TO_NEXT, LOOKED_AT, Behind, look_behind
from hogwalk.machine.x86.pages import KNOWN, Page
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.machine.x86.rets import first_return
from hogwalk.machine.x86.scan import MARGIN, scan
from hogwalk.machine.x86.tables import table_entries
from hogwalk.machine.x86.values import CELL, EBP, ESP, Known

THUNK_HOPS = 8
LONGEST_THUNK = 7  # bytes: bnd jmp [pointer]
MOST_STEPS, FEW_BLOCKS = 6_000, 16  # of one question; the largest of the lab takes 700
CALLEE_STEPS = 10  # blocks that take as long as a look at a callee
MOST_BLOCKS = 300  # of one callee, looking for its first `ret`
HELPER_BLOCKS, HELPER_BYTES = 12, 0xC0  # _chkstk, __SEH_prolog4_GS and the like are smaller
TABLE_REACH = 0x10000


class Callee(NamedTuple):
    """A called function: `popped` argument bytes its `ret N` takes (None: unknown), and whether it returns at all.

    `helper` marks small functions that set their caller's ESP or EBP: prologue helpers and stack probes; with `told`
    its own code says neither what it takes nor whether it returns.
    """

    address: int
    popped: Optional[int]
    returns: bool
    helper: bool
    told: bool = False

    @property
    def known(self) -> bool:
        """Whether it is known what it leaves on its caller's stack, or that it never comes back there."""
        return self.popped is not None or not self.returns


Told = Callable[[int], Optional[int]]


def untold(function: int) -> Optional[int]:
    """For code of which nothing else is known."""
    del function
    return None


class Blocks:
    """Blocks by start address, each scanned once; also what pointers, thunks and jump tables lead to.

    `is_code` says whether an address lies in an executable section: words that lead elsewhere lead nowhere.
    `told` says what a function takes, or that in an import cell, where its own code does not: by its name, by others.
    `steps` counts the blocks that flows went through for one question: from `most_steps` on each flow takes a few
    more at most, so that code made to keep an analysis busy cannot.  `begin` starts the next question.
    """

    def __init__(
        self,
        reader: CodeReader,
        is_code: Callable[[int], bool] = lambda _: True,
        most_steps: int = MOST_STEPS,
        told: Told = untold,
    ) -> None:
        self.reader = reader
        self.is_code = is_code
        self.told = told
        self.steps = 0
        self.most_steps = most_steps
        self._blocks: Dict[int, Block] = {}
        self._pages: Dict[int, Optional[Page]] = {}

    def begin(self) -> None:
        """Gives the next question its own budget, whatever was asked before."""
        self.steps = 0

    @property
    def spent(self) -> bool:
        """Whether more than a few blocks of a function are too many by now."""
        return self.steps > self.most_steps

    def at(self, start: int) -> Block:
        """The block that begins at `start`."""
        block = self._blocks.get(start)
        if block is None:
            page = self._page(start)
            block = None if page is None else page.blocks.get(start)
            if block is None:
                block = scan(self.reader, start)
                if page is not None and block.end <= page.end - MARGIN:
                    KNOWN.keep(page.blocks, start, block)
            self._blocks[start] = block
        return block

    def first_return(self, entry: int) -> Optional[Tuple[int, int]]:
        """As rets.first_return, each function looked at once."""
        page = self._page(entry)
        found = None if page is None else page.returns.get(entry)
        if found is None:
            found = first_return(self.reader, entry)
            if page is not None and found is not None and entry + found[1] <= page.end - MARGIN:
                KNOWN.keep(page.returns, entry, found)
        return found

    def _page(self, address: int) -> Optional[Page]:
        """What is known of the page that holds an address; None where it cannot be read whole."""
        start = address - address % self.reader.page_bytes
        page = self._pages.get(start)
        if page is None:
            code = self.reader.page(start)
            page = None if code is None else KNOWN.page(start, code)
            self._pages[start] = page
        return page

    def code_word(self, pointer: int) -> Optional[int]:
        """The word at `pointer` where it leads into code."""
        word = self.reader.word_at(pointer)
        return word if word is not None and self.is_code(word) else None

    def behind(self, call: int) -> Behind:
        """What lies behind a call that ends at an address."""
        page = self._page(call)
        found = None if page is None else page.behind.get(call)
        if found is None:
            found = look_behind(self.reader, call)
            if page is not None and call <= page.end - LOOKED_AT:
                KNOWN.keep(page.behind, call, found)
        return found

    def table_targets(self, block: Block, source: Optional[Block]) -> Tuple[int, ...]:
        """The distinct addresses in the jump table of a TABLE block, which was reached from `source`.

        It ends where the code before the jump bounds it, else at the first word that is no address nearby.
        """
        table = block.pointer
        if table is None:
            return ()
        found: List[int] = []
        for number in range(table_entries(self.reader, block, source)):
            target = self.code_word(table + 4 * number)
            if target is None:
                if number == 0:
                    continue  # an index that begins with 1
                break
            if abs(target - block.start) > TABLE_REACH:
                break
            found.append(target)
        return tuple(dict.fromkeys(found))

    def through_thunks(self, target: int) -> int:
        """The function that import thunks (`jmp [pointer]`), jumps of incremental links and hot patches lead to."""
        for _ in range(THUNK_HOPS):
            block = self.at(target)
            if block.registers or block.end - target > LONGEST_THUNK:
                break
            further: Optional[int] = None
            if block.exit is Exit.JUMP:
                further = block.targets[0] if self.is_code(block.targets[0]) else None
            elif block.exit is Exit.POINTER and block.pointer is not None:
                further = self.code_word(block.pointer)
            if further is None:
                break
            target = further
        return target


class Callees:
    """What is known about called functions, each looked at once."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._known: Dict[int, Callee] = {}
        self._cells: Dict[int, Optional[int]] = {}

    def of(self, target: int) -> Callee:
        """What the function at `target` does to its caller's stack."""
        known = self._known.get(target)
        if known is None:
            entry = self._blocks.through_thunks(target)
            found = self._blocks.first_return(entry)
            if found is not None and found[1] > HELPER_BYTES:
                known = Callee(entry, found[0], True, False)
            else:
                known = self._examine(entry)
            if not known.known:
                taken = self._blocks.told(entry)
                known = known._replace(popped=taken, told=taken is not None)
            self._blocks.steps += CALLEE_STEPS
            self._known[target] = known
        return known

    def doubtful(self, callee: Callee) -> bool:
        """Whether a function may end with a call that never returns, and its first `ret` be the next one's."""
        found = self._blocks.first_return(callee.address)
        code = self._blocks.reader.readable_from(callee.address, 0 if found is None else found[1])
        ends = (callee.address + match.end() for match in CALL_TO_NEXT.finditer(code))
        return any(end % ALIGNMENT == 0 for end in ends)

    def at_call(self, block: Block, held: Known = None) -> Optional[Callee]:
        """What is known of the function that a CALL block calls; None where nothing tells which one it is.

        `held` is what the register holds that it calls through, if any: the word of an import cell.
        """
        cell = held[1] if held is not None and held[0] == CELL else block.pointer
        return self.led_to(block.targets[1] if len(block.targets) > 1 else None, cell)

    def led_to(self, target: Optional[int], cell: Optional[int]) -> Optional[Callee]:
        """What is known of the function at `target`, or else of that in a cell: by the cell, if no code tells."""
        if cell is None:
            return None if target is None else self.of(target)
        word = self._blocks.code_word(cell)
        callee = Callee(cell, None, True, False) if word is None else self.of(word)
        if callee.known:
            return callee
        if cell not in self._cells:
            self._cells[cell] = self._blocks.told(cell)
        taken = self._cells[cell]
        return callee if taken is None else callee._replace(popped=taken, told=True)

    def _examine(self, entry: int) -> Callee:
        """Reads blocks in address order from `entry` up to the first `ret`."""
        waiting, seen = [entry], {entry}
        odd, framed, blind, count, size = False, False, False, 0, 0
        while waiting and count < MOST_BLOCKS:
            last = self._blocks.at(heappop(waiting))
            count += 1
            size += last.end - last.start
            # A function that returns with an EBP it never set gives up its caller's frame, as epilogue helpers do.
            odd = odd or last.odd or (not framed and last.esp is not None and last.esp[0] == EBP)
            framed = framed or EBP in last.registers
            if last.exit is Exit.RETURN:
                own = last.esp == (ESP, 0) if last.start == entry else not odd
                small = count <= HELPER_BLOCKS and size <= HELPER_BYTES
                return Callee(entry, last.popped, True, small and not own)
            blind = blind or last.exit in (Exit.UNREAD, Exit.UNKNOWN, Exit.POINTER)
            self._wait(last, waiting, seen)
        return Callee(entry, None, blind or bool(waiting), False)

    def _wait(self, block: Block, waiting: List[int], seen: Set[int]) -> None:
        targets = block.targets
        if block.exit is Exit.CALL:
            targets = () if self._blocks.behind(targets[0]).padded else targets[:1]
        if block.exit is Exit.TABLE:
            targets = self._blocks.table_targets(block, None)
        elif block.exit is Exit.POINTER and block.pointer is not None:
            word = self._blocks.code_word(block.pointer)
            targets = () if word is None else (word,)
        for target in targets:
            if target not in seen:
                seen.add(target)
                heappush(waiting, target)
