"""What the words of an x64 stack say of the registers that its frames keep for their callers."""

from __future__ import annotations

from functools import cached_property
from typing import Callable, Container, Dict, Iterable, Sequence

from hogwalk.machine.x64.unwind import Caller
from hogwalk.walk.facts.image import StackImage
from hogwalk.walk.facts.unwinding import Unwinding
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.nodes import Node

KEEPS_RETURN = int(Clue.KEEPS_RETURN)
RBP_SEEN, RBP_UNSEEN = int(Clue.RBP_SEEN), int(Clue.RBP_UNSEEN)


class Kept:
    """Looks at where the functions of one stack keep registers; `called` are the slots of words behind a call."""

    def __init__(self, image: StackImage, unwinding: Unwinding, called: Container[int]) -> None:
        self._image = image
        self._unwinding = unwinding
        self._called = called

    def returns(self, callers: Iterable[Caller], slot: int) -> int:
        """A clue against a frame that ends with a slot: hardly any register ever holds a return address.

        So the frame is one that has returned, and a later one's return address lies there now.
        """
        for caller in callers:
            for distance in caller.saved.values():
                if slot - distance in self._called:
                    return KEEPS_RETURN
        return 0

    def seen(self, node: Node) -> Callable[[int], int]:
        """Whether a word below a frame is what its frame register holds if it ends with a slot.

        The functions that it has called keep that register for it.
        """
        above = self._unwinding.above_frame(node.address)
        if above is None:
            return lambda slot: 0
        first, below, distance = self._first, node.slot, above
        return lambda slot: RBP_SEEN if first.get(slot - distance, below) < below else RBP_UNSEEN

    @cached_property
    def _first(self) -> Dict[int, int]:
        """Where each word that points into the stack lies lowest."""
        region, size = self._image.region, self._image.machine.word
        words: Sequence[int] = self._image.words
        found: Dict[int, int] = {}
        for index, word in enumerate(words):
            if region.limit <= word < region.base:
                found.setdefault(word, region.limit + size * index)
        return found
