"""Questions about modules and symbols put to a debugger, each answer taken only for what was asked.

The debugger prints names as the target's files spell them: an image name with line breaks in it plants whole rows in
`lm`, in `lmv` and among symbols (in "*** ERROR: Symbol file could not be found" and behind "(export symbols)").  So
no name ever enters a command, only addresses do; a row of `lm` counts where the debugger's own list has that very
module; an answer counts when it comes once for its address, else that address is asked again by itself; and a symbol
must name the module that its address lies in.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from hogwalk.errors import CommandFailed
from hogwalk.machine.words import Words, shown
from hogwalk.model import Module, Symbol
from hogwalk.targets.parsers.dt import by_type, format_types
from hogwalk.targets.parsers.expr import EXPRESSION, parse_value
from hogwalk.targets.parsers.lm import (
    MOST_UNLOADED,
    ModuleDetail,
    format_lmv,
    parse_lm,
    parse_lmv,
    parse_unloaded,
    unnamed,
    with_unloaded,
)
from hogwalk.targets.parsers.printf import format_symbols, spoken
from hogwalk.targets.parsers.remarks import made_again
from hogwalk.targets.parsers.words import split_symbol

AT_ONCE = 400  # addresses in one command of 4 KB; the engine's limit is far above
MOST_ALONE = 64  # addresses asked again one by one; of more only the module is said
# Types of nt that one triage asks for, by the bytes of a pointer: in one command.
TYPES: Dict[int, Tuple[str, ...]] = {4: ("_KTHREAD", "_ETHREAD", "_EPROCESS")}
TYPES[8] = (*TYPES[4], "_KERNEL_STACK_CONTROL", "_KERNEL_STACK_SEGMENT")
Ask = Callable[[str], str]


def value(ask: Ask, expression: str) -> Optional[int]:
    """The value of one expression, None where it has none or is more than one."""
    if not EXPRESSION.fullmatch(expression):
        return None
    try:
        return parse_value(ask(f"? ({expression})"))
    except CommandFailed:
        return None


def types_of(ask: Ask, types: Sequence[str]) -> Dict[str, str]:
    """What the debugger prints of nt's types; of one that it does not know no field."""
    parts = by_type(_said(ask, format_types(types)))
    if len(parts) != len(types):
        parts = [_said(ask, format_types([name])) for name in types]
    return dict(zip(types, parts))


def _said(ask: Ask, command: str) -> str:
    try:
        return ask(command)
    except CommandFailed:
        return ""


class Listed(NamedTuple):
    """A module as the debugger holds it, not as it prints it: [start, end) and a name that may be ""."""

    start: int
    end: int
    name: str


class Loaded:
    """The loaded modules by address."""

    def __init__(self, modules: Sequence[Module], unnamed: Sequence[int] = ()) -> None:
        self.modules = tuple(sorted(modules, key=lambda module: module.start))
        self._starts = [module.start for module in self.modules]
        self._unnamed = frozenset(unnamed)
        self._names = {module.name for module in self.modules}

    def at(self, address: int) -> Optional[Module]:
        """The module that holds the address, or None."""
        index = bisect_right(self._starts, address) - 1
        return self.modules[index] if index >= 0 and address < self.modules[index].end else None

    def starts(self) -> Dict[str, int]:
        """Where the modules begin, by name; of two with one name the lower one."""
        return {module.name: module.start for module in reversed(self.modules)}

    def symbol(self, text: Optional[str], address: int) -> Optional[Symbol]:
        """The symbol in an answer for an address, if it may be one: else its module alone, None in no module."""
        module = self.at(address)
        if module is None:
            found = split_symbol(text) if text is not None else None
            return None if found is None or found.module in self._names else found
        if text is not None:
            found = split_symbol(module.name + text if module.start in self._unnamed else text)
            if found is not None and found.module == module.name:
                return found
        return Symbol(module.name, "", address - module.start)


def loaded(text: str, listed: Optional[Sequence[Listed]], pointer_bytes: int) -> Tuple[Loaded, Tuple[Module, ...]]:
    """The modules, with the state of their symbols as `lm` printed it, and the rows of `lm` that are none of them.

    A module without a name is called by its address.  Without a list of the debugger's own (None) rows count as long
    as they rise, as `lm` sorts them.
    """
    rows = parse_lm(text, pointer_bytes)
    if listed is None:
        return _rising(rows)
    # Two rows of one module's name and place would differ in nothing but the state of its symbols.
    states = {(row.name, row.start, row.end): row.symbols for row in reversed(rows)}
    places = [(one.name or unnamed(one.start), one.start, one.end) for one in listed]
    modules = [Module(*place, states.get(place, "deferred")) for place in places]
    known = set(places)
    foreign = tuple(row for row in rows if (row.name, row.start, row.end) not in known)
    if pointer_bytes == 8:
        modules = with_unloaded(modules, parse_unloaded(text, pointer_bytes)[:MOST_UNLOADED])
    return Loaded(modules, [one.start for one in listed if not one.name]), foreign


def _rising(rows: Sequence[Module]) -> Tuple[Loaded, Tuple[Module, ...]]:
    kept: List[Module] = []
    foreign: List[Module] = []
    for row in rows:
        (foreign if kept and row.start < kept[-1].end else kept).append(row)
    return Loaded(kept), tuple(foreign)


def foreign_notes(rows: Sequence[Module]) -> Tuple[str, ...]:
    """What to say of rows of `lm` that were left out."""
    if not rows:
        return ()
    said = ", ".join(f"{shown(row.start)}..{shown(row.end)} {row.name}" for row in rows[:3])
    count = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
    return (f"{count} of `lm` left out, for no such module is loaded: {said}",)


def symbols(ask: Ask, addresses: Sequence[int], modules: Loaded, words: Words) -> Tuple[Optional[Symbol], ...]:
    """For each address its nearest symbol as the debugger names it, or None where it lies in no module."""
    distinct = list(dict.fromkeys(addresses))
    texts: Dict[int, Optional[str]] = {}
    for start in range(0, len(distinct), AT_ONCE):
        part = distinct[start : start + AT_ONCE]
        texts.update(_once(spoken(ask(format_symbols(part, words)), part, words.word)))
    doubtful = [address for address in distinct if address not in texts]
    for address in doubtful[:MOST_ALONE]:
        texts.update(_once(spoken(ask(format_symbols([address], words)), [address], words.word)))
    return tuple(modules.symbol(texts.get(address), address) for address in addresses)


def _once(answers: Sequence[Tuple[int, Optional[str]]]) -> Dict[int, Optional[str]]:
    counts: Dict[int, int] = {}
    for address, _ in answers:
        counts[address] = counts.get(address, 0) + 1
    return {address: text for address, text in answers if counts[address] == 1}


def details(ask: Ask, names: Sequence[str], modules: Loaded, words: Words) -> Tuple[Optional[ModuleDetail], ...]:
    """What `lmv` prints of the modules of these names; None where it prints nothing of one."""
    starts = modules.starts()
    wanted = [starts[name] for name in dict.fromkeys(names) if name in starts]
    found: Dict[int, Optional[ModuleDetail]] = {}
    blocks = parse_lmv(ask(format_lmv(wanted, words)), words.word) if wanted else ()
    if [block.module.start for block in blocks] == wanted:
        found = {block.module.start: block for block in blocks}
    else:  # a row that was not asked for, twice, or out of order: module by module
        for start in wanted[:MOST_ALONE]:
            found[start] = _alone(parse_lmv(ask(format_lmv([start], words)), words.word), start)
    return tuple(found.get(starts.get(name, -1)) for name in names)


def remarks_on(found: Sequence[Optional[ModuleDetail]]) -> Iterator[str]:
    """The debugger's remarks on the files of these modules, but for those whose files it has not looked for yet."""
    for one in found:
        if one is not None and one.module.symbols != "deferred":
            yield from made_again(one.module.name, one.mapped, one.flags)


def _alone(blocks: Sequence[ModuleDetail], start: int) -> Optional[ModuleDetail]:
    # The first row is the debugger's; rows behind it are planted by that very module's file names.
    if not blocks or blocks[0].module.start != start:
        return None
    found = [block.version for block in blocks if block.version is not None]
    best = next((version for version in found if version.company or version.product), found[0] if found else None)
    return replace(blocks[0], version=best)
