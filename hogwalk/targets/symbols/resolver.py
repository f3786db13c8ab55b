"""Symbols of a crashed machine's modules, each loaded at the first address asked in it."""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from hogwalk.errors import BadInput, Unreadable
from hogwalk.model import Symbol, Version
from hogwalk.targets.images.coff import coff_symbols
from hogwalk.targets.images.image import Image
from hogwalk.targets.images.pe import CodeView, FileImage, Pe
from hogwalk.targets.images.relocated import Relocated
from hogwalk.targets.images.source import Window
from hogwalk.targets.images.store import SearchPath
from hogwalk.targets.images.version import version_of
from hogwalk.targets.symbols.pdb import Pdb
from hogwalk.targets.symbols.tables import ListTable, NoTable, PdbTable, Table
from hogwalk.targets.symbols.taken import taken

Read = Callable[[int, int], bytes]


class Resolver:
    """Answers which symbol an address has; says in `notes` which files it found but did not use, and why."""

    def __init__(self, images: Sequence[Image], read: Read, symbol_path: str, image_path: str) -> None:
        self.images: Tuple[Image, ...] = tuple(sorted(images, key=lambda image: image.start))
        self.notes: List[str] = []
        self._read = read
        self._starts = [image.start for image in self.images]
        self._symbols = SearchPath(f"{symbol_path};{image_path}")
        self._binaries = SearchPath(f"{image_path};{symbol_path}")
        self._tables: Dict[int, Table] = {}
        self._files: Dict[int, Optional[FileImage]] = {}
        self._relocated: Dict[int, Relocated] = {}

    def image_at(self, address: int) -> Optional[Image]:
        """The module whose bytes hold `address`, or None."""
        index = bisect_right(self._starts, address) - 1
        if index < 0 or address >= self.images[index].end:
            return None
        return self.images[index]

    def symbol(self, address: int) -> Optional[Symbol]:
        """The nearest symbol of an address, None where it lies in no module."""
        image = self.image_at(address)
        if image is None:
            return None
        found = self.table(image).nearest(address - image.start)
        return Symbol(image.name, *found) if found is not None else Symbol(image.name, "", address - image.start)

    def taken(self, address: int) -> Optional[int]:
        """What the function that begins at an address takes off its caller's stack, where its name proves it."""
        image = self.image_at(address)
        name = None if image is None else self.table(image).decorated(address - image.start)
        return None if name is None else taken(name)

    def kind(self, image: Image) -> str:
        """What symbols a module has: "pdb", "export", "coff", "none", or "deferred" before the first question."""
        table = self._tables.get(image.start)
        return table.kind if table is not None else "deferred"

    def table(self, image: Image) -> Table:
        """The module's symbols, loaded at the first call."""
        if image.start not in self._tables:
            self._tables[image.start] = NoTable()  # a failure on the way must not be tried again
            self._tables[image.start] = self._load(image)
        return self._tables[image.start]

    def _mapped(self, image: Image) -> Optional[Pe]:
        """The headers of the image in the target's memory, or None."""
        try:
            return Pe(Window(self._read, image.start, image.size))
        except Unreadable:
            return None

    def file(self, image: Image) -> Optional[FileImage]:
        """The image's own file from the search paths, or None; one of another build is not used, and noted."""
        if image.start not in self._files:
            self._files[image.start] = self._find_file(image)
        return self._files[image.start]

    def _find_file(self, image: Image) -> Optional[FileImage]:
        for path in self._binaries.image_files(image.file, image.timestamp, image.size):
            try:
                found = FileImage(path)
            except BadInput as error:
                self.notes.append(f"image file of {image.name} not used: {error.wrong}")
                continue
            pe = found.pe
            if (image.timestamp and pe.timestamp != image.timestamp) or pe.size != image.size:
                self.notes.append(
                    f"image file {found.file.name} not used: it is of another build "
                    f"(timestamp {pe.timestamp:08x}, the dump has {image.timestamp:08x})"
                )
                continue
            return found
        return None

    def read(self, address: int, count: int) -> bytes:
        """Bytes of a module's read-only sections from its image file; raises Unreadable where there is none."""
        image = self.image_at(address)
        file = self.file(image) if image is not None else None
        if image is None or file is None:
            raise Unreadable(address, count)
        if image.start not in self._relocated:
            self._relocated[image.start] = Relocated(file, image.start)
        return self._relocated[image.start].read(address - image.start, count)

    def _load(self, image: Image) -> Table:
        mapped = self._mapped(image)
        codeview = image.codeview or (mapped.codeview() if mapped is not None else None)
        file = None
        if codeview is None:
            file = self.file(image)
            codeview = file.pe.codeview() if file is not None else None
        pdb = self._pdb(image, codeview) if codeview is not None else None
        if pdb is not None:
            try:
                return PdbTable(pdb)
            except (Unreadable, struct.error):
                self.notes.append(f"symbols of {image.name} not used: {pdb.file.name} is damaged; copy the file again")
        exports = mapped.exports() if mapped is not None else []
        file = file or self.file(image)
        if file is not None:
            coff = coff_symbols(file)
            if coff:
                return ListTable("coff", coff)
            exports = exports or file.pe.exports()
        return ListTable("export", exports) if exports else NoTable()

    def _pdb(self, image: Image, codeview: CodeView) -> Optional[Pdb]:
        """The PDB that the image was linked with, or None; others of its name are noted."""
        for path in self._symbols.pdb_files(codeview.name, codeview.identity):
            try:
                pdb = Pdb(path)
            except BadInput as error:
                self.notes.append(f"symbols of {image.name} not used: {error.wrong}")
                continue
            if codeview.identity in pdb.identities():
                return pdb
            other = pdb.identities()[0].folder()
            self.notes.append(
                f"symbols {pdb.file.name} of {image.name} not used: the file is {other}, "
                f"the module wants {codeview.identity.folder()}"
            )
            pdb.file.close()
        return None

    def version(self, name: str) -> Optional[Version]:
        """What the named module's version resource says, from memory or its file; None where neither can be read."""
        for image in self.images:
            if image.name.lower() == name.lower():
                mapped = self._mapped(image)
                found = version_of(mapped) if mapped is not None else None
                if found is None or not (found.company or found.product):
                    file = self.file(image)
                    found = (version_of(file.pe) if file is not None else None) or found
                return found
        return None
