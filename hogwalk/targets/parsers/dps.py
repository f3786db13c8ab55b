"""Memory as `dps`, `dds`, `dqs`, `dd`, `dp`, `dq` and `dc` print it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Optional, Tuple

from hogwalk.model import Symbol
from hogwalk.targets.parsers.lines import rejoined
from hogwalk.targets.parsers.words import ADDRESS, address, fold, split_symbol

_VALUE = r"[0-9a-fA-F]{8}(?:`?[0-9a-fA-F]{8})?|\?{8}(?:`?\?{8})?"
_HEAD = re.compile(rf"\s*({ADDRESS})\s+({_VALUE})(?![0-9a-fA-F`!+?])(.*)$")
_NEXT = re.compile(rf"\s({_VALUE})(?![0-9a-fA-F`!+?\w])")
_MORE = re.compile(rf"(?:\s(?:{_VALUE})(?![0-9a-fA-F`!+?\w]))+")
# A symbol with its displacement; mail and articles put blanks before the plus and arrows or words behind it.
_DISPLACED = re.compile(r"\s*([^\s!+]+(?:!.*?)?)\s?(\+0x[0-9a-fA-F`]{1,17})(?![\w`])")
_BARE = re.compile(r"\s*([^\s!+<]+)!(.*)$")
_COMMENT = re.compile(r"<-{2,}|\s(?:\s|-{2,}|\[)|\s*$")
_SPACED_NAME = re.compile(r"\s|.*[<`?]|operator")  # names of C++ and of string constants may hold blanks


@dataclass(frozen=True)
class Word:
    """`size` bytes of memory at `address`: the value, None where it could not be read, and its symbol if printed."""

    address: int
    size: int
    value: Optional[int]
    symbol: Optional[Symbol]


def parse_dps(text: str, pointer_bytes: Optional[int] = None) -> Tuple[Word, ...]:
    """The words of any mix of d-family answers, in printed order; lines that are no rows are passed over."""
    rows = rejoined(text.split("\n"), lambda line: bool(parse_row(line)))
    return tuple(word for line in rows if not line.message for word in parse_row(line.text, pointer_bytes))


def parse_row(line: str, pointer_bytes: Optional[int] = None) -> Tuple[Word, ...]:
    """The words on this line, () when it is not a row.

    One word with or without its symbol (`dps`), or several (`dd`, `dc`; the text column is left out).  The size is
    told by the digits printed: 4 or 8 bytes.  `pointer_bytes` 4 folds addresses.
    """
    found = _HEAD.match(line)
    if not found:
        return ()
    start = fold(address(found.group(1)), pointer_bytes)
    first, rest = found.group(2), found.group(3)
    size = 8 if len(first) > 8 else 4
    more = _MORE.match(rest)
    if not more:
        return (Word(start, size, _value(first), _symbol(rest)),)
    words: List[str] = [first, *_NEXT.findall(more.group())]
    return tuple(
        Word(start + size * index, size, _value(word), None)
        for index, word in enumerate(words)
        if (8 if len(word) > 8 else 4) == size
    )


def _value(word: str) -> Optional[int]:
    return None if "?" in word else address(word)


def _symbol(text: str) -> Optional[Symbol]:
    displaced = _DISPLACED.match(text)
    if displaced:
        return split_symbol(displaced.group(1) + displaced.group(2))
    bare = _BARE.match(text)
    if not bare:
        return None
    comment = _COMMENT.search(bare.group(2))
    name = bare.group(2)[: comment.start()] if comment else bare.group(2)
    if not _SPACED_NAME.match(name):
        name = name.partition(" ")[0]
    return split_symbol(f"{bare.group(1)}!{name}")
