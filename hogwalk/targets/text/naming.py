"""Symbols and modules, as far as the symbols printed in a log imply them."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from typing import Container, Dict, Iterable, List, Optional, Sequence, Set, Tuple

from hogwalk.model import Module, Symbol

PAGE = 0x1000
LARGEST_MODULE = 0x1000000  # bytes; a printed name further from its module's start is taken for a mistake


def inferred_modules(symbols: Dict[int, Symbol], listed: Iterable[Module]) -> Tuple[Module, ...]:
    """Modules that symbols name and `lm` did not list: at least as large as these symbols show, and maybe larger.

    A `Module+0x1196` gives the start exactly; from `Module!Name+0x45` follows only that it starts no later than Name.
    """
    seen: Dict[str, List[Tuple[int, Symbol]]] = {}
    known = list(listed)
    names = {module.name for module in known}
    for address, symbol in symbols.items():
        if symbol.module and symbol.module not in names and not symbol.module.startswith("<"):
            seen.setdefault(symbol.module, []).append((address, symbol))
    guesses = [_guess(name, uses) for name, uses in seen.items()]
    return _apart(known, guesses)


def _guess(name: str, uses: Sequence[Tuple[int, Symbol]]) -> Module:
    bases = Counter(address - symbol.displacement for address, symbol in uses if not symbol.name)
    lowest = min((address - symbol.displacement for address, symbol in uses if symbol.name), default=1 << 64)
    exact = [(count, base) for base, count in bases.items() if 0 <= base <= lowest and base % PAGE == 0]
    start = max(exact)[1] if exact else max(lowest, 0) // PAGE * PAGE
    highest = max((address for address, _ in uses if start <= address < start + LARGEST_MODULE), default=start)
    named = any(symbol.name for _, symbol in uses)
    return Module(name, start, (highest // PAGE + 1) * PAGE, "deferred" if named else "none")


def _apart(known: Sequence[Module], guesses: Sequence[Module]) -> Tuple[Module, ...]:
    # Modules never overlap: a guess yields to a listed module, and ends where the next one begins.
    kept: List[Module] = []
    everything = [*((module, True) for module in known), *((module, False) for module in guesses)]
    everything.sort(key=lambda one: (one[0].start, not one[1]))
    for index, (module, listed) in enumerate(everything):
        if listed:
            continue
        before, sure = everything[index - 1] if index else (None, False)
        after = everything[index + 1][0] if index + 1 < len(everything) else None
        end = min(module.end, after.start) if after else module.end
        if end > module.start and not (before and sure and before.end > module.start):
            kept.append(Module(module.name, module.start, end, module.symbols))
    return tuple(kept)


def lone_functions(symbols: Dict[int, Symbol], unplaced: Iterable[Symbol], known: Iterable[str]) -> Set[str]:
    """Names that look like modules without symbols and are functions whose module is not printed.

    The extensions of NT 4 and 2000 print `KiSwapThread+0xb5` alone, the debugger `OakScan+0x2f10` for a module without
    symbols: a module's displacement leads back to its start, which lies on a page.  `unplaced` symbols belong to
    addresses that are not known: in a module's first page lies no code.
    """
    modules = {symbol.module for symbol in symbols.values() if symbol.name} | set(known)
    pages: Dict[str, bool] = {}
    for address, symbol in symbols.items():
        if not symbol.name:
            pages[symbol.module] = pages.get(symbol.module, False) or (address - symbol.displacement) % PAGE == 0
    for symbol in unplaced:
        if not symbol.name and symbol.module not in pages:
            pages[symbol.module] = symbol.displacement >= PAGE
    return {name for name, paged in pages.items() if not paged and name not in modules and name[:1] != "<"}


def as_function(symbol: Symbol, functions: Container[str]) -> Symbol:
    """The symbol, as a function without a module where its name is one of these."""
    bare = not symbol.name and symbol.module in functions
    return Symbol("", symbol.module, symbol.displacement) if bare else symbol


class Names:
    """Answers which symbol an address has."""

    def __init__(self, symbols: Dict[int, Symbol], modules: Sequence[Module]) -> None:
        self._symbols = symbols
        self._modules = sorted(modules, key=lambda module: module.start)
        self._module_starts = [module.start for module in self._modules]
        reach: Dict[Tuple[int, str, str], int] = {}
        for address, symbol in symbols.items():
            if symbol.name:
                key = (address - symbol.displacement, symbol.module, symbol.name)
                reach[key] = max(reach.get(key, 0), symbol.displacement)
        self._reaches = sorted((start, end, module, name) for (start, module, name), end in reach.items())
        self._starts = [start for start, _, _, _ in self._reaches]

    def find(self, address: int) -> Optional[Symbol]:
        """The symbol printed for the address; else the one that is printed for lower and higher ones; else its module.

        The debugger prints the nearest symbol below: what lies between a symbol's start and an address it was printed
        for, has the same symbol.  Beyond that the name is not known, and only the module is given.
        """
        if address in self._symbols:
            return self._symbols[address]
        index = bisect_right(self._starts, address) - 1
        if index >= 0:
            start, reach, module, name = self._reaches[index]
            if address <= start + reach:
                return Symbol(module, name, address - start)
        index = bisect_right(self._module_starts, address) - 1
        if index >= 0 and address < self._modules[index].end:
            found = self._modules[index]
            return Symbol(found.name, "", address - found.start)
        return None
