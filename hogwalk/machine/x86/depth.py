"""How deep a function's stack is at a call: where its own return address lies above the called function's.

The two return slots are `depth + 4` bytes apart: own return slot = newer return slot + 4 + depth.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Tuple

from hogwalk.machine.x86.blocks import Block
from hogwalk.machine.x86.callees import Blocks, Callee, Callees
from hogwalk.machine.x86.calls import LONGEST, calls_before
from hogwalk.machine.x86.flow import Flow
from hogwalk.machine.x86.opcodes import EBP_PROLOGUES
from hogwalk.machine.x86.reader import CodeReader
from hogwalk.machine.x86.scan import scan
from hogwalk.machine.x86.state import State, entered
from hogwalk.machine.x86.values import CALL_EBP, CALL_ESP, CALLER, FIRST_ORIGIN, RETURN_SLOT, Known

MOST_DEPTHS = 64
MOST_BEHIND = 400  # blocks looked at between a call and the `ret`
MOST_GUESSED = 0x40  # argument bytes tried for a call whose function is not known


class Depths(NamedTuple):
    """What is known about the stack of a function at one of its calls.

    `depths` are bytes from ESP right before the call up to the function's own return slot, the most plausible first;
    empty when nothing is known.  `exact` tells that the code allows no others.  When `dynamic`, an alloca makes them
    unknown and the depth is at least `minimum`.  With `alignment` over 1, the newer return slot plus 4 plus
    `aligned_above` is a multiple of it.  `saved_ebp` counts bytes from the slot where the caller's EBP was saved up
    to the return slot, None when it is not on the stack; `frame_ebp` counts bytes from the address in EBP up to the
    return slot, None when EBP is no frame pointer; `ebp_kept` tells that EBP is still the caller's.  Without `certain`
    all this rests on a function's start that was found by its looks alone.
    """

    depths: Tuple[int, ...] = ()
    exact: bool = False
    dynamic: bool = False
    minimum: int = 0
    alignment: int = 1
    aligned_above: int = 0
    saved_ebp: Optional[int] = None
    frame_ebp: Optional[int] = None
    ebp_kept: bool = False
    certain: bool = True

    def return_slots(self, newer_slot: int) -> Tuple[int, ...]:
        """Where the function's own return address can lie when the called function's lies at `newer_slot`."""
        if (newer_slot + 4 + self.aligned_above) % self.alignment:
            return ()
        return tuple(newer_slot + 4 + depth for depth in self.depths)


class ToReturn(NamedTuple):
    """What the way from behind a call to the function's `ret` tells, all in bytes up to the return slot.

    `height` counts from ESP behind the call, `frame_ebp` from EBP, `saved_ebp` from the slot EBP is restored from.
    """

    height: Optional[int] = None
    frame_ebp: Optional[int] = None
    saved_ebp: Optional[int] = None
    exact: bool = False


class StackDepths:
    """Stack depths at call sites; every function, block and callee is looked at once."""

    def __init__(self, reader: CodeReader, blocks: Optional[Blocks] = None) -> None:
        """`blocks` are those of `reader` where the caller knows what is code."""
        self.blocks = Blocks(reader) if blocks is None else blocks
        self.callees = Callees(self.blocks)
        self._flows: Dict[int, Flow] = {}
        self._behind: Dict[Tuple[int, bool], ToReturn] = {}
        self._exits: Dict[int, ToReturn] = {}

    def popped(self, function: int) -> Optional[int]:
        """Argument bytes that the function takes off its caller's stack, None when neither `ret` nor name tells."""
        self.blocks.begin()
        return self.callees.of(function).popped

    def ends(self, function: int) -> bool:
        """Whether the function's code leads to a `ret`."""
        self.blocks.begin()
        callee = self.callees.of(function)
        return callee.popped is not None and not callee.told

    def at(
        self, function: Optional[int], return_address: int, popped: Optional[int] = None, certain: bool = True
    ) -> Depths:
        """The depths at the call before `return_address` in the function that begins at `function`.

        `function` may be None; `popped` is what the called function takes off the stack, where the caller knows it;
        without `certain` the function's start was found by its looks alone.
        """
        self.blocks.begin()
        certain = certain and (function is None or self._only_called(function))
        flow = None if function is None else self.flow(function)
        state = None if flow is None else flow.to_call(return_address)
        if flow is not None and state is not None:
            found = self._from_entry(flow, state)
            if state.guesses == 0 and state.esp is not None:
                return found if certain else self._doubted(found, return_address, popped)
            called = flow.called_at(return_address) if popped is None else None
            popped = popped if called is None else called.popped
            agreed = self._reconciled(flow, found, return_address, popped)
            return agreed if certain else agreed._replace(exact=False, certain=False)
        return self._from_return(return_address, popped)

    def _only_called(self, function: int) -> bool:
        """Whether no jump enters it with another's frame still on the stack, as MSVC's to what never returns."""
        return self.callees.of(function).returns or self.blocks.reader.bytes_at(function, 3) == EBP_PROLOGUES[1]

    def inside(self, function: int, instruction: int) -> Depths:
        """The depths at any instruction of the function that begins at `function`, counted from ESP before it."""
        self.blocks.begin()
        flow = self.flow(function)
        path = flow.path_around(instruction)
        state = flow.state_at(path[-1].start) if path else None
        if state is None:
            return Depths()
        return self._from_entry(flow, state.after(scan(self.blocks.reader, path[-1].start, instruction)))

    def flow(self, function: int) -> Flow:
        """The states of the function that begins at `function`."""
        flow = self._flows.get(function)
        if flow is None:
            state = entered((RETURN_SLOT, 0), (CALLER, 0))
            flow = Flow(self.blocks, self.callees, function, state, self._certain_height)
            self._flows[function] = flow
        return flow

    def _certain_height(self, return_address: int) -> Optional[int]:
        return self.behind(return_address, False).height

    def behind(self, return_address: int, guess: bool = True) -> ToReturn:
        """What the code from `return_address` to the `ret` tells; with `guess` also over calls of unknown functions."""
        key = (return_address, guess)
        if key not in self._behind:
            self._behind[key] = self._way_out(return_address, guess)
        return self._behind[key]

    def _way_out(self, return_address: int, guess: bool) -> ToReturn:
        if self.blocks.behind(return_address).padded:
            return ToReturn()  # of a call that never returns
        # Calls of one function share most of their way to its `ret`: what is known of a block is not walked again.
        state = entered((CALL_ESP, 0), (CALL_EBP, 0))
        flow = Flow(self.blocks, self.callees, return_address, state, _never, MOST_BEHIND)
        found = flow.to_return(guess, lambda at, there: at in self._exits and _only_esp_moved(there))
        if flow.met is not None:
            met = flow.state_at(flow.met)
            behind = _shifted(self._exits[flow.met], 0 if met is None or met.esp is None else met.esp[1])
            last: Optional[Block] = self.blocks.at(flow.met)
        elif found is not None:
            behind = _left(found[1], found[0])
            if behind.exact and not flow.undisputed():
                behind = behind._replace(exact=False)
            last = found[0]
        else:
            return ToReturn()
        if behind.exact:
            for at, there in flow.way_to(last):
                if _only_esp_moved(there) and there.esp is not None:
                    self._exits.setdefault(at, _shifted(behind, -there.esp[1]))
        return behind

    def _from_entry(self, flow: Flow, state: State) -> Depths:
        found = _expand(flow, state.esp)
        # EBP is a frame pointer where it points to the saved EBP or was set by the function's first code; else it may
        # as well count through an array.  The caller's EBP, once it is saved, may be gone from EBP by another way.
        ebp, saved = state.ebp, state.saved
        framed = ebp is not None and ebp in (saved, flow.frame)
        return found._replace(
            exact=state.guesses == 0 and bool(found.depths),
            saved_ebp=_below(saved),
            frame_ebp=_below(ebp) if framed else None,
            ebp_kept=ebp == (CALLER, 0) and saved is None,
        )

    def _doubted(self, found: Depths, return_address: int, popped: Optional[int]) -> Depths:
        """Depths from a start found by its looks: exact only where the way to the `ret` says the same."""
        other = self._from_return(return_address, popped)
        if other.exact and other.depths == found.depths:
            return found
        return found._replace(exact=False, certain=False)

    def _from_return(self, return_address: int, popped: Optional[int]) -> Depths:
        """The depths that the way to the `ret` tells, where the function's entry does not help."""
        behind = self.behind(return_address, False)
        if behind.height is None:
            behind = self.behind(return_address, True)
        callee = self._called_before(return_address)
        if popped is None and callee is not None:
            popped = callee.popped
        helper = callee is not None and callee.helper  # it changes more of the stack than its arguments
        depths: Tuple[int, ...] = ()
        if behind.height is not None:
            taken = range(0, MOST_GUESSED + 1, 4) if popped is None else (popped,)
            depths = tuple(behind.height + count for count in taken if behind.height + count >= 0)
        return Depths(
            depths,
            behind.exact and len(depths) == 1 and not helper,
            minimum=min(depths, default=0),
            saved_ebp=behind.saved_ebp,
            frame_ebp=None if helper else behind.frame_ebp,
        )

    def popped_before(self, return_address: int) -> Optional[int]:
        """What the function called right before `return_address` takes off the stack, where the call names it."""
        callee = self._called_before(return_address)
        return None if callee is None else callee.popped

    def _called_before(self, return_address: int) -> Optional[Callee]:
        for call in calls_before(self.blocks.reader.readable_before(return_address, LONGEST), return_address):
            if call.target == return_address:
                return Callee(return_address, -4, True, False)  # call $+5: the return address stays on the stack
            callee = self.callees.led_to(call.target, call.pointer)
            if callee is not None:
                return callee
        return None

    def _reconciled(self, flow: Flow, found: Depths, return_address: int, popped: Optional[int]) -> Depths:
        """Depths from the entry that rest on guesses, put right by those from the way to the `ret`.

        Where nothing was guessed but which of two ways was gone, and the way gone first leaves another
        depth than the way out, the function called is not one that this caller was made for: neither is exact.
        """
        other = self._from_return(return_address, popped)
        if other.exact and found.depths not in ((), other.depths) and flow.only_forked(return_address):
            other = other._replace(exact=False)
        if other.exact:
            order = other.depths
        elif other.depths and not set(found.depths) & set(other.depths):
            order = (*other.depths, *found.depths)
        else:
            order = tuple(dict.fromkeys((*found.depths, *other.depths)))
        saved = other.saved_ebp if found.saved_ebp is None else found.saved_ebp
        kept = found.ebp_kept and saved is None
        low = min(order, default=0)
        return found._replace(depths=order, exact=other.exact, saved_ebp=saved, ebp_kept=kept, minimum=low)


def _only_esp_moved(state: State) -> bool:
    """Whether a state behind a call differs from the one right behind it by a known change of ESP only."""
    esp = state.esp
    if state.guesses or state.saved is not None or esp is None:
        return False
    return esp[0] == CALL_ESP and state.ebp == (CALL_EBP, 0)


def _shifted(behind: ToReturn, moved: int) -> ToReturn:
    """The same way out seen from where ESP was `moved` bytes lower."""
    return behind if behind.height is None or not moved else behind._replace(height=behind.height + moved)


def _never(_: int) -> Optional[int]:
    return None


def _below(value: Known) -> Optional[int]:
    """Bytes from a stack address up to the return slot."""
    return -value[1] if value is not None and value[0] == RETURN_SLOT else None


def _left(before: State, block: Block) -> ToReturn:
    """What the last block before the `ret` tells: where ESP is then, there is the return slot."""
    after, loads = before.after(block), block.loads
    if block.pushed:
        return ToReturn()  # the slot is another one: this one was popped
    if after.esp is None or after.esp[0] not in (CALL_ESP, CALL_EBP):
        return ToReturn()
    base, offset = after.esp
    slot = before.resolve(loads)
    saved = offset - slot[1] if slot is not None and slot[0] == base else None
    exact = after.guesses == 0
    if base == CALL_ESP:
        return ToReturn(height=offset, saved_ebp=saved, exact=exact)
    return ToReturn(frame_ebp=offset, saved_ebp=saved, exact=exact)


def _expand(flow: Flow, esp: Known) -> Depths:
    """The depths that a value of ESP stands for; through `and esp` there are several, through an alloca none."""
    above, alignment = 0, 1
    spans: List[Tuple[int, int]] = []
    while esp is not None and esp[0] >= FIRST_ORIGIN:
        step, before = flow.origins[esp[0]]
        if not spans:
            above, alignment = -esp[1], max(1, step)
        spans.append((step, -esp[1]))
        esp = before
    if esp is None or esp[0] != RETURN_SLOT:
        return Depths()
    depths = [-esp[1]]
    for step, below in reversed(spans):
        slack = range(0, min(step, MOST_DEPTHS * 4), 4) if step else (0,)
        depths = [depth + extra + below for depth in depths for extra in slack][:MOST_DEPTHS]
    if any(step == 0 for step, _ in spans):
        return Depths(dynamic=True, minimum=depths[0], alignment=alignment, aligned_above=above)
    return Depths(tuple(depths), minimum=depths[0], alignment=alignment, aligned_above=above)
