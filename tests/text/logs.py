"""The committed logs, and what mail programs, editors and terminals make of them."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Callable, Dict, List

from hogwalk.errors import Unreadable
from hogwalk.targets.text import TextTarget, open_text

LOGS = Path(__file__).parents[2] / "fixtures" / "logs"


def log(name: str) -> str:
    return (LOGS / name).read_text("ascii")


def opened(text: str) -> TextTarget:
    return open_text(io.BytesIO(text.encode()))


def _wrapped(text: str) -> str:
    # As a narrow mail window breaks rows: before the symbol.
    return re.sub(r"(?m)^([ 0-9a-f]{9,40}[0-9a-f]{8}) (\S+(?:!\S+|\+0x\w+))$", r"\1\n\2", text)


def _labels_wrapped(text: str) -> str:
    return text.replace("Base b8ae9000 Limit b8ae6000", "Base b8ae9000 Limit\nb8ae6000")


MANGLERS: Dict[str, Callable[[str], bytes]] = {
    "crlf": lambda text: text.replace("\n", "\r\n").encode(),
    "utf-16": lambda text: text.replace("\n", "\r\n").encode("utf-16"),
    "utf-16-be without mark": lambda text: text.encode("utf-16-be"),
    "utf-8 with mark": lambda text: text.encode("utf-8-sig"),
    "half utf-8 half utf-16": lambda text: b"".join(
        (line + "\n").encode("utf-16-le" if index % 2 else "utf-8") for index, line in enumerate(text.split("\n"))
    ),
    "cp1252": lambda text: ("It\u2019s the customer\u2019s \u201clog\u201d:\n" + text).encode("cp1252"),
    "non-breaking blanks": lambda text: text.replace("  ", "\u00a0 ").encode(),
    "cp1252 blanks": lambda text: text.replace("  ", "\u00a0\u00a0").encode("cp1252"),
    "quoted": lambda text: "".join(f"> {line}\n" for line in text.split("\n")).encode(),
    "quoted twice": lambda text: "".join(f"> > {line}\n" for line in text.split("\n")).encode(),
    "quoted tight": lambda text: "".join(f">>{line}\n" for line in text.split("\n")).encode(),
    "tabs": lambda text: re.sub(r"(?m)^([0-9a-f]{8})  ", "\\1\t", text).encode(),
    "one blank": lambda text: re.sub(r"(?m)^([0-9a-f]{8})  ", r"\1 ", text).encode(),
    "three blanks": lambda text: re.sub(r"(?m)^([0-9a-f]{8})  ", r"\1   ", text).encode(),
    "blank lines between": lambda text: text.replace("\n", "\n\n").encode(),
    "indented": lambda text: re.sub("(?m)^", "    ", text).encode(),
    "wrapped": lambda text: _wrapped(_labels_wrapped(text)).encode(),
    "wrapped and quoted": lambda text: "".join(f"> {line}\n" for line in _wrapped(text).split("\n")).encode(),
    "trailing blanks": lambda text: text.replace("\n", "   \n").encode(),
    "zero-width marks": lambda text: text.replace("\n", "\u200b\n\ufeff").encode(),
}


def segments(target: TextTarget) -> List[bytes]:
    """The words of the stack, lowest address first, b"" where one is not known."""
    region = target.stack_hint()
    assert region is not None
    return [known(target, address) for address in range(region.limit, region.base, 4)]


def known(target: TextTarget, address: int) -> bytes:
    """The word at an address, or b""."""
    try:
        return target.read(address, 4)
    except Unreadable:
        return b""
