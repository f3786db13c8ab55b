"""What a called function does to its caller's stack."""

from __future__ import annotations

import re
from heapq import heappop, heappush
from typing import Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from hogwalk.machine.x86.blocks import Block, Exit
from hogwalk.machine.x86.opcodes import ALIGNMENT, EBP_PROLOGUES, KEEPS_EBP
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
NOP, LEAST_PADDING = b"\x90", 3
FRAME_BYTES = max(map(len, KEEPS_EBP))
LONG_NOPS = re.compile(  # nop; nop [eax]; lea reg,[reg]; mov reg,reg
    rb"(?:[\x66\x2e]*(?:\x90|\x0f\x1f(?:\x00|\x40\0|\x44\0\0|\x80\0{4}|\x84\0{5}))"
    rb"|\x8d(?:[\x76\x7f\x49\x52\x5b]\0|\x36|\x3f|[\xb6\xbf\x89\x92\x9b]\0{4}|[\x74\x7c\x64][\x24\x26\x27]\0"
    rb"|[\xb4\xbc\xa4][\x24\x26\x27]\0{4})|\x8b[\xc0\xff\xf6]|\x89[\xc0\xff\xf6])+",
    re.DOTALL,
)
NOP_HEADS = frozenset(b"\x90\x66\x2e\x0f\x8d\x8b\x89\xeb")
LOOP_SKIP = 10  # bytes that gcc lets its assembler insert at most before a loop; between functions there are up to 15
GAS_NOPS = re.compile(  # lea reg,[reg], by which gcc's assembler is known; a jump over nops, which it once laid
    rb"(?:\x8d(?:[\xb6\xbf]\0{4}|[\xb4\xbc][\x26\x27]\0{4}|[\x74\x7c][\x26\x27]\0|[\x76\x7f]\0))+|\xeb.\x90+", re.DOTALL
)
CALL_TO_NEXT = re.compile(  # a call, padding, the first instructions of a function
    rb"(?:\xe8.{4}|\xff\x15.{4}|\xff[\xd0-\xd7])(?P<nops>(?:" + LONG_NOPS.pattern + rb")?)"
    rb"(?=[\x53\x55-\x57]{0,4}[\x83\x81]\xec|" + b"|".join(map(re.escape, EBP_PROLOGUES)) + b")",
    re.DOTALL,
)


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
                    KNOWN.keep(page, block)
            self._blocks[start] = block
        return block

    def first_return(self, entry: int) -> Optional[Tuple[int, int]]:
        """As rets.first_return, each function looked at once."""
        page = self._page(entry)
        found = None if page is None else page.returns.get(entry)
        if found is None:
            found = first_return(self.reader, entry)
            if page is not None and found is not None and entry + found[1] <= page.end - MARGIN:
                page.returns[entry] = found
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

    def padded(self, behind: int) -> bool:
        """Whether padding leads from there to the next function: a linker's nops, or longer ones to what sets up EBP.

        Within a function compilers align by longer nops as well, but no loop's head sets up a frame.
        """
        count = -behind % ALIGNMENT
        if not count:
            return False
        code = self.reader.bytes_at(behind, count)
        if code is None or code[0] not in NOP_HEADS:
            return False
        if count >= LEAST_PADDING and code == NOP * count:
            return True
        if count > LOOP_SKIP and GAS_NOPS.fullmatch(code):
            return True
        ahead = self.reader.readable_from(behind + count, FRAME_BYTES)
        return ahead.startswith(KEEPS_EBP) and LONG_NOPS.fullmatch(code) is not None

    def may_end(self, behind: int) -> bool:
        """Whether a function may end there: what lies up to the next aligned address, if anything, are nops."""
        count = -behind % ALIGNMENT
        if not count:
            return True
        code = self.reader.bytes_at(behind, count)
        return code is not None and code[0] in NOP_HEADS and LONG_NOPS.fullmatch(code) is not None

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
            targets = () if self._blocks.padded(targets[0]) else targets[:1]
        if block.exit is Exit.TABLE:
            targets = self._blocks.table_targets(block, None)
        elif block.exit is Exit.POINTER and block.pointer is not None:
            word = self._blocks.code_word(block.pointer)
            targets = () if word is None else (word,)
        for target in targets:
            if target not in seen:
                seen.add(target)
                heappush(waiting, target)
