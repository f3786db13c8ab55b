"""What the files on the debugger's own disk tell beside it: versions of images, decorated names of symbol files."""

from __future__ import annotations

import struct
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from hogwalk.errors import BadInput, Unreadable
from hogwalk.model import Module, Version
from hogwalk.targets.images.store import SearchPath, version_on_disk
from hogwalk.targets.parsers.lm import ModuleDetail, symbol_files
from hogwalk.targets.parsers.settings import search_path
from hogwalk.targets.symbols.pdb import Pdb
from hogwalk.targets.symbols.tables import PdbTable
from hogwalk.targets.symbols.taken import taken


class Disk:
    """The files that the debugger's settings and answers name, each opened at the first question about it."""

    def __init__(self, command: Callable[[str], str]) -> None:
        self._command = command
        self._images: Optional[SearchPath] = None
        self._tables: Dict[str, Optional[PdbTable]] = {}
        self._files: Tuple[str, List[Tuple[Module, str]]] = "", []  # what it was made of

    def version(self, detail: ModuleDetail) -> Optional[Version]:
        """What `lm v` says of an image, or where memory has no version resource what the image's own file does."""
        said = detail.version
        if said is not None and (said.company or said.product):
            return said
        if self._images is None:
            # Not the symbol path: its stores hold images, too, but to list one on a server can take minutes.
            self._images = SearchPath(search_path(self._command(".exepath")))
        start, end = detail.module.start, detail.module.end
        return version_on_disk(self._images, detail.file, detail.build, end - start) or said

    def taken(self, addresses: Sequence[int], listed: str) -> Tuple[Optional[int], ...]:
        """What functions take off the stack by their decorated names; `listed` is `lm`'s answer, which names the PDBs.

        The debugger itself prints names without their decoration (10.0.15063), unless an option is changed that makes
        it load all symbols again.
        """
        if self._files[0] != listed:
            self._files = listed, symbol_files(listed)
        return tuple(self._taken(address) for address in addresses)

    def _taken(self, address: int) -> Optional[int]:
        for module, path in self._files[1]:
            if module.start <= address < module.end:
                if path not in self._tables:
                    self._tables[path] = _table(path)
                table = self._tables[path]
                name = None if table is None else table.decorated(address - module.start)
                return None if name is None else taken(name)
        return None


def _table(path: str) -> Optional[PdbTable]:
    try:
        return PdbTable(Pdb(path))
    except (BadInput, Unreadable, struct.error):  # gone since, or of a kind that only the debugger reads
        return None
