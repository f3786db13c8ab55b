"""`kf=` asked and answered: the command line for a triple, and the rows of any k-family stack table.

The layouts are those of the engine's own format strings (dbgeng 10.0.15063) and of the samples in fixtures/kf.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, List, Optional, Tuple

from hogwalk.errors import BadInput
from hogwalk.machine.words import hexa
from hogwalk.model import Triple
from hogwalk.targets.parsers.kfrow import Columns, KfRow, is_row, parse_row, usual_row
from hogwalk.targets.parsers.lines import rejoined
from hogwalk.targets.parsers.prompt import split_prompt
from hogwalk.targets.parsers.remarks import is_remark

MOST_FRAMES = 0xFFFF  # the engine: "The maximum number is 0xffff."

# MEX prints Return for RetAddr, Dr. Watson FramePtr and ReturnAd, NT 4 Param1 and Function Name.
HEADER = re.compile(
    r"\s*(?:#\s+)?(?:Memory\s+)?(?:ChildEBP|Child-SP|FramePtr|RetAddr|Return|Call Site)\b[A-Za-z0-9#:\- ]{0,200}$"
)


@dataclass(frozen=True)
class KfText:
    """A stack table taken apart; every line of it that is not blank is in exactly one of the four tuples.

    `headers` are column heads and prompts, `notes` the debugger's own remarks (WARNING, `***`, skipped frames),
    `unparsed` what fits nothing.  A row that a symbol error interrupted is joined again; the error is a note.
    """

    rows: Tuple[KfRow, ...]
    notes: Tuple[str, ...]
    unparsed: Tuple[str, ...]
    headers: Tuple[str, ...]


def format_kf(triple: Triple, count: int, write: Callable[[int], str] = hexa) -> str:
    """The command that walks from a start: `kf=b8ae6100 b8ae60ec 8081df65 0x200`; with two words except on x86.

    Every engine takes the short addresses in this command; `write` is `Words.typed` where hogwalk itself runs it.
    Raises BadInput unless 1 <= count <= 0xffff, the engine's limit.
    """
    if not 1 <= count <= MOST_FRAMES:
        raise BadInput(f"kf cannot print {count} frames", f"ask for 1 to {MOST_FRAMES}")
    base = () if triple.base_ptr is None else (triple.base_ptr,)
    words = (*base, triple.stack_ptr, triple.instruction_ptr)
    return "kf=" + " ".join(map(write, words)) + f" 0x{count:x}"


def parse_kf(text: str, pointer_bytes: Optional[int] = None) -> KfText:
    """The rows of a `k`, `kb`, `kv`, `kn`, `kf` answer, and all of its text that is not a row.

    A `ChildEBP` head, or `pointer_bytes` 4, folds addresses to 32 bits.
    """
    columns = Columns(None, None, pointer_bytes)
    rows: List[KfRow] = []
    notes: List[str] = []
    unparsed: List[str] = []
    headers: List[str] = []
    for number, line, message in rejoined(text.split("\n"), is_row):
        usual = None if message else usual_row(line, number, columns)
        if usual is not None:
            rows.append(usual)
            continue
        row = parse_row(line, number, columns)
        if message or is_remark(line):
            notes.append(line.strip())
        elif HEADER.match(line):
            columns = columns.under(line)
            headers.append(line.strip())
        elif split_prompt(line):
            headers.append(line.strip())
        elif row:
            rows.append(row)
        elif line:
            unparsed.append(line)
    return KfText(tuple(rows), tuple(notes), tuple(unparsed), tuple(headers))
