"""Code bytes from a target, each line asked for once."""

from __future__ import annotations

import contextlib
from typing import Callable, Dict, Iterable, Optional, Tuple

from hogwalk.errors import Unreadable
from hogwalk.machine.words import X86, Words

LEAST = 32  # bytes: more than the longest instruction and what must lie behind it
# Questions about one page that cannot be read whole, as long as none is answered: most such pages are not there at all.
MOST_PARTS = 32


class CodeReader:
    """Bytes of the target's code and constant data through a cache of lines.

    `read(address, count)` is `Target.read`: exactly `count` bytes or `Unreadable`.  A line of `line_bytes` is a whole
    page of `page_bytes` unless the target is at the other end of a slow wire.  Every line is asked for at most once.
    Of a page that cannot be read whole just what is wanted is asked for, over a wire nothing: where a small dump lacks
    an image, the debugger maps the sections of its file, each as long as it is there, without the import table.  On x86
    nothing, too: the few bytes around EIP that a program's minidump holds show calls, but no function's depth.
    `pages_read` and `pages_unreadable` count the pages looked at so far.
    """

    def __init__(
        self,
        read: Callable[[int, int], bytes],
        page_bytes: int = 0x1000,
        words: Words = X86,
        line_bytes: Optional[int] = None,
    ) -> None:
        self.words = words
        self._read = read
        self.page_bytes = page_bytes
        self._line_bytes = line_bytes or page_bytes
        self._lines: Dict[int, Optional[bytes]] = {}
        self._pages: Dict[int, bool] = {}
        self._parts: Dict[Tuple[int, int], Optional[bytes]] = {}
        self._missing: Dict[int, int] = {}
        self._padded: Dict[int, bytes] = {}

    @property
    def pages_read(self) -> int:
        """How many pages could be read, in part at least."""
        return sum(self._pages.values())

    @property
    def pages_unreadable(self) -> int:
        """How many pages could not be read."""
        return len(self._pages) - self.pages_read

    def at_once(self, address: int, most: int) -> int:
        """How many of `most` bytes from `address` on to look at first: all of them; over a wire those of its line."""
        if self._line_bytes == self.page_bytes:
            return most
        left = self._line_bytes - address % self._line_bytes
        return min(most, left if left >= LEAST else left + self._line_bytes)

    def at_once_before(self, address: int, most: int) -> int:
        """The same for the bytes that end right before `address`."""
        if self._line_bytes == self.page_bytes:
            return most
        return min(most, (address - 1) % self._line_bytes + 1)

    def fetch(self, wanted: Iterable[int]) -> None:
        """Reads the lines of addresses that will be looked at, over a wire; neighbours come in one answer.

        One line more costs less than one answer more.
        """
        size = self._line_bytes
        if size == self.page_bytes:
            return
        lines = sorted({address - address % size for address in wanted} - self._lines.keys())
        while lines:
            first, end = lines[0], lines[0]
            page_end = first - first % self.page_bytes + self.page_bytes
            while lines and lines[0] <= min(end + size, page_end - size):
                end = lines.pop(0) + size
            self._take(first, end)

    def line(self, address: int) -> Optional[bytes]:
        """The whole line that holds `address`, or None when it cannot be read."""
        start = address - address % self._line_bytes
        if start not in self._lines:
            self._ask(start)
        return self._lines[start]

    def page(self, start: int) -> Optional[bytes]:
        """The page that begins at `start`; None where it cannot be read, or is read by lines."""
        return self.line(start) if self._line_bytes == self.page_bytes else None

    def whole_page(self, address: int, padding: bytes) -> Optional[bytes]:
        """The page that holds `address`, with `padding` behind it; None where it cannot be read, or only by lines."""
        start = address - address % self.page_bytes
        page = self._padded.get(start)
        if page is None and self.page_bytes > len(padding):
            plain = self.page(start)
            if plain is not None:
                page = self._padded[start] = plain + padding
        return page

    def bytes_at(self, address: int, count: int) -> Optional[bytes]:
        """Exactly `count` bytes from `address`, or None when any of them cannot be read."""
        offset = address % self._line_bytes
        if offset + count <= self._line_bytes:
            line = self._lines.get(address - offset) or self.line(address)
            return self._part(address, count) if line is None else line[offset : offset + count]
        found = self.readable_from(address, count)
        return found if len(found) == count else None

    def readable_from(self, address: int, count: int) -> bytes:
        """The bytes from `address` up to the first unreadable one, at most `count`."""
        parts = []
        while count > 0:
            offset = address % self._line_bytes
            line = self._lines.get(address - offset) or self.line(address)
            wanted = min(count, self._line_bytes - offset)
            part = self._stretch_of(address, wanted, 1) if line is None else line[offset : offset + wanted]
            parts.append(part)
            if len(part) < wanted:
                break
            address, count = address + wanted, count - wanted
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readable_before(self, address: int, count: int) -> bytes:
        """The bytes that end right before `address`, back to the first unreadable one, at most `count`."""
        found = b""
        while len(found) < count:
            line = self.line(address - 1)
            offset = (address - 1) % self._line_bytes + 1
            wanted = min(offset, count - len(found))
            part = self._stretch_of(address, wanted, -1) if line is None else line[offset - wanted : offset]
            found, address = part + found, address - wanted
            if len(part) < wanted:
                break
        return found

    def _stretch_of(self, address: int, count: int, way: int) -> bytes:
        """The readable bytes of a page that cannot be read whole: from `address` on (way 1) or before it (-1)."""

        def part(length: int) -> Optional[bytes]:
            return self._part(address if way > 0 else address - length, length)

        found, most = part(1), count
        if found is None:
            return b""
        while len(found) < most:
            length = count if most == count else (len(found) + most + 1) // 2
            more = part(length)
            found, most = (found, length - 1) if more is None else (more, most)
        return found

    def _part(self, address: int, count: int) -> Optional[bytes]:
        """Exactly `count` bytes of one page that cannot be read whole, or None."""
        page = address - address % self.page_bytes
        whole = self.page_bytes == 1 or self._line_bytes < self.page_bytes or self.words is X86
        if whole or not 0 <= page <= self.words.mask:
            return None
        if (address, count) not in self._parts:
            if count > 1 and self._part(address, 1) is None:
                return None  # most such places are asked about in several lengths, and nothing is there
            if not self._pages[page] and self._missing.get(page, 0) >= MOST_PARTS:
                return None
            found: Optional[bytes] = None
            with contextlib.suppress(Unreadable):
                found = self._read(address, count)
            self._parts[address, count] = found
            self._pages[page] = self._pages[page] or found is not None
            self._missing[page] = self._missing.get(page, 0) + (found is None)
        return self._parts[address, count]

    def word_at(self, address: int) -> Optional[int]:
        """The machine's word at `address`, or None when it cannot be read."""
        found = self.bytes_at(address, self.words.word)
        return None if found is None else int.from_bytes(found, "little")

    def holds(self, read: Callable[[int, int], bytes]) -> bool:
        """Whether all that was read so far is the same now, and as far readable."""
        lines = {(start, self._line_bytes): line for start, line in self._lines.items()}
        for (start, count), held in {**lines, **self._parts}.items():
            now: Optional[bytes] = None
            with contextlib.suppress(Unreadable):
                now = read(start, count) if 0 <= start <= self.words.mask else None
            if now != held:
                return False
        return True

    def _ask(self, start: int) -> None:
        """Reads a line, and with it the next ones on the way that code has been read: half as many as lie behind."""
        self._take(*self._stretch(start, start - start % self.page_bytes))

    def _take(self, first: int, end: int) -> None:
        """Reads the lines from `first` up to `end`, all of one page, in one go.

        The engine asks for the first line of a read by itself, and for the rest in one request: so a read of several
        lines begins at a line that it holds already, where there is one.
        """
        page, held = first - first % self.page_bytes, self._lines.get(first - self._line_bytes)
        begin = first - len(held) if held is not None and first != page and end - first > len(held) else first
        found: Optional[bytes] = None
        if self._pages.get(page, 0 <= first <= self.words.mask):
            with contextlib.suppress(Unreadable):
                found = self._read(begin, end - begin)[first - begin :]
        self._pages.setdefault(page, found is not None)
        for at in range(first, end, self._line_bytes):
            self._lines[at] = None if found is None else found[at - first : at - first + self._line_bytes]

    def _stretch(self, start: int, page: int) -> Tuple[int, int]:
        line, first, end = self._line_bytes, start, start + self._line_bytes
        behind = self._run(start, -line, page)
        ahead = 0 if behind else self._run(start, line, page)
        for _ in range(behind // 2):
            if end < page + self.page_bytes and end not in self._lines:
                end += line
        for _ in range(ahead // 2):
            if first > page and first - line not in self._lines:
                first -= line
        return first, end

    def _run(self, start: int, step: int, page: int) -> int:
        """How many lines of the page, one beside the other from `start` on, have been read already."""
        count, at = 0, start + step
        while page <= at < page + self.page_bytes and self._lines.get(at) is not None:
            count, at = count + 1, at + step
        return count
