"""Finding symbol and image files on disk: flat folders and `srv*`-style stores; nothing is ever downloaded."""

from __future__ import annotations

import os
from typing import Dict, Iterator, List, Optional, Tuple

from hogwalk.errors import BadInput
from hogwalk.model import Version
from hogwalk.targets.images.pe import FileImage, Identity
from hogwalk.targets.images.version import version_of

_SERVERS = ("srv", "symsrv", "cache")


class SearchPath:
    """The folders of a debugger search path.

    Parts are split at `;`.  `srv*DIR*https://...`, `symsrv*DLL*DIR` and `cache*DIR` give their folders only;
    `~`-relative parts are expanded; parts that are no folder are ignored and listed in `missing`.
    """

    def __init__(self, text: str) -> None:
        self.folders: List[str] = []
        self.missing: List[str] = []
        for part in filter(None, (piece.strip() for piece in text.split(";"))):
            for folder in _folders(part):
                expanded = os.path.expanduser(folder)
                (self.folders if os.path.isdir(expanded) else self.missing).append(expanded)
        self._listings: Dict[str, Dict[str, str]] = {}

    def _named(self, folder: str, name: str) -> str:
        """The path of `name` in `folder` whatever its case, "" when it is not there; folders are listed once."""
        if folder not in self._listings:
            try:
                self._listings[folder] = {entry.lower(): entry for entry in os.listdir(folder)}
            except OSError:
                self._listings[folder] = {}
        entry = self._listings[folder].get(name.lower())
        return os.path.join(folder, entry) if entry is not None else ""

    def _flat(self, name: str) -> Iterator[str]:
        """Files of that name in each folder, in its `symbols\\<extension>` and `<extension>` subfolders."""
        extension = name.rsplit(".", 1)[-1] if "." in name else ""
        for folder in self.folders:
            for place in ((), (extension,), ("symbols", extension)):
                at = folder
                for step in place:
                    at = self._named(at, step) if at and step else ""
                path = self._named(at, name) if at else ""
                if path and os.path.isfile(path):
                    yield path

    def _stored(self, name: str, key: str) -> Iterator[str]:
        """The file stored under name/key/name in each folder."""
        for folder in self.folders:
            at = self._named(folder, name)
            at = self._named(at, key) if at and os.path.isdir(at) else ""
            path = self._named(at, name) if at else ""
            if path and os.path.isfile(path):
                yield path

    def pdb_files(self, name: str, identity: Identity) -> Iterator[str]:
        """Candidates for a PDB, stored ones first; whether one fits is for the caller to check."""
        yield from self._stored(name, identity.folder())
        yield from self._flat(name)

    def image_files(self, name: str, timestamp: int, size: int) -> Iterator[str]:
        """Candidates for an image file, stored ones (name/TIMESTAMPsize/name) first."""
        yield from self._stored(name, f"{timestamp:08X}{size:x}")
        yield from self._flat(name)


def version_on_disk(path: SearchPath, name: str, timestamp: int, size: int) -> Optional[Version]:
    """The version resource of an image's file of that very build; None where the path has none."""
    for candidate in path.image_files(name, timestamp, size):
        try:
            pe = FileImage(candidate).pe
        except BadInput:
            continue
        if (pe.timestamp, pe.size) == (timestamp, size):
            return version_of(pe)
    return None


def _folders(part: str) -> Tuple[str, ...]:
    """The folders of one part of a search path."""
    pieces = part.split("*")
    if pieces[0].lower() not in _SERVERS:
        return (part,)
    return tuple(piece for piece in pieces[1:] if piece and "://" not in piece and not piece.lower().endswith(".dll"))
