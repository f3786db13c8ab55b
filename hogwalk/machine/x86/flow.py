"""Follows ESP and EBP through a function, block by block, from its entry or from behind a call."""

from __future__ import annotations

from collections import deque
from typing import Callable, Deque, Dict, FrozenSet, List, Optional, Tuple

from hogwalk.machine.x86.arguments import likely_arguments
from hogwalk.machine.x86.bends import Bends
from hogwalk.machine.x86.blocks import Block, Exit
from hogwalk.machine.x86.callees import FEW_BLOCKS, Blocks, Callee, Callees
from hogwalk.machine.x86.state import State
from hogwalk.machine.x86.sweep import possible_calls
from hogwalk.machine.x86.values import EAX, ESP, RETURN_SLOT, Known
from hogwalk.machine.x86.waiting import Waiting

MOST_BLOCKS = 3000
MOST_POPPED = 0x100
SWEEP_STEPS = 100  # blocks that take as long as a sweep
MOST_HELPED = 50  # runs of prologue helpers: a function has one or two
SUB_ESP_EAX = (b"\x29\xc4", b"\x2b\xe0")
STILL = (ESP, 0)
MOST_TAILS = 4  # tail calls followed, once nothing else is left
FAR_JUMP = 0x4000
UNTESTED = 40  # blocks looked at before it is worth asking whether a call can be reached at all

CALL, BRANCH, RETURN = Exit.CALL, Exit.BRANCH, Exit.RETURN

Return = Tuple[Block, State]  # a block that ends with `ret`, and the state where it begins


class Flow:
    """The states of one function as far as they were asked for; work is bounded by `most_blocks`.

    `sites` holds the state right before each call, by return address; `origins` what an `and esp` (alignment) or an
    alloca (0) made of which ESP, by instruction address; `returns` the returns reached, tail calls by a pointer among
    them.  `left_behind` tells how many bytes lie between ESP and the return slot right behind a call, where that is
    certain.  `effects` holds what the prologue helpers called on the way did, by return address.  `frame` is EBP
    behind the first block and its helper.
    `solved` tells that what some function takes was concluded from the stack's being even at the `ret`.
    """

    def __init__(
        self,
        blocks: Blocks,
        callees: Callees,
        start: int,
        state: State,
        left_behind: Callable[[int], Optional[int]],
        most_blocks: int = MOST_BLOCKS,
    ) -> None:
        self._blocks = blocks
        self._callees = callees
        self._left_behind = left_behind
        self._left = self._most = most_blocks
        self._start = start
        self._states: Dict[int, State] = {start: state}
        self._sure, self._goal = Waiting(start), 1 << 32
        self._helped_left, self._tails_left = MOST_HELPED, MOST_TAILS
        self._unsure: Deque[Tuple[Block, State]] = deque()
        self._tails: Deque[Tuple[int, State, Block]] = deque()
        self._parents: Dict[int, Block] = {}
        self.sites: Dict[int, State] = {}
        self._bends = Bends(blocks.reader)
        self.effects, self.origins = self._bends.effects, self._bends.origins
        self._site_blocks: Dict[int, Block] = {}
        self.returns: List[Return] = []
        self.met: Optional[int] = None
        self.frame: Known = None
        self._last = start
        self.solved = self._late = self._swept = False
        self._forks: Dict[int, bool] = {}  # where ways with another ESP each meet; False: by a loop
        self._possible: Optional[FrozenSet[int]] = None

    def to_call(self, return_address: int) -> Optional[State]:
        """The state right before the call that returns to `return_address`, or None when no path gets there."""
        self._catch_up()
        self._goal = return_address
        while return_address not in self.sites and self._more(True):
            pass
        # Another way may come here with another stack: one branch takes its room by an alloca, one from the heap.
        while return_address in self.sites and self._sure.before(return_address) and self._more(True):
            pass
        return self.sites.get(return_address)

    def reaches(self, return_address: int) -> bool:
        """Whether any path gets to the call before `return_address`: as `to_call` would find, but quicker to say no.

        A no leaves the rest of the function to be looked at when something else is asked.
        """
        if not self._late:
            self._goal, sites = return_address, self.sites
            for _ in range(UNTESTED):
                if return_address in sites or not self._more(True):
                    return return_address in sites
        if self._cannot_reach(return_address):
            self._late = True
            return False
        return self.to_call(return_address) is not None

    def _cannot_reach(self, return_address: int) -> bool:
        if not self._swept and not self._blocks.spent:
            self._swept = True
            self._blocks.steps += SWEEP_STEPS
            self._possible = possible_calls(self._blocks.reader, self._start)
        return self._possible is not None and return_address not in self._possible

    def _catch_up(self) -> None:
        """Does the work that `reaches` left undone, in the order in which it would have done it."""
        if self._late:
            self._late = False
            while self._more(True):
                pass

    def to_return(self, guess: bool, known: Callable[[int, State], bool] = lambda at, there: False) -> Optional[Return]:
        """The first `ret` reached; without `guess` only over calls whose argument bytes are known.

        It stops, with None, at a block whose address and state are `known` to lead on; `met` then names it.
        """
        self._catch_up()
        while not self.returns and self._more(guess):
            if known(self._last, self._states[self._last]):
                self.met = self._last
                return None
        return self.returns[0] if self.returns else None

    def undisputed(self) -> bool:
        """Whether the other ways to the first `ret`, as far as a few more blocks tell, come there with the same ESP."""
        ended, before = self.returns[0]
        for _ in range(FEW_BLOCKS):
            if not self._sure.before(ended.end) or not self._more(False):
                break
        now = self._states[ended.start]
        return not (now.guesses or now.differs(before)) and not any(
            before.after(ended).differs(other.after(block)) for block, other in self.returns[1:]
        )

    def way_to(self, block: Optional[Block]) -> Tuple[Tuple[int, State], ...]:
        """The blocks, by address, on the way to one that was reached, each with the state where it begins."""
        return tuple((passed.start, self._states[passed.start]) for passed in self._path(block))

    def _more(self, guess: bool) -> bool:
        """Does one step of the work; False when there is none left."""
        if self._left <= 0:
            return False
        self._left -= 1
        blocks = self._blocks
        blocks.steps += 1
        if blocks.steps > blocks.most_steps and self._left < self._most - FEW_BLOCKS:
            return False
        if (address := self._sure.take(self._goal)) is not None:
            self._last = address
            self._block(address)
        elif guess and self._unsure:
            self._guess(*self._unsure.popleft())
        elif guess and self._tails and self._tails_left > 0:
            self._tails_left -= 1
            self._enter(*self._tails.popleft())
        else:
            return False
        return True

    def path_to(self, return_address: int) -> Tuple[Block, ...]:
        """The blocks from the entry to the call before `return_address`, by the way its state was found."""
        return self._path(self._site_blocks.get(return_address))

    def only_forked(self, return_address: int) -> bool:
        """Whether the state before that call rests on no guess but which of two ways with another ESP each was gone."""
        forks = sum(self._forks.get(block.start, False) for block in self.path_to(return_address))
        return 0 < self.sites[return_address].guesses <= forks

    def _path(self, block: Optional[Block]) -> Tuple[Block, ...]:
        path: List[Block] = []
        while block is not None and len(path) < MOST_BLOCKS:
            path.append(block)
            block = None if block.start == self._start else self._parents.get(block.start)
        return tuple(reversed(path))

    def path_around(self, instruction: int) -> Tuple[Block, ...]:
        """The blocks from the entry to the one that holds `instruction`; empty when no path gets there."""
        self._catch_up()
        while self._more(True):
            pass
        for start in self._states:
            block = self._blocks.at(start)
            if start <= instruction < block.end:
                return self._path(block)
        return ()

    def state_at(self, address: int) -> Optional[State]:
        """The state where the block at `address` begins, as far as it was reached."""
        return self._states.get(address)

    def source_of(self, address: int) -> Optional[Block]:
        """The block from which the one at `address` was reached."""
        return self._parents.get(address)

    def _enter(self, address: int, state: State, source: Block) -> None:
        known = self._states.get(address)
        if known is not None and state.guesses == 0 and address in self._forks:
            state = state.guessed()
        if known is None or state.beats(known):
            self._states[address] = state
            self._parents[address] = source
            self._sure.add(address)
        elif known.guesses < state.guesses and self._parents.get(address) is source:
            self._states[address] = state  # what it was entered with before is in doubt since
            self._sure.add(address)
        elif known.guesses == state.guesses == 0 and known.differs(state):
            self._forks[address] = source.start < address and source.start not in source.targets
            self._states[address] = known.guessed()
            self._sure.add(address)

    def _block(self, address: int) -> None:
        block, before = self._blocks.at(address), self._states[address]
        for origin in block.origins:
            self.origins.setdefault(origin.address, (origin.alignment, before.resolve(origin.before)))
        state = before.after(block)
        if address == self._start:
            self.frame = state.ebp
        leaving = block.exit
        if leaving is CALL:
            self._call(block, state)
        elif leaving is BRANCH:
            pushing = address in block.targets and block.esp is not None and block.esp != STILL
            behind = self._bends.behind_loop(block, before, state) if pushing else state
            for target in block.targets[:1] if pushing else block.targets:
                self._enter(target, behind, block)
        elif leaving is RETURN or (leaving is Exit.POINTER and state.esp == (RETURN_SLOT, 0)):
            self.returns.append((block, before))
        elif leaving is Exit.TABLE:
            for target in self._blocks.table_targets(block, self._parents.get(address)):
                self._enter(target, state, block)
        else:
            for target in block.targets:
                # A tail call: nothing of the function is on the stack any more, and it goes elsewhere.
                if leaving is Exit.JUMP and state.esp == (RETURN_SLOT, 0) and not 0 <= target - self._start < FAR_JUMP:
                    self._tails.append((target, state, block))
                else:
                    self._enter(target, state, block)

    def _call(self, block: Block, state: State) -> None:
        behind = block.targets[0]
        known = self.sites.get(behind)
        if known is None or state.beats(known) or self._site_blocks[behind] is block:
            self.sites[behind], self._site_blocks[behind] = state, block
        follows = self._blocks.behind(behind)
        if follows.padded:
            return  # a linker's padding: the function called never returns
        if behind in block.targets[1:]:  # call $+5: the return address stays on the stack
            self._enter(behind, state.called(-4), block)
            return
        callee = self._callees.at_call(block, _held(block, state))
        if callee is None or not callee.known:
            self._unsure.append((block, state))
        elif callee.helper and self._helped_left > 0:
            self._helped_left -= 1
            helped = self._bends.behind_helper(callee, block, state)
            if block.start == self._start:
                self.frame = helped.ebp
            self._enter(behind, helped, block)
        elif callee.returns:
            keep = state.registers[EAX] is not None and self._blocks.reader.bytes_at(behind, 2) in SUB_ESP_EAX
            doubt = follows.may_end and self._callees.doubtful(callee)
            self._enter(behind, state.called(callee.popped or 0, int(doubt), keep), block)

    def called_at(self, return_address: int) -> Optional[Callee]:
        """What the call before `return_address`, which was reached, calls; None where nothing tells."""
        block = self._site_blocks[return_address]
        return self._callees.at_call(block, _held(block, self.sites[return_address]))

    def _guess(self, block: Block, state: State) -> None:
        """Goes on behind a call that takes an unknown number of argument bytes."""
        behind = block.targets[0]
        if behind in self._states and self._states[behind].guesses <= state.guesses:
            return
        popped = self.even(behind, state)
        if popped is not None:
            self.solved = True
            self._enter(behind, state.called(popped), block)
        else:
            likely = likely_arguments(self._blocks.reader, block, block.start == self._start)
            self._enter(behind, state.called(likely, 1), block)

    def even(self, behind: int, state: State) -> Optional[int]:
        """Argument bytes that make the stack come out even at the next `ret`, taken by the call before `behind`."""
        esp = state.esp
        if esp is None or esp[0] != RETURN_SLOT:
            return None
        left = self._left_behind(behind)
        if left is None:
            return None
        popped = -left - esp[1]
        return popped if 0 <= popped <= MOST_POPPED and popped % 4 == 0 else None


def _held(block: Block, state: State) -> Known:
    """What the register holds that a CALL block calls through; None where it calls through none."""
    return None if block.through is None else state.registers[block.through]
