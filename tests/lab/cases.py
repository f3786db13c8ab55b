"""A finished case read back from its folder: truth document and stack bytes."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from tests.lab.pages import read_pages


@dataclass(frozen=True)
class StoredCase:
    """A case's folder with its truth document (as written by generate) and the dump's pages by virtual address."""

    folder: Path
    truth: Dict[str, Any]
    pages: Dict[int, bytes]

    @property
    def dump(self) -> Path:
        """The crash dump file."""
        return self.folder / "memory.dmp"

    @property
    def symbols(self) -> Path:
        """The folder of PDB files."""
        return self.folder / "symbols"

    def word(self, address: int) -> Optional[int]:
        """The aligned dword at the address, None where the dump has no such page."""
        page = self.pages.get(address & ~0xFFF)
        return None if page is None else int(struct.unpack_from("<I", page, address & 0xFFF)[0])

    def stack_words(self) -> List[Tuple[int, int]]:
        """(address, word) of every readable word in [limit, base), ascending."""
        found = []
        for address in range(self.truth["limit"], self.truth["base"], 4):
            word = self.word(address)
            if word is not None:
                found.append((address, word))
        return found

    def module_at(self, address: int) -> str:
        """Name of the module that holds the address, or ""."""
        for module in self.truth["modules"]:
            if module["base"] <= address < module["end"]:
                return str(module["name"])
        return ""

    def true_slots(self) -> Dict[int, Dict[str, Any]]:
        """The live frames of the current segment by return slot."""
        limit, base = self.truth["limit"], self.truth["base"]
        return {f["return_slot"]: f for f in self.truth["frames"] if limit <= f["return_slot"] < base}


def open_case(folder: Path) -> StoredCase:
    """Read a case's folder; raises OSError or ValueError where it is not one."""
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    return StoredCase(folder, truth, read_pages((folder / "memory.dmp").read_bytes()))
