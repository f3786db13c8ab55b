"""An explanation as plain lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Optional, Tuple

from hogwalk.answer.charge.books import module_of
from hogwalk.answer.explain.records import Explanation, Instruction, Part
from hogwalk.answer.report.document import Report
from hogwalk.machine.words import shown
from hogwalk.model import Frame

WIDTH = 100
PURPOSES = 80  # the column where they begin
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


def explanation_lines(explanation: Explanation, owner: Optional[Owner] = None) -> Tuple[str, ...]:
    """The explanation in lines of at most 100 columns."""
    lines = [_headline(explanation)]
    if owner is not None and owner.function:
        lines.append(f"runs        {owner.function}")
        lines.append(f"belongs to  {owner.module}{', ' if owner.product else ''}{owner.product}")
    lines += _made_by(explanation)
    if explanation.instructions:
        lines += ["", "bytes  made by"]
        lines += [_instruction(one) for one in explanation.instructions]
    lines += ["", "bytes  for"]
    lines += [f"{part.bytes:5}  {part.purpose.value}" for part in explanation.parts]
    lines.append(f"{explanation.bytes:5}  in all")
    lines += [f"note: {note}" for note in explanation.notes]
    return tuple(cut for line in lines for cut in _wrapped(line))


def _headline(explanation: Explanation) -> str:
    if explanation.frame_ptr is None:
        where = f"frame with its return address at {shown(explanation.return_slot)}"
    else:
        where = f"frame {shown(explanation.frame_ptr)}"
    return f"{where}: {explanation.bytes} bytes ({explanation.bytes:X}h)"


def _made_by(explanation: Explanation) -> Iterator[str]:
    site = explanation.site
    if site is not None:
        yield f"called at   {shown(site.call.address)}  {padded(site.text)}"
        if site.call.pointer is not None:
            value = "unreadable" if site.pointer_value is None else shown(site.pointer_value)
            yield f"through     [{shown(site.call.pointer)}] = {value}"
    start = "unknown" if explanation.function is None else shown(explanation.function)
    yield f"function    {start}"
    yield f"is at       {shown(explanation.instruction)}"


def padded(text: str) -> str:
    """An instruction with its operands in a column of their own, as the debugger prints it."""
    mnemonic, _, operands = text.partition(" ")
    return f"{mnemonic:{MNEMONIC}}{operands}".rstrip()


def _instruction(one: Instruction) -> str:
    count = sum(part.bytes for part in one.parts)
    purposes = _purposes(one.parts)
    line = f"{count or '':>5}  {shown(one.address)}  {one.code.hex():16}  {padded(one.text)}"
    return f"{line:<{PURPOSES}}  {purposes}" if purposes else line


def _purposes(parts: Tuple[Part, ...]) -> str:
    if len(parts) == 1:
        return parts[0].purpose.value
    return ", ".join(f"{part.purpose.value} {part.bytes}" for part in parts)


def _wrapped(line: str) -> List[str]:
    """The line in pieces that fit, later ones indented."""
    pieces = []
    while len(line) > WIDTH:
        at = line.rfind(" ", 20, WIDTH) + 1 or WIDTH
        pieces.append(line[:at].rstrip())
        line = "       " + line[at:].lstrip()
    return [*pieces, line.rstrip()]
