"""An explanation as plain lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Optional, Tuple

from hogwalk.answer.charge.books import module_of
from hogwalk.answer.explain.records import Explanation, Instruction, Part
from hogwalk.answer.render.line import Line, Link, joined, mark, words_link
from hogwalk.answer.report.document import Report
from hogwalk.machine.words import Words, shown
from hogwalk.model import Frame

WIDTH = 100
PURPOSES = 80  # the column where they begin
CODE = 22  # columns that are saved without an instruction's bytes
MNEMONIC = 8


@dataclass(frozen=True)
class Owner:
    """Whose frame it is: the function that runs in it as the debugger names it, its module and its product."""

    function: str
    module: str
    product: str


def owner_of(report: Report, frame: Frame) -> Owner:
    """The owner of a frame, "" for what is not known."""
    if frame.symbol is None:
        return Owner("", "", "")
    name = module_of(frame)
    products = [use.product for use in report.modules if use.share.name == name and use.product.known]
    product = next(iter(products), None)
    company = f" ({product.company})" if product is not None and product.company else ""
    return Owner(frame.symbol.text(), name, f"{product.name}{company}" if product is not None else "")


def explanation_lines(
    explanation: Explanation, owner: Optional[Owner] = None, machine: Optional[Words] = None, width: int = WIDTH
) -> Tuple[str, ...]:
    """The explanation in lines of at most `width` columns; their addresses lead to code and words on a `machine`."""
    lines: List[str] = [_headline(explanation, machine)]
    if owner is not None and owner.function:
        lines.append(f"runs        {owner.function}")
        lines.append(f"belongs to  {owner.module}{', ' if owner.product else ''}{owner.product}")
    lines += _made_by(explanation, machine)
    if explanation.instructions:
        lines += ["", "bytes  made by"]
        lines += [_instruction(one, width) for one in explanation.instructions]
    lines += ["", "bytes  for"]
    lines += [f"{part.bytes:5}  {part.purpose.value}" for part in explanation.parts]
    lines.append(f"{explanation.bytes:5}  in all")
    lines += [f"note: {note}" for note in explanation.notes]
    return tuple(cut for line in lines for cut in _wrapped(line, width))


def _headline(explanation: Explanation, machine: Optional[Words]) -> Line:
    slot, pointer = explanation.return_slot, explanation.frame_ptr
    words = "frame with its return address at " if pointer is None else "frame "
    at = slot if pointer is None else pointer
    where = shown(at) if machine is None else words_link(at, machine)
    return joined([words, where, f": {explanation.bytes} bytes ({explanation.bytes:X}h)"])


def _made_by(explanation: Explanation, machine: Optional[Words]) -> Iterator[Line]:
    site, start = explanation.site, explanation.function
    if site is not None:
        at = _code(site.call.address, "u {} L1", machine)
        yield joined(["called at   ", at, f"  {padded(site.text)}"])
        if site.call.pointer is not None:
            value = "unreadable" if site.pointer_value is None else shown(site.pointer_value)
            pointer = site.call.pointer
            read = machine is not None and site.pointer_value is not None
            at = _code(pointer, "dps {} L1", machine if read else None)
            yield joined(["through     [", at, f"] = {value}"])
    # Without a listing the code cannot be read, and nothing is to be clicked.
    code = machine if explanation.instructions else None
    yield joined(["function    ", "unknown" if start is None else _code(start, "uf {}", code)])
    yield joined(["is at       ", _code(explanation.instruction, "u {} L4", code)])


def _code(address: int, command: str, machine: Optional[Words]) -> Line:
    text = shown(address)
    return Line(text) if machine is None else mark(text, link=Link(command.format(machine.typed(address))))


def padded(text: str) -> str:
    """An instruction with its operands in a column of their own, as the debugger prints it."""
    mnemonic, _, operands = text.partition(" ")
    return f"{mnemonic:{MNEMONIC}}{operands}".rstrip()


def _instruction(one: Instruction, width: int) -> str:
    count = sum(part.bytes for part in one.parts)
    purposes = _purposes(one.parts)
    code = f"  {one.code.hex():16}" if width >= WIDTH else ""  # the first to go where there is no room
    line = f"{count or '':>5}  {shown(one.address)}{code}  {padded(one.text)}"
    return f"{line:<{PURPOSES if code else PURPOSES - CODE}}  {purposes}" if purposes else line


def _purposes(parts: Tuple[Part, ...]) -> str:
    if len(parts) == 1:
        return parts[0].purpose.value
    return ", ".join(f"{part.purpose.value} {part.bytes}" for part in parts)


def _wrapped(line: str, width: int) -> List[str]:
    """The line in pieces that fit, later ones indented."""
    if len(line) <= width:
        return [line]  # with its links
    pieces = []
    while len(line) > width:
        at = line.rfind(" ", 20, width) + 1 or width
        pieces.append(line[:at].rstrip())
        line = "       " + line[at:].lstrip()
    return [*pieces, line.rstrip()]
