"""The addresses that a flow has yet to look at."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from typing import Deque, Dict, List, Optional


class Waiting:
    """Addresses of blocks, taken the last one before a goal first; behind the goal the one that waits longest."""

    __slots__ = ("_arrived", "_sorted", "_taken")

    def __init__(self, address: int) -> None:
        self._sorted: List[int] = [address]
        self._arrived: Deque[int] = deque(self._sorted)
        self._taken: Dict[int, int] = {}  # how often an address is gone from the sorted ones but not yet from these

    def __bool__(self) -> bool:
        return bool(self._sorted)

    def before(self, goal: int) -> bool:
        """Whether any address before the goal waits."""
        return bool(self._sorted) and self._sorted[0] < goal

    def add(self, address: int) -> None:
        """Adds an address; one that waits already waits twice."""
        insort(self._sorted, address)
        self._arrived.append(address)

    def take(self, goal: int) -> Optional[int]:
        """Removes the address to look at next, compilers laying code out in order; None without any."""
        waiting = self._sorted
        if not waiting:
            return None
        index = bisect_left(waiting, goal) - 1
        if index >= 0:
            address = waiting.pop(index)
            self._taken[address] = self._taken.get(address, 0) + 1
            return address
        address = self._arrived.popleft()
        while self._taken.get(address):
            self._taken[address] -= 1
            address = self._arrived.popleft()
        del waiting[bisect_left(waiting, address)]
        return address
