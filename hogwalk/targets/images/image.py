"""A loaded image as the symbol search sees it."""

from __future__ import annotations

from typing import NamedTuple, Optional

from hogwalk.targets.images.pe import CodeView


class Image(NamedTuple):
    """A module: its name, its file's name, where it lies, the linker's timestamp (0 when unknown).

    `codeview` is the PDB's identity where the dump itself records it (minidumps do).
    """

    name: str
    file: str
    start: int
    size: int
    timestamp: int
    codeview: Optional[CodeView]

    @property
    def end(self) -> int:
        """The first address after the module."""
        return self.start + self.size
