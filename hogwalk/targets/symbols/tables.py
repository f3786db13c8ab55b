"""Symbol tables of one module: what an RVA's nearest symbol is, by PDB, by exports, by COFF symbols."""

from __future__ import annotations

from bisect import bisect_right
from typing import List, Optional, Sequence, Tuple, Union

from hogwalk.model import FrameLayout
from hogwalk.targets.images.pe import Named
from hogwalk.targets.symbols.frames import frame_records
from hogwalk.targets.symbols.functions import Functions
from hogwalk.targets.symbols.layout import Layouts
from hogwalk.targets.symbols.pdb import OMAP_FROM_SOURCE, OMAP_TO_SOURCE, Pdb
from hogwalk.targets.symbols.publics import Publics
from hogwalk.targets.symbols.types import Types
from hogwalk.targets.symbols.undecorate import undecorate

Found = Tuple[str, int]  # name, displacement


class PdbTable:
    """A PDB's symbols; the function record or public that starts nearest below an address wins."""

    kind = "pdb"

    def __init__(self, pdb: Pdb) -> None:
        self.pdb = pdb
        self.types = Types(pdb)
        self._publics = Publics(pdb)
        self._functions = Functions(pdb)
        self._layouts: Optional[Layouts] = None
        self._to_source = pdb.omap(OMAP_TO_SOURCE)
        self._from_source = pdb.omap(OMAP_FROM_SOURCE)

    def nearest(self, rva: int) -> Optional[Found]:
        """The name and the displacement from it, or None."""
        if self._to_source is not None:
            mapped = self._to_source.map(rva)
            if mapped is None:
                return None
            rva = mapped
        function = self._functions.nearest(rva)
        public = self._publics.nearest(rva)
        if function is not None and (public is None or function.rva >= public.rva):
            return undecorate(function.name) if function.name.startswith("?") else function.name, rva - function.rva
        place = self.pdb.place(rva)
        if public is None or place is None or public.rva < rva - place[1]:
            return None  # a symbol of another section says nothing
        return undecorate(public.name), rva - public.rva

    def decorated(self, rva: int) -> Optional[str]:
        """The public name of the function that begins at an address, as the PDB spells it, or None."""
        source = rva if self._to_source is None else self._to_source.map(rva)
        public = None if source is None else self._publics.nearest(source)
        return None if public is None or public.rva != source else public.name

    def layout(self, rva: int) -> Optional[FrameLayout]:
        """What the frame records say of the stack at an address, or None."""
        if self._layouts is None:
            self._layouts = Layouts(frame_records(self.pdb))
        source = rva if self._to_source is None else self._to_source.map(rva)
        return None if source is None else self._layouts.at(source)

    def address(self, name: str) -> Optional[int]:
        """The RVA of a public or function by its printed name, or None; reads every public."""
        for named in self._publics:
            if name in (named.name, undecorate(named.name)):
                return named.rva if self._from_source is None else self._from_source.map(named.rva)
        return None


class ListTable:
    """Exports or COFF symbols, sorted by address."""

    def __init__(self, kind: str, symbols: Sequence[Named]) -> None:
        self.kind = kind
        self._symbols: List[Named] = list(symbols)
        self._starts = [symbol.rva for symbol in self._symbols]

    def nearest(self, rva: int) -> Optional[Found]:
        """The name and the displacement from it, or None."""
        index = bisect_right(self._starts, rva) - 1
        if index < 0:
            return None
        return undecorate(self._symbols[index].name), rva - self._starts[index]

    def decorated(self, rva: int) -> Optional[str]:
        """The name of the symbol at an address as the file spells it, or None."""
        index = bisect_right(self._starts, rva) - 1
        return self._symbols[index].name if index >= 0 and self._starts[index] == rva else None

    def address(self, name: str) -> Optional[int]:
        """The RVA of a symbol by its printed name, or None."""
        for symbol in self._symbols:
            if name in (symbol.name, undecorate(symbol.name)):
                return symbol.rva
        return None


class NoTable:
    """A module without symbols."""

    kind = "none"

    def nearest(self, rva: int) -> Optional[Found]:
        """Always None."""
        del rva
        return None

    def decorated(self, rva: int) -> Optional[str]:
        """Always None."""
        del rva
        return None

    def address(self, name: str) -> Optional[int]:
        """Always None."""
        del name
        return None


Table = Union[PdbTable, ListTable, NoTable]
