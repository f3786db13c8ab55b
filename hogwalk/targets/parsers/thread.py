"""`!thread` and `!teb`: the thread, the process that owns it, and its stack's addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Dict, List, Optional, Pattern, Tuple

from hogwalk.targets.parsers.words import ADDRESS, address, fold

_ADDRESSES: Dict[str, Pattern[str]] = {
    "thread": re.compile(rf"(?:^|\s)THREAD ({ADDRESS})\b"),
    "process": re.compile(rf"Owning Process\s+({ADDRESS})\b"),
    "init": re.compile(rf"\bStack Init\s+({ADDRESS})\b"),
    "current": re.compile(rf"\bCurrent\s+({ADDRESS})\b"),
    "base": re.compile(rf"(?:^|\s)(?:Base|StackBase:)\s+({ADDRESS})\b"),
    "limit": re.compile(rf"(?:^|\s)(?:Limit|StackLimit:)\s+({ADDRESS})\b"),
}
_OVERFLOW = re.compile(rf"\bStack Limit: ({ADDRESS})\b")
_IMAGE = re.compile(r"\bImage:\s+(\S.*)")
_SPOKEN = re.compile(r"THREAD |Owning Process|Stack Init|Base|Limit|Current")


@dataclass(frozen=True)
class ThreadText:
    """What a thread's text says: addresses, None where it is silent, and the image name, "" likewise.

    `base` is Base (exclusive), `limit` Limit (lowest valid byte), `init` and `current` as `Stack Init` prints them.
    """

    thread: Optional[int] = None
    process: Optional[int] = None
    image: str = ""
    init: Optional[int] = None
    current: Optional[int] = None
    base: Optional[int] = None
    limit: Optional[int] = None


def parse_threads(text: str, pointer_bytes: Optional[int] = None) -> Tuple[ThreadText, ...]:
    """The threads of a `!thread`, `!process ... 7` or `!teb` answer, in printed order."""
    threads: List[ThreadText] = []
    for line in text.split("\n"):
        add_line(threads, line, pointer_bytes)
    return tuple(threads)


def add_line(threads: List[ThreadText], line: str, pointer_bytes: Optional[int] = None) -> bool:
    """Put what this line says of a thread into the last of `threads`, or into a new one; False when it says nothing."""
    if not _SPOKEN.search(line):
        return False
    said = {key: pattern.search(line) for key, pattern in _ADDRESSES.items()}
    values = {key: fold(address(found.group(1)), pointer_bytes) for key, found in said.items() if found}
    if not values:
        return False
    begins = "thread" in values or not threads or any(getattr(threads[-1], key) is not None for key in values)
    last = ThreadText() if begins else threads.pop()
    image = _IMAGE.search(line)
    threads.append(
        replace(last, image=image.group(1).rstrip() if image and "process" in values else last.image, **values)
    )
    return True


# The first `Teb:`: a thread's name may follow, and say anything.
_USER = re.compile(rf"^[ .#]*\d+\s+Id: [0-9a-f]+\.([0-9a-f]+) .*?\bTeb: ({ADDRESS})\b", re.MULTILINE)


def parse_user_threads(text: str) -> Tuple[Tuple[int, int], ...]:
    """The id and the TEB of each thread in the answer of `~` (user mode)."""
    return tuple((int(one, 16), address(teb)) for one, teb in _USER.findall(text))


def overflow(line: str) -> Tuple[ThreadText, ...]:
    """What the line `STACK_OVERFLOW: Stack Limit: ffff9a8143c61000. ..` of !analyze says: a Limit without a Base."""
    found = _OVERFLOW.search(line)
    return (ThreadText(limit=address(found.group(1))),) if found else ()
