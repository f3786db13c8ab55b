"""One row of a stack table: its optional columns told apart, its call site and what trails it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import List, NamedTuple, Optional, Sequence, Tuple

from hogwalk.model import Symbol
from hogwalk.targets.parsers.words import address, fold, split_symbol

MOST_ARGUMENTS = 4  # Dr. Watson and x64 print four, kb and kv of x86 three
_LONGEST = 8192  # characters; the engine's names end at 4096

_HEX_WORDS = re.compile(r"\s*((?:[0-9a-fA-F]{1,8}(?:`?[0-9a-fA-F]{8})?\s+)*)")
_MARK = re.compile(r"\(([A-Z])\)\s+")
_COLON_ARGUMENTS = re.compile(r":((?:\s+[0-9a-fA-F`]+){1,4})\s+:\s+")
_COLON_DASHES = re.compile(r":(?:\s+[-`?]+){1,4}\s+:\s+")
# 32-bit engines say (Inline), 64-bit ones (Inline Function); doubtful ones stand between question marks.
_INLINE = re.compile(r"\??\(Inline(?: Function)?\)\??\s+\??-[-`]*\??(?:\s+|$)")
_TAIL = re.compile(
    r"(?<![^\s0-9a-fA-F])(\((?:FPO|CONV|TrapFrame|CONTEXT|Inline Function|Managed|UNKNOWN FPO TYPE)\b[^()]{0,400}\)"
    r"|\[[^\[\]]{1,1000} @ \d{1,9}\])(?!\S)"
)
# Where a call site ends: behind its displacement, else before what cannot go on a name.
_DISPLACED = re.compile(r"\+0x[0-9a-fA-F`]{0,16}[0-9a-fA-F](?=\s|$|[(\[\]'\"<`\\])")
_BEHIND = re.compile(
    r"\s(?=\s|<-|//|;|--|==|\*|#|\((?:FPO|CONV|TrapFrame|CONTEXT|Inline|Managed|UNKNOWN)\b|\[.{1,1000} @ \d)"
)
# A driver called ".sys" is a module without a name: its call sites are "!Function+0x5" and "+0x1196".
_CALL_SITE = re.compile(
    r"[^\s!]*!.*|[^\s!]*\+0x[0-9a-fA-F`]+|0x[0-9a-fA-F`]+|(?![0-9a-fA-F]{8,16}$)[.$<>-]*[A-Za-z_][\w.$<>-]*"
)
_PARAMETERS = re.compile(r"\((?=[^()]{1,200} = |void\)(?:\+0x|$))")
# The row that nearly all are: what kf and k print of a symbol with a displacement, nothing behind it.
_USUAL = re.compile(
    r" *(?:([0-9a-f]{1,7}) )?((?:[0-9a-f]{8}`)?[0-9a-f]{8}) ((?:[0-9a-f]{8}`)?[0-9a-f]{8})"
    r" (([A-Za-z_]\w*)(?:!([A-Za-z_]\w*))?\+0x([0-9a-f]{1,8}))",
    re.ASCII,
)
_WIDE = re.compile(r"\s*(?:[0-9a-fA-F]{1,8}\s+){0,2}[0-9a-fA-F]{8}`?[0-9a-fA-F]{8}\b")
_TRAP_FRAME = re.compile(r"TrapFrame(?:-EDITED)? @ ([0-9a-fA-F`]+)")


@dataclass(frozen=True)
class KfRow:
    """One printed frame.

    `memory` is the Memory column in bytes as printed (recompute from addresses instead of trusting it); `frame_ptr`
    is ChildEBP or Child-SP; both pointers are None for inline rows.  `call_site` is the symbol text as printed,
    `symbol` the same taken apart, None for a bare address such as `0x7c8285ec`.  `marks` holds `T` for a row behind a
    trap.  `tails` are the trailing `(FPO: ...)`, `(CONV: ...)`, `[file @ line]` groups in printed order; `trap_frame`
    is the address one of them names.  `text` is the row as printed, `line` its first line in the text, from 1.
    """

    number: Optional[int]
    memory: Optional[int]
    frame_ptr: Optional[int]
    return_address: Optional[int]
    arguments: Tuple[int, ...]
    call_site: str
    symbol: Optional[Symbol]
    marks: str
    tails: Tuple[str, ...]
    trap_frame: Optional[int]
    inline: bool
    text: str
    line: int

    @property
    def instruction(self) -> Optional[int]:
        """The address in a call site that is a bare address (`0x7c8285ec`), else None."""
        bare = re.fullmatch(r"0x([0-9a-fA-F`]+)", self.call_site)
        return address(bare.group(1)) if bare else None


@dataclass(frozen=True)
class Columns:
    """What the column heads say: whether rows are numbered and measured (None: no head seen), pointer size."""

    numbered: Optional[bool]
    measured: Optional[bool]
    pointer_bytes: Optional[int]

    def under(self, header: str) -> Columns:
        """The columns below this header line."""
        width = 4 if "ChildEBP" in header else self.pointer_bytes
        return replace(self, numbered="#" in header, measured="Memory" in header, pointer_bytes=width)


class _Fields(NamedTuple):
    # The words of a row by column; `frame` and `back` are "" in inline rows, `frame` in kb's rows without Child-SP.
    prefix: Sequence[str]
    frame: str
    back: str
    mark: str
    arguments: Sequence[str]
    site: str
    inline: bool


def parse_row(text: str, line: int, columns: Columns) -> Optional[KfRow]:
    """The frame printed on this line, or None when the line is not a row."""
    fields = _fields(text, columns) if len(text) <= _LONGEST else None
    if fields is None:
        return None
    prefix = _prefix(fields.prefix, text, columns)
    site, tails = _call_site(fields.site)
    if prefix is None or not _CALL_SITE.fullmatch(site):
        return None
    width = columns.pointer_bytes
    trap = _TRAP_FRAME.search(" ".join(tails))
    return KfRow(
        number=prefix[0],
        memory=prefix[1],
        frame_ptr=fold(address(fields.frame), width) if fields.frame else None,
        return_address=fold(address(fields.back), width) if fields.back else None,
        arguments=tuple(fold(address(word), width) for word in fields.arguments),
        call_site=site,
        symbol=split_symbol(site),
        marks=fields.mark,
        tails=tails,
        trap_frame=fold(address(trap.group(1)), width) if trap else None,
        inline=fields.inline,
        text=text,
        line=line,
    )


def usual_row(text: str, line: int, columns: Columns) -> Optional[KfRow]:
    """What parse_row finds on a line of the commonest form, in a quarter of the time; None for any other line."""
    found = _USUAL.fullmatch(text)
    if found is None:
        return None
    memory, frame, back, site, module, name, displacement = found.groups()
    if len(frame) != len(back) or (memory is not None and columns.numbered is not False):
        return None
    width = columns.pointer_bytes
    pointers = fold(address(frame), width), fold(address(back), width)
    symbol = Symbol(module, name or "", int(displacement, 16))
    size = None if memory is None else int(memory, 16)
    return KfRow(None, size, *pointers, (), site, symbol, "", (), None, False, text, line)


def is_row(text: str) -> bool:
    """Whether `parse_row` finds a frame on this line."""
    return parse_row(text, 0, Columns(None, None, None)) is not None


def is_wide(row: KfRow) -> bool:
    """Whether the row prints addresses of 16 digits."""
    return _WIDE.match(row.text) is not None


def _hex_words(text: str, start: int = 0) -> Tuple[List[str], str]:
    found = _HEX_WORDS.match(text, start)
    return (found.group(1).split(), text[found.end() :]) if found else ([], text[start:])


def _fields(text: str, columns: Columns) -> Optional[_Fields]:
    words, rest = _hex_words(text)
    inline = _INLINE.match(rest)
    if inline:
        dashes = _COLON_DASHES.match(rest, inline.end())
        return _Fields(words, "", "", "", (), rest[dashes.end() if dashes else inline.end() :], True)
    mark = _MARK.match(rest)
    if mark:
        arguments, site = _hex_words(rest, mark.end())
        return _marked(words, mark.group(1), arguments, site)
    colon = _COLON_ARGUMENTS.match(rest)
    if colon:
        return _marked(words, "", colon.group(1).split(), rest[colon.end() :])
    return _plain(words, rest, columns)


def _marked(words: Sequence[str], mark: str, arguments: Sequence[str], site: str) -> Optional[_Fields]:
    # A mark or a colon stands right behind RetAddr; a x64 kb prints no Child-SP before it.
    pointers = [word for word in words[-2:] if len(word) >= 8]
    if not pointers or len(pointers[-1]) < 8 or words[-len(pointers) :] != pointers:
        return None
    if any(len(word) > 8 for word in words[: -len(pointers)]):  # the arguments of a row that is broken in two
        return None
    frame = pointers[0] if len(pointers) == 2 else ""
    return _Fields(words[: -len(pointers)], frame, pointers[-1], mark, arguments, site, False)


def _plain(words: Sequence[str], site: str, columns: Columns) -> Optional[_Fields]:
    first = next((index for index, word in enumerate(words) if len(word) >= 8), len(words))
    # Numbers and Memory hold less than eight digits, but Memory where the walk changes stacks; no row has one argument
    # but under heads that say Param1.
    first += len(words) - first == 3 and columns.measured is not False
    pointers = words[first : first + 2]
    arguments = words[first + 2 :]
    if first > 2 or len(pointers) < 2 or len(arguments) > MOST_ARGUMENTS:
        return None
    widths = {len(word.replace("`", "")) for word in pointers}
    if len(widths) > 1 or any(len(word) < 8 for word in arguments):
        return None
    return _Fields(words[:first], pointers[0], pointers[1], "", arguments, site, False)


def _prefix(words: Sequence[str], text: str, columns: Columns) -> Optional[Tuple[Optional[int], Optional[int]]]:
    # Frame number and Memory.  With one word only the column heads tell which; without heads its place does:
    # numbers start the line, figures are right-aligned.
    if len(words) > 2:
        return None
    values = [address(word) for word in words]
    if len(values) == 2:
        return values[0], values[1]
    if not values:
        return None, None
    numbered = columns.numbered
    if numbered is None:
        numbered = text[:1] not in (" ", "\t") and len(words[0]) in (2, 3, 4)
    return (values[0], None) if numbered else (None, values[0])


def _without_parameters(site: str) -> str:
    # kp and kP print `module!Function(int depth = 0n1, ..)+0x11`, kP a line for each of them.
    if site.endswith("("):
        return site[:-1]
    begin = _PARAMETERS.search(site)
    end = site.rfind(")")
    return site[: begin.start()] + site[end + 1 :] if begin is not None and end > begin.start() else site


def _call_site(text: str) -> Tuple[str, Tuple[str, ...]]:
    # The call site, and the engine's own groups behind it; what else people write there is passed over.
    end = _DISPLACED.search(text)
    if end is None:
        cut = _BEHIND.search(text)
        at = cut.start() if cut else len(text)
    else:
        at = end.end()
    return _without_parameters(text[:at].strip()), tuple(found.group(1) for found in _TAIL.finditer(text, at))
