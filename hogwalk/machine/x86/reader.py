"""Code bytes from a target, each page asked for once."""

from __future__ import annotations

from typing import Callable, Dict, Optional

from hogwalk.errors import Unreadable
from hogwalk.machine.words import X86, Words


class CodeReader:
    """Bytes of the target's code and constant data through a cache of pages.

    `read(address, count)` is `Target.read`: exactly `count` bytes or `Unreadable`.  Every page is asked for at most
    once, readable or not.  `pages_read` and `pages_unreadable` count the pages asked for so far.
    """

    def __init__(self, read: Callable[[int, int], bytes], page_bytes: int = 0x1000, words: Words = X86) -> None:
        self.words = words
        self._read = read
        self._page_bytes = page_bytes
        self._pages: Dict[int, Optional[bytes]] = {}
        self.pages_unreadable = 0

    @property
    def pages_read(self) -> int:
        """How many pages were asked for and came back."""
        return len(self._pages) - self.pages_unreadable

    def page(self, address: int) -> Optional[bytes]:
        """The whole page that holds `address`, or None when it cannot be read."""
        start = address - address % self._page_bytes
        if start not in self._pages:
            self._pages[start] = self._ask(start)
        return self._pages[start]

    def bytes_at(self, address: int, count: int) -> Optional[bytes]:
        """Exactly `count` bytes from `address`, or None when any of their pages cannot be read."""
        offset = address % self._page_bytes
        if offset + count <= self._page_bytes:
            page = self._pages.get(address - offset) or self.page(address)
            return None if page is None else page[offset : offset + count]
        found = self.readable_from(address, count)
        return found if len(found) == count else None

    def readable_from(self, address: int, count: int) -> bytes:
        """The bytes from `address` up to the first unreadable page, at most `count`."""
        offset = address % self._page_bytes
        if offset + count <= self._page_bytes:
            page = self._pages.get(address - offset) or self.page(address)
            return b"" if page is None else page[offset : offset + count]
        parts = []
        while count > 0:
            page = self.page(address)
            if page is None:
                break
            offset = address % self._page_bytes
            part = page[offset : offset + count]
            parts.append(part)
            address, count = address + len(part), count - len(part)
        return b"".join(parts)

    def readable_before(self, address: int, count: int) -> bytes:
        """The bytes that end right before `address`, back to the first unreadable page, at most `count`."""
        found = b""
        while len(found) < count:
            page = self.page(address - 1)
            if page is None:
                break
            offset = (address - 1) % self._page_bytes + 1
            part = page[max(0, offset - (count - len(found))) : offset]
            found, address = part + found, address - len(part)
        return found

    def word_at(self, address: int) -> Optional[int]:
        """The machine's word at `address`, or None when it cannot be read."""
        found = self.bytes_at(address, self.words.word)
        return None if found is None else int.from_bytes(found, "little")

    def _ask(self, start: int) -> Optional[bytes]:
        if 0 <= start <= self.words.mask:
            try:
                return self._read(start, self._page_bytes)
            except Unreadable:
                pass
        self.pages_unreadable += 1
        return None
