"""The debugger's remarks: what it says beside its answers, between rows or in the midst of one.

None is a row, a word of memory, a module or a name, in an engine's answer and in a pasted text alike.  A report says
what they mean for the answer in one note.  Wordings of dbgeng 10.0.15063 and 10.0.29507.
"""

from __future__ import annotations

import re
from typing import Dict, Iterable, Iterator, List, Optional, Pattern, Sequence, Tuple

from hogwalk.printable import printable

_ADDRESS = r"[0-9a-fA-F`]{8,17}"
_UNEXTENDED = rf"(?:VirtualToOffset|ReadVirtual): {_ADDRESS} not properly sign extended"
# What may begin in the midst of a row: a module is loaded, or memory read, for a word about to be printed.
_INSIDE = re.compile(rf"\*\*\* (?:ERROR|WARNING): |Unable to load image |{_UNEXTENDED}")
MOST_LINES = 8  # of one remark: a file's name may hold line breaks
_ENDS: Dict[str, Pattern[str]] = {
    "Unable to load image ": re.compile(r", Win32 error 0n\d+\s*$"),
    "*** ERROR: Symbol file could not be found.  Defaulted": re.compile(r" -\s*$"),
}
_LINE = re.compile(
    r"""\s*(?:
    \*{3}\ | \*{5,} | >{5,}\ [A-Z] | ----?>\ | --\ [A-Z]   # headings, the gallery's banner
    | (?:WARNING|ERROR|NOTE|Note):\ | <Intermediate\ frames\ may\ have\ been\ skipped
    | (?:Unable\ to|Could\ not|Failed\ to|Cannot)\ | (?:VirtualToOffset|ReadVirtual):\ | \w+\(\)\ failed\ in\b
    | No\ \.natvis
    | \S+\ is\ not\ extension\ gallery\ command | No\ export\ \S+\ found | The\ call\ to\ LoadLibrary\(
    | Please\ check\ your\ debugger\ configuration | Last\ set\ context: | Resetting\ default\ scope
    | ModLoad:\ | Loading\ (?:Kernel|User)\ Symbols | Loading\ unloaded\ module\ list | \.+\s*$
    | (?:(?:Expanded\ )?Symbol|Executable)\ (?:search\ )?path\ is: | Response\s+Time\ \(ms\)\s+Location
    | (?:Deferred|OK|Error|DBG_\w+)\s{10,} | Module\ name\s+Error
    | You\ (?:can\ troubleshoot|should\ also\ verify) | Bad\ selector | Selector\b | Implicit\ (?:thread|process)\ is
    )""",
    re.VERBOSE,
)
_FILE = r"(?P<name>[^\s,;]{1,260})"
# What a remark says of a module's file, by what that means for the answer.
_OF_FILES: Dict[str, Tuple[Pattern[str], ...]] = {
    "image": (re.compile(rf"\s*Unable to load image {_FILE}, Win32 error"),),
    "unverified": (re.compile(rf"\s*\*\*\* WARNING: Unable to verify (?:checksum|timestamp) for {_FILE}"),),
    "symbols": (
        re.compile(rf"\s*\*\*\* ERROR: Symbol file could not be found\.  Defaulted to export symbols for {_FILE}"),
        re.compile(rf"\s*\*\*\* ERROR: Module load completed but symbols could not be loaded for {_FILE}"),
    ),
}
_UNWIND = "Stack unwind information not available"
_SKIPPED = "frames may have been skipped"
_SET = "last set context"
MOST_NAMES = 8
DUMPSTACK = "Caller, Callee"  # heads the rows of SOS's !dumpstack, each of which ends in `, calling CALLEE`
LONGEST_NAME = 40


def remark_in(line: str) -> Optional[re.Match[str]]:
    """Where a remark begins that may stand in the midst of a row; a quick look before the slow one."""
    if "*** " in line or "Unable to load" in line or "not properly" in line:
        return _INSIDE.search(line)
    return None


def is_remark(line: str) -> bool:
    """Whether a line is a remark from its start."""
    return _LINE.match(line) is not None


def end_of(remark: str) -> Optional[Pattern[str]]:
    """What ends a remark that begins like this and is not ended on its line; None where it is, or nothing tells."""
    for start, end in _ENDS.items():
        if remark.startswith(start):
            return None if end.search(remark) else end
    return None


def of_file(line: str) -> bool:
    """Whether a line is a remark on a module's file; an engine makes it once, when it loads the module."""
    return any(part.match(line) for parts in _OF_FILES.values() for part in parts)


def made_again(module: str, mapped: bool, flags: str) -> Iterator[str]:
    """The remarks on a loaded module's file, from what `lmv` says of it at any time: is it mapped, flags in its row."""
    if not mapped:
        yield f"Unable to load image {module}, Win32 error 0n2"
    if flags:
        yield f"*** WARNING: Unable to verify {'timestamp' if 'T' in flags else 'checksum'} for {module}"


def meaning(remarks: Iterable[str], every: Sequence[str] = ()) -> Tuple[str, ...]:
    """One note on what the remarks of a walk mean for the answer, () where they mean nothing for it.

    `every` is the modules on the stack: where the same holds for all, none is named.  Missing symbols are said by the
    module's own state, so no note repeats them.
    """
    lines = list(remarks)
    parts: List[str] = []
    bare = _names(lines, "image")
    if bare:
        parts.append(f"no image file for {_some(bare, every)}: their code is what the target's memory holds")
    doubtful = _names(lines, "unverified")
    if doubtful:
        parts.append(f"files that may be of another build for {_some(doubtful, every)}: names in them may be wrong")
    if any(_UNWIND in line for line in lines):
        parts.append("rows without unwind information, found by saved EBPs")
    if any(_SKIPPED in line for line in lines):
        parts.append("frames that it may have skipped at traps")
    if any(_SET in line for line in lines):
        parts.append("a register context that was set by hand")
    return (f"the debugger remarks on its walk: {'; '.join(parts)}",) if parts else ()


def _names(lines: Iterable[str], kind: str) -> List[str]:
    return list(dict.fromkeys(_found(lines, _OF_FILES[kind])))


def _found(lines: Iterable[str], patterns: Tuple[Pattern[str], ...]) -> Iterator[str]:
    for line in lines:
        for pattern in patterns:
            found = pattern.match(line)
            if found:
                file = re.split(r"[\\/]", found.group("name"))[-1]
                yield printable(file.rpartition(".")[0] or file)[:LONGEST_NAME]


def _some(names: List[str], every: Sequence[str]) -> str:
    if len(every) > 1 and set(every) <= set(names):
        return "the modules on the stack"
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
