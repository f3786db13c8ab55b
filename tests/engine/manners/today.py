"""What the engine of today (10.0.29507) answers where the older one (10.0.15063) answered otherwise; pure text.

It refuses or leaves bare what is typed without its sign, remarks on images instead of symbol files, says how it read
memory, and lays out the rows of a walk in another way.  Only 32-bit targets differ.
"""

from __future__ import annotations

import re
from typing import Callable, Iterable, Iterator, List, Optional, Pattern, Sequence, Set, Tuple

# A typed number of 32 bits whose highest is set: not sign-extended, so it lies in no module.
UNSIGNED = re.compile(r"(?<![0-9a-z_`])(?:0x)?0*([89a-f][0-9a-f]{7})(?![0-9a-z_`])", re.IGNORECASE)
SKIPPED = "    <Intermediate frames may have been skipped due to lack of complete unwind>"
NO_IMAGE = "Unable to load image \\SystemRoot\\system32\\drivers\\{}, Win32 error 0n2"
_SYMBOL_ERROR = re.compile(
    r"\*\*\* ERROR: (?:Symbol file could not be found\.  Defaulted to export symbols|Module load completed but symbols "
    r"could not be loaded) for ([^\n]+?)(?: - ?)?(\n|$)"
)
_FRAME = re.compile(r"^((?:[0-9a-f]{2,4} )? *([0-9a-f]*) +[0-9a-f]{8} [0-9a-f]{8}|[0-9a-f]{8} [0-9a-f]{8}) (\S.*)$")
_NAMED = re.compile(r"\s*.+ \(([0-9a-f]{8})\)\s*$")
_WORD = re.compile(r"^[0-9a-f]{8}  ")
_EVERY = 0x200  # bytes of memory between two remarks on how it is read
REFUSED = re.compile(r"\.fpo\s+-[osx]\b")
Lines = List[str]


def refuses(command: str) -> bool:
    """Whether a command fails that the older engine runs."""
    return any(REFUSED.search(part) and UNSIGNED.search(part) for part in command.split(";"))


def answer(command: str, older: str, live: bool) -> str:
    """The older engine's answer to a command on a 32-bit target, as today's engine puts it."""
    typed = {found.lower() for found in UNSIGNED.findall(command)}
    lines = _SYMBOL_ERROR.sub(lambda found: NO_IMAGE.format(found.group(1)) + found.group(2), older).split("\n")
    for pattern, manner in _MANNERS:
        if pattern.search(command):
            return "\n".join(manner(lines, typed, live))
    return "\n".join(lines)


def _symbols(lines: Sequence[str], typed: Set[str], live: bool) -> Iterator[str]:
    for line in lines:
        found = _NAMED.match(line)
        yield found.group(1) if found and found.group(1) in typed else line


def _nearest(lines: Sequence[str], typed: Set[str], live: bool) -> Lines:
    return [] if typed else list(lines)


def _memory(lines: Sequence[str], typed: Set[str], live: bool) -> Iterator[str]:
    for line in lines:
        if typed and _WORD.match(line) and int(line[:8], 16) % _EVERY == 0:
            yield f"{'ReadVirtual' if live else 'VirtualToOffset'}: {line[:8]} not properly sign extended"
        yield line


def _code(lines: Sequence[str], typed: Set[str], live: bool) -> Iterator[str]:
    for line in lines:
        if not typed:
            yield line
        elif not line.endswith(":"):
            yield f"{'ReadVirtual' if live else 'VirtualToOffset'}: {line[:8]} not properly sign extended"
            yield line


def _extension(lines: Sequence[str], typed: Set[str], live: bool) -> Iterator[str]:
    missing = [line for line in lines if line.startswith("No export ")]
    for line in missing:
        yield f"{line.split()[2]} is not extension gallery command"
    yield from (missing if missing else lines)


def walk(lines: Sequence[str], typed: Optional[Set[str]] = None, live: bool = False) -> Iterator[str]:
    """The rows of a walk: four more blanks behind RetAddr; a trap's row of 0 bytes and the one behind it marked."""
    trapped = False
    for line in lines:
        found = _FRAME.match(line)
        if not found:
            yield line.replace("RetAddr  ", "RetAddr      ", 1)
            continue
        trap = found.group(2) == "0"
        if trap or trapped:
            yield SKIPPED
        yield f"{found.group(1)} {'(T) ' if trap or trapped else '    '}{found.group(3)}"
        trapped = trap


Manner = Callable[[Sequence[str], Set[str], bool], Iterable[str]]
_MANNERS: Tuple[Tuple[Pattern[str], Manner], ...] = (
    (re.compile(r"%y"), _symbols),
    (re.compile(r"^\s*ln\b"), _nearest),
    (re.compile(r"^\s*(?:d[bcdpqy]|dds|dps|dqs)\b"), _memory),
    (re.compile(r"^\s*(?:u|ub)\b"), _code),
    (re.compile(r"^\s*k"), walk),
    (re.compile(r"^\s*!"), _extension),
)
